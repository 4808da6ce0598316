#include "cli/cassandra_config.h"

#include <fmt/format.h>

#include "config/secrets.h"
#include "config/values.h"

namespace hirestream {
namespace {

tl::unexpected<Error> bad_parameter(const Uri& uri, const std::string& name, std::string allowed) {
  return fail(ErrorKind::kConfig, "read URI", uri.text(),
              fmt::format("parameter {}: '{}' is not allowed", name, uri.parameter(name)),
              std::move(allowed));
}

Result<void> read_count(const Uri& uri, const std::string& name, int32_t max, int32_t& field) {
  if (!uri.parameters.contains(name)) {
    return {};
  }
  const auto value = parse_int64(uri.parameter(name));
  if (!value || *value < 1 || *value > max) {
    return bad_parameter(uri, name, fmt::format("allowed: 1 to {}", max));
  }
  field = static_cast<int32_t>(*value);
  return {};
}

Result<void> read_timeout(const Uri& uri, const std::string& name,
                          std::chrono::milliseconds& field) {
  if (!uri.parameters.contains(name)) {
    return {};
  }
  const auto value = parse_duration(uri.parameter(name));
  if (!value || *value < 100'000 || *value > 300'000'000) {
    return bad_parameter(uri, name, "allowed: a duration from 100ms to 5min");
  }
  field = std::chrono::milliseconds(*value / 1'000);
  return {};
}

}  // namespace

bool cassandra_uses_tls(const Uri& uri) {
  const bool has_files = uri.parameters.contains("tls_ca") || uri.parameters.contains("tls_cert");
  return uri.parameter("tls", has_files ? "on" : "off") == "on";
}

std::vector<std::string> certificate_files(const Uri& uri) {
  return {uri.parameter("tls_ca"), uri.parameter("tls_cert"), uri.parameter("tls_key")};
}

Result<CassandraConfig> cassandra_config(const Uri& uri, const std::string& password) {
  CassandraConfig config;
  for (const HostPort& host : uri.hosts) {
    const bool v6 = host.host.find(':') != std::string::npos;
    config.hosts.push_back(v6 ? fmt::format("[{}]:{}", host.host, host.port)
                              : fmt::format("{}:{}", host.host, host.port));
  }
  config.keyspace = uri.database;
  config.table = uri.table;
  config.user = uri.user;
  config.password = password;
  config.tls = cassandra_uses_tls(uri);
  config.tls_ca = uri.parameter("tls_ca");
  config.tls_cert = uri.parameter("tls_cert");
  config.tls_key = uri.parameter("tls_key");
  config.tls_check_address = uri.parameter("tls_check_address", "on") == "on";
  config.local_dc = uri.parameter("local_dc");
  if (uri.parameters.contains("consistency")) {
    const auto consistency = parse_consistency(uri.parameter("consistency"));
    HIRESTREAM_CHECK(consistency.has_value());  // parse_uri knows the names
    config.consistency = *consistency;
  }
  HIRESTREAM_TRY(read_count(uri, "page_rows", 100'000, config.page_rows));
  HIRESTREAM_TRY(read_count(uri, "parallel_reads", 256, config.parallel_reads));
  HIRESTREAM_TRY(read_count(uri, "parallel_writes", 1'024, config.parallel_writes));
  HIRESTREAM_TRY(read_count(uri, "connections_per_host", 16, config.connections_per_host));
  HIRESTREAM_TRY(read_timeout(uri, "connect_timeout", config.connect_timeout));
  HIRESTREAM_TRY(read_timeout(uri, "request_timeout", config.request_timeout));
  if (!config.user.empty() && config.password.empty()) {
    return fail(ErrorKind::kConfig, "open", uri.text(),
                fmt::format("there is no password for user '{}'", config.user),
                "set HIRESTREAM_CASSANDRA_PASSWORD or HIRESTREAM_CASSANDRA_PASSWORD_FILE");
  }
  HIRESTREAM_TRY(config.validate());
  return config;
}

Result<CassandraConfig> named_table_config(const std::string& operation, const std::string& option,
                                           const std::string& text) {
  HIRESTREAM_ASSIGN(const Uri uri, parse_uri(text, UriRole::kRawLog));
  if (uri.scheme != Scheme::kCassandra) {
    return fail(ErrorKind::kConfig, operation, option, text + " is no Cassandra table",
                "--from and --to name tables: cassandra://host/keyspace/table");
  }
  HIRESTREAM_ASSIGN(const std::string password,
                    read_secret(process_environment(), "HIRESTREAM_CASSANDRA_PASSWORD"));
  return cassandra_config(uri, password);
}

}  // namespace hirestream
