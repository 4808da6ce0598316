#include "adapters/cassandra/node_facts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/row_id.h"

namespace hirestream {

namespace {

// Of that node. Nothing where the server has no such table: Scylla, or Cassandra before 4.0.
Result<std::optional<NodeSettings>> read_settings(CqlSession& session, const std::string& address) {
  HIRESTREAM_ASSIGN(const auto tables,
                    session.query("SELECT table_name FROM system_virtual_schema.tables WHERE "
                                  "keyspace_name = 'system_views' AND table_name = 'settings'",
                                  {}));
  if (tables.rows.empty()) {
    return std::optional<NodeSettings>();
  }
  HIRESTREAM_ASSIGN(const auto select,
                    session.prepare("SELECT name, value FROM system_views.settings"));
  HIRESTREAM_TRY(session.send_to(address, select));
  HIRESTREAM_ASSIGN(const auto answer, session.query(select, {}));
  NodeSettings settings;
  for (const CqlRow& row : answer.rows) {
    settings.insert_or_assign(row[0].value_or(""), row[1].value_or(""));
  }
  return std::optional(std::move(settings));
}

std::string address_text(std::span<const uint8_t> inet) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(inet.size() == 4 ? AF_INET : AF_INET6, inet.data(), text, sizeof text);
  return text;
}

// That the configuration names first. A node alone is meant whatever it is called.
std::string followed_address(const CassandraConfig& config) {
  const std::string& host = config.hosts.front();
  const std::string address = host.substr(0, host.rfind(':'));
  const bool has_brackets = address.starts_with('[') && address.ends_with(']');
  return has_brackets ? address.substr(1, address.size() - 2) : address;
}

Result<std::string> host_id_of(CqlSession& session, const CassandraConfig& config) {
  const std::string wanted = followed_address(config);
  HIRESTREAM_ASSIGN(const auto select, session.prepare("SELECT host_id FROM system.local"));
  HIRESTREAM_ASSIGN(const bool known, session.send_to(wanted, select));
  HIRESTREAM_ASSIGN(const auto peers, session.query("SELECT rpc_address FROM system.peers", {}));
  if (!known && !peers.rows.empty()) {
    std::vector<std::string> others;
    for (const CqlRow& row : peers.rows) {
      const bool is_address = row[0] && (row[0]->size() == 4 || row[0]->size() == 16);
      others.push_back(is_address ? address_text(bytes_of(*row[0])) : std::string());
    }
    return fail(
        ErrorKind::kConfig, "mirror", config.table_text(),
        fmt::format("the cluster has several nodes, none of them with the address {}", wanted),
        fmt::format("name in --from the node whose log is followed, first and by its address, as "
                    "those of other nodes are: {}",
                    fmt::join(others, ", ")));
  }
  HIRESTREAM_ASSIGN(const auto local, session.query(select, {}));
  const auto id = local.rows.empty() || !local.rows[0][0] ? std::nullopt
                                                          : read_uuid(bytes_of(*local.rows[0][0]));
  if (!id) {
    return fail(ErrorKind::kTransient, "mirror", config.hosts_text(), "the node tells no host_id");
  }
  return format_uuid(*id);
}

}  // namespace

NodeFacts judge_settings(const NodeSettings& settings) {
  NodeFacts facts;
  const auto value = [&](const char* name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string() : found->second;
  };
  facts.commit_log_folder = value("commitlog_directory");
  facts.cdc_raw_folder = value("cdc_enabled") == "true" ? value("cdc_raw_directory") : "";
  if (value("transparent_data_encryption_options_enabled") == "true") {
    facts.problem = "the commit log is encrypted";
    facts.remedy = "mirror by reconciling alone (--commit-log none)";
  }
  const std::string period = value("commitlog_sync_period");
  facts.sync_period = period;
  if (!value("commitlog_compression").empty() && value("commitlog_compression") != "null") {
    facts.notes.push_back(fmt::format(
        "the commit log is compressed: rows can be seen when a section is written, each {}; "
        "without commitlog_compression it is 100 ms",
        period));
  }
  if (value("commitlog_disk_access_mode") == "direct") {
    facts.notes.push_back(
        fmt::format("the commit log is written past the page cache: rows can be seen each {}; with "
                    "commitlog_disk_access_mode: mmap it is 100 ms",
                    period));
  }
  return facts;
}

Result<NodeFacts> read_node_facts(const CassandraConfig& config) {
  HIRESTREAM_ASSIGN(const auto connection, CassandraConnection::open(config));
  CqlSession& session = connection->session();
  HIRESTREAM_ASSIGN(std::string host_id, host_id_of(session, config));
  const auto settings = read_settings(session, followed_address(config));
  if (!settings && settings.error().kind != ErrorKind::kConfig) {
    return forward(settings.error());
  }
  NodeFacts facts;
  if (!settings) {
    facts.problem = "the node's settings cannot be read: " + settings.error().message;
    facts.remedy =
        "a role that may read system_views.settings, or mirror by reconciling alone "
        "(--commit-log none)";
  } else if (!*settings) {
    facts.problem =
        "the server tells no settings (system_views.settings): Scylla, a managed "
        "service or a Cassandra before 4.0 has no log that can be followed";
    facts.remedy = "mirror by reconciling alone (--commit-log none)";
  } else {
    facts = judge_settings(**settings);
  }
  facts.host_id = std::move(host_id);
  return facts;
}

namespace {

// Of the folder's segments, one that this process may not read, if any. One that has gone meanwhile
// is not meant.
std::string unreadable_segment(const std::string& folder) {
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(folder, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string path = at->path().string();
    const bool is_segment = at->path().filename().string().starts_with("CommitLog-");
    if (is_segment && access(path.c_str(), R_OK) != 0 && errno != ENOENT) {
      return path;
    }
  }
  return error ? folder : std::string();
}

}  // namespace

std::vector<TableAdvice> mirror_prospects(const NodeFacts& facts) {
  constexpr std::string_view kGroup =
      "run hirestream mirror as a member of the group that owns the files (cassandra)";
  if (!facts.problem.empty()) {
    return {{facts.problem, facts.remedy}};
  }
  const std::string& folder = facts.commit_log_folder;
  std::error_code error;
  if (!std::filesystem::exists(folder, error) && !error) {
    return {{fmt::format("{} is not on this machine", folder),
             "hirestream mirror, which shows rows of the plain table within a second, runs on the "
             "node itself, or where its volume is mounted (--commit-log)"}};
  }
  if (const std::string file = unreadable_segment(folder); error || !file.empty()) {
    return {{fmt::format("{} may not be read by this user", error ? folder : file),
             std::string(kGroup)}};
  }
  std::vector<TableAdvice> advice = {{fmt::format("{} can be followed from here", folder), ""}};
  for (const std::string& note : facts.notes) {
    advice.push_back({note, "hirestream mirror works, but later"});
  }
  return advice;
}

}  // namespace hirestream
