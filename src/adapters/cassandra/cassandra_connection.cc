#include "adapters/cassandra/cassandra_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

constexpr std::array<std::pair<std::string_view, Consistency>, 8> kConsistencies = {{
    {"ONE", Consistency::kOne},
    {"TWO", Consistency::kTwo},
    {"THREE", Consistency::kThree},
    {"QUORUM", Consistency::kQuorum},
    {"ALL", Consistency::kAll},
    {"LOCAL_QUORUM", Consistency::kLocalQuorum},
    {"EACH_QUORUM", Consistency::kEachQuorum},
    {"LOCAL_ONE", Consistency::kLocalOne},
}};

// Each sees what the next one sees.
constexpr std::array kStrongestFirst = {Consistency::kAll, Consistency::kEachQuorum,
                                        Consistency::kQuorum, Consistency::kLocalQuorum};

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 48 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

Result<void> invalid(const char* field, const std::string& value, const char* allowed) {
  return fail(ErrorKind::kConfig, "check settings", fmt::format("cassandra {}", field),
              fmt::format("is '{}', allowed: {}", value, allowed));
}

Result<void> check_range(const char* field, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    return fail(ErrorKind::kConfig, "check settings", fmt::format("cassandra {}", field),
                fmt::format("is {}, allowed: {} to {}", value, least, most));
  }
  return {};
}

}  // namespace

std::optional<Consistency> parse_consistency(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  for (const auto& [known, consistency] : kConsistencies) {
    if (known == upper) {
      return consistency;
    }
  }
  return std::nullopt;
}

std::string_view consistency_name(Consistency consistency) {
  for (const auto& [name, known] : kConsistencies) {
    if (known == consistency) {
      return name;
    }
  }
  return "unknown";
}

Result<void> CassandraConfig::validate() const {
  if (hosts.empty() || std::any_of(hosts.begin(), hosts.end(), [](const std::string& host) {
        return host.empty() || host.find_first_of(", \t\n") != host.npos;
      })) {
    return invalid("hosts", hosts_text(), "at least one host or host:port");
  }
  if (!is_name(keyspace)) {
    return invalid("keyspace", keyspace, "1 to 48 letters, digits and underscores");
  }
  if (!is_name(table)) {
    return invalid("table", table, "1 to 48 letters, digits and underscores");
  }
  if (user.empty() && !password.empty()) {
    return fail(ErrorKind::kConfig, "check settings", "cassandra user",
                "is empty, but a password is set", "name the user in the URI: cassandra://user@…");
  }
  if (tls_cert.empty() != tls_key.empty()) {
    return fail(ErrorKind::kConfig, "check settings", "cassandra tls_cert, tls_key",
                "one is set without the other", "set both or neither");
  }
  if (!tls && (!tls_ca.empty() || !tls_cert.empty())) {
    return fail(ErrorKind::kConfig, "check settings", "cassandra tls",
                "is off, but tls_ca or tls_cert is set, which nothing would look at",
                "write tls=on, or leave tls_ca, tls_cert and tls_key out");
  }
  HIRESTREAM_TRY(check_range("page_rows", page_rows, 1, 100'000));
  HIRESTREAM_TRY(check_range("parallel_reads", parallel_reads, 1, 256));
  HIRESTREAM_TRY(check_range("parallel_writes", parallel_writes, 1, 1024));
  HIRESTREAM_TRY(check_range("connections_per_host", connections_per_host, 1, 16));
  HIRESTREAM_TRY(check_range("connect_timeout (ms)", connect_timeout.count(), 100, 300'000));
  HIRESTREAM_TRY(check_range("request_timeout (ms)", request_timeout.count(), 100, 600'000));
  return check_range("retries", retries, 0, 100);
}

std::string CassandraConfig::hosts_text() const {
  return fmt::format("{}", fmt::join(hosts, ","));
}

std::string CassandraConfig::table_text() const {
  return keyspace + "." + table;
}

Result<std::unique_ptr<CassandraConnection>> CassandraConnection::open(CassandraConfig config) {
  HIRESTREAM_TRY(config.validate());
  HIRESTREAM_ASSIGN(auto session, CqlSession::open(config));
  return std::unique_ptr<CassandraConnection>(
      new CassandraConnection(std::move(config), std::move(session)));
}

CassandraConnection::CassandraConnection(CassandraConfig config,
                                         std::unique_ptr<CqlSession> session)
    : config_(std::move(config)), session_(std::move(session)) {}

CassandraConnection::~CassandraConnection() = default;

Consistency CassandraConnection::consistency_at(ReadLevel level) {
  if (level == ReadLevel::kConfigured) {
    return config_.consistency;
  }
  std::vector<Consistency> candidates = {config_.strongest_consistency};
  const auto* next = std::ranges::find(kStrongestFirst, config_.strongest_consistency);
  candidates.insert(candidates.end(),
                    next == kStrongestFirst.end() ? kStrongestFirst.begin() + 1 : next + 1,
                    kStrongestFirst.end());
  for (const Consistency candidate : candidates) {
    if (candidate == config_.consistency || is_allowed(candidate)) {
      return candidate;
    }
  }
  return config_.consistency;
}

// A guardrail looks at the level alone, so a read of one row that every node has tells.
bool CassandraConnection::is_allowed(Consistency consistency) {
  const auto answer =
      session_->query("SELECT key FROM system.local WHERE key = 'local'", {}, consistency);
  return answer || answer.error().kind != ErrorKind::kConfig;
}

Result<void> CassandraConnection::execute(const std::string& cql) {
  return session_->execute(cql);
}

Result<bool> CassandraConnection::has_table(const std::string& name) {
  HIRESTREAM_ASSIGN(const auto tables,
                    session_->query("SELECT table_name FROM system_schema.tables WHERE "
                                    "keyspace_name = ? AND table_name = ?",
                                    {config_.keyspace, name}));
  return !tables.rows.empty();
}

Result<void> CassandraConnection::check_same_table(const std::string& id) {
  HIRESTREAM_ASSIGN(const auto tables,
                    session_->query("SELECT id FROM system_schema.tables WHERE keyspace_name = ? "
                                    "AND table_name = ?",
                                    {config_.keyspace, config_.table}));
  const auto found = tables.rows.empty() || !tables.rows[0][0]
                         ? std::nullopt
                         : read_uuid(bytes_of(*tables.rows[0][0]));
  if (!found || format_uuid(*found) == id) {
    return {};
  }
  return fail(ErrorKind::kConfig, "read table", config_.table_text(),
              "it was dropped and made anew meanwhile",
              "if its rows belong to what was counted: hirestream adopt; then start again");
}

ReadStatistics CassandraConnection::statistics() const {
  return session_->statistics();
}

}  // namespace hirestream
