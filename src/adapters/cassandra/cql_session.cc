#include <fmt/format.h>

#include <chrono>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

constexpr uint32_t kBackoffMsMin = 100;
constexpr uint32_t kBackoffMsMax = 5'000;
constexpr uint32_t kQueuePages = 8;

// Error codes of the CQL binary protocol (version 4, section 9).
constexpr int32_t kBadCredentials = 0x0100;
constexpr int32_t kFirstOfRequestErrors = 0x2000;
constexpr int32_t kSyntaxError = 0x2000;
constexpr int32_t kUnauthorized = 0x2100;
constexpr int32_t kUnprepared = 0x2500;

class ErrorBox {
 public:
  ErrorBox() = default;
  ErrorBox(const ErrorBox&) = delete;
  ErrorBox& operator=(const ErrorBox&) = delete;
  ~ErrorBox() { hs_cql_error_clear(&error_); }
  hs_cql_error* out() { return &error_; }
  tl::unexpected<Error> take(const char* operation, const std::string& subject) const;
  // Of a session that could not be opened.
  tl::unexpected<Error> take_opening(const CassandraConfig& config) const;

 private:
  std::string hint() const;
  hs_cql_error error_{};
};

std::string ErrorBox::hint() const {
  switch (error_.code) {
    case HS_CQL_E_CONNECT:
      return "check that Cassandra runs there and that host, port and TLS settings are right "
             "(cassandra://host:9042/keyspace/table)";
    case HS_CQL_E_AUTHENTICATION:
      return "check the user in the URI (cassandra://user@host/…) and the password, which comes "
             "from HIRESTREAM_CASSANDRA_PASSWORD or the file that "
             "HIRESTREAM_CASSANDRA_PASSWORD_FILE names";
    case HS_CQL_E_NETWORK:
    case HS_CQL_E_TIMEOUT:
      return "the cluster is down, overloaded or unreachable; it will be tried again";
    default:
      break;
  }
  if (std::string_view(error_.message != nullptr ? error_.message : "").find("Guardrail") !=
      std::string_view::npos) {
    return "a guardrail in the cluster's cassandra.yaml refuses it to this user: have it allowed, "
           "or "
           "ask for less (…/table?consistency=LOCAL_QUORUM, &page_rows=1000)";
  }
  if (error_.server_code == kUnauthorized) {
    return "grant the role what it needs: hirestream init --print shows the statements";
  }
  return {};
}

tl::unexpected<Error> ErrorBox::take(const char* operation, const std::string& subject) const {
  std::string message = error_.message != nullptr ? error_.message : "unknown error";
  message += error_.server_code != 0 ? fmt::format(" (server code 0x{:04x})", error_.server_code)
                                     : fmt::format(" (driver code {})", error_.code);
  const CqlVerdict verdict = cql_verdict(error_.code, error_.server_code);
  return forward({verdict.kind, operation, subject, std::move(message), hint(), verdict.may_pass});
}

std::string tls_hint(const CassandraConfig& config, std::string_view message) {
  const auto says = [message](std::string_view part) {
    return message.find(part) != std::string_view::npos;
  };
  if (says("cannot be used")) {
    return says("key values mismatch")
               ? "tls_key is not the key of tls_cert: name the two files that belong together"
               : "tls_ca, tls_cert and tls_key name PEM files that this program may read";
  }
  if (says("wrong version number")) {
    return "enable client_encryption_options in cassandra.yaml, or where the network is trusted "
           "write tls=off, without tls_ca and tls_cert";
  }
  if (says("IP address mismatch")) {
    return "the node's certificate does not name its IP address: give the node one that does, or "
           "check only who signed it with tls_check_address=off";
  }
  if (says("expired") || says("not yet valid")) {
    return "renew the certificate, or put the clocks right";
  }
  if (says("certificate verify failed")) {
    return config.tls_ca.empty()
               ? std::string(
                     "no authority that this machine knows signed the node's certificate: name "
                     "the file of the one that did with tls_ca=FILE")
               : fmt::format(
                     "the authority in tls_ca ({}) is not the one that signed the node's "
                     "certificate: name its file",
                     config.tls_ca);
  }
  return "check that the node trusts who signed tls_cert, and its protocol versions";
}

tl::unexpected<Error> ErrorBox::take_opening(const CassandraConfig& config) const {
  Error error = take("connect to Cassandra", config.hosts_text()).value();
  if (error_.code == HS_CQL_E_TLS) {
    error.hint = tls_hint(config, error.message);
    if (error.message.find("wrong version number") != std::string::npos) {
      error.message = "the server offers no TLS";
    }
  } else if (error_.code == HS_CQL_E_CONNECT &&
             error.message.find("resolve any hostname") != std::string::npos) {
    error.hint =
        "the name could not be resolved: check the host in cassandra://host:9042/keyspace/table, "
        "and the name server";
  } else if (error_.code == HS_CQL_E_CONNECT &&
             error.message.find("it advertises") != std::string::npos) {
    error.hint =
        "set broadcast_rpc_address in the nodes' cassandra.yaml to an address that this machine "
        "reaches, or run hirestream in the nodes' network";
  } else if (error_.code == HS_CQL_E_CONNECT && config.tls) {
    // A node that demands a certificate just closes the connection.
    error.hint += config.tls_cert.empty()
                      ? "; a node that demands a certificate of its clients needs tls_cert and "
                        "tls_key"
                      : "; does the node trust who signed tls_cert?";
  } else if (error_.code == HS_CQL_E_CONNECT) {
    error.hint +=
        "; a node that wants TLS needs tls=on, with tls_ca=FILE for an authority of your own";
  }
  return tl::unexpected<Error>(std::move(error));
}

uint32_t milliseconds(std::chrono::milliseconds duration) {
  return static_cast<uint32_t>(duration.count());
}

}  // namespace

CqlVerdict cql_verdict(int32_t code, int32_t server_code) {
  switch (code) {
    // A node that cannot read its own system_auth lets nobody in and knows nobody's rights.
    case HS_CQL_E_AUTHENTICATION:
    case HS_CQL_E_TLS:
      return {ErrorKind::kConfig, true};
    case HS_CQL_E_ARGUMENT:
    case HS_CQL_E_PANIC:
      return {ErrorKind::kBug};
    case HS_CQL_E_SERVER:
      if (server_code == kSyntaxError) {
        return {ErrorKind::kConfig};
      }
      return (server_code > kFirstOfRequestErrors && server_code != kUnprepared) ||
                     server_code == kBadCredentials
                 ? CqlVerdict{ErrorKind::kConfig, true}
                 : CqlVerdict{ErrorKind::kTransient};
    default:
      return {ErrorKind::kTransient};
  }
}

void BoundValues::add(std::string_view serialized) {
  bytes_ += serialized;
  commit();
}

void BoundValues::add_unset() {
  sizes_.push_back(HS_CQL_CELL_UNSET);
}

void BoundValues::commit() {
  sizes_.push_back(static_cast<int64_t>(bytes_.size() - committed_));
  committed_ = bytes_.size();
}

void BoundValues::clear() {
  bytes_.clear();
  committed_ = 0;
  sizes_.clear();
}

std::vector<hs_cql_cell> BoundValues::cells() const {
  std::vector<hs_cql_cell> cells;
  cells.reserve(sizes_.size());
  const auto* next = reinterpret_cast<const uint8_t*>(bytes_.data());
  for (const int64_t size : sizes_) {
    cells.push_back({next, size});
    next += size > 0 ? size : 0;
  }
  return cells;
}

Result<std::optional<CqlPage>> CqlRead::next() {
  ErrorBox error;
  hs_cql_page page{};
  const int32_t code = hs_cql_read_next(read_.get(), &page, error.out());
  if (code < 0) {
    return error.take("read", subject_);
  }
  if (code == HS_CQL_END) {
    return std::optional<CqlPage>();
  }
  return std::optional<CqlPage>(std::in_place, page);
}

Result<std::unique_ptr<CqlSession>> CqlSession::open(const CassandraConfig& config) {
  const std::string hosts = config.hosts_text();
  const hs_cql_config raw{
      .abi = HS_CQL_ABI,
      .io_threads = 1,
      .hosts = hosts.c_str(),
      .user = config.user.c_str(),
      .password = config.password.c_str(),
      .local_dc = config.local_dc.c_str(),
      .tls_ca = config.tls_ca.c_str(),
      .tls_cert = config.tls_cert.c_str(),
      .tls_key = config.tls_key.c_str(),
      .tls = config.tls ? 1U : 0U,
      .tls_no_ip_check = config.tls_check_address ? 0U : 1U,
      .connect_timeout_ms = milliseconds(config.connect_timeout),
      .request_timeout_ms = milliseconds(config.request_timeout),
      .connections_per_host = static_cast<uint32_t>(config.connections_per_host),
  };
  std::unique_ptr<CqlSession> session(new CqlSession(config));
  session->config_.password.clear();
  ErrorBox error;
  hs_cql_session* opened = nullptr;
  if (hs_cql_session_open(&raw, &opened, error.out()) < 0) {
    return error.take_opening(config);
  }
  session->session_.reset(opened);
  return session;
}

std::string CqlSession::at_hosts(std::string_view what) const {
  return fmt::format("{} at {}", what, config_.hosts_text());
}

Result<void> CqlSession::execute(const std::string& cql) {
  ErrorBox error;
  if (hs_cql_execute(session_.get(), cql.c_str(), error.out()) < 0) {
    return error.take("execute", at_hosts(cql));
  }
  return {};
}

Result<CqlStatement> CqlSession::prepare(const std::string& cql) {
  ErrorBox error;
  hs_cql_statement* prepared = nullptr;
  if (hs_cql_prepare(session_.get(), cql.c_str(), &prepared, error.out()) < 0) {
    return error.take("prepare", at_hosts(cql));
  }
  CqlStatement statement;
  statement.cql = cql;
  statement.handle.reset(prepared);
  for (uint32_t i = 0; i < hs_cql_statement_columns(prepared); ++i) {
    statement.columns.push_back({hs_cql_statement_column_name(prepared, i),
                                 cql_type_from_name(hs_cql_statement_column_type(prepared, i))});
  }
  return statement;
}

hs_cql_request_options CqlSession::options(Consistency consistency, int32_t parallel) const {
  return {
      .consistency = static_cast<uint16_t>(consistency),
      .parallel = static_cast<uint32_t>(parallel),
      .page_rows = config_.page_rows,
      .queue_pages = kQueuePages,
      .retries = static_cast<uint32_t>(config_.retries),
      .backoff_ms_min = kBackoffMsMin,
      .backoff_ms_max = kBackoffMsMax,
      .in_order = 0,
  };
}

Result<CqlRead> CqlSession::read(const CqlStatement& statement, const BoundValues& values,
                                 size_t width, Consistency consistency) {
  HIRESTREAM_CHECK(width > 0 && values.size() % width == 0);
  const auto cells = values.cells();
  const auto request_options = options(consistency, config_.parallel_reads);
  ErrorBox error;
  hs_cql_read* read = nullptr;
  if (hs_cql_read_start(session_.get(), statement.handle.get(), cells.data(),
                        static_cast<uint32_t>(width), static_cast<uint32_t>(values.size() / width),
                        &request_options, &read, error.out()) < 0) {
    return error.take("read", at_hosts(config_.table_text()));
  }
  return CqlRead(read, at_hosts(config_.table_text()));
}

Result<CqlRead> CqlSession::scan(const CqlStatement& statement, const TokenRange& tokens,
                                 uint32_t ranges, const BoundValues& values,
                                 Consistency consistency, PageOrder order) {
  const auto cells = values.cells();
  auto request_options = options(consistency, config_.parallel_reads);
  request_options.in_order = order == PageOrder::kByToken ? 1 : 0;
  ErrorBox error;
  hs_cql_read* read = nullptr;
  if (hs_cql_scan_start(session_.get(), statement.handle.get(), config_.keyspace.c_str(),
                        config_.table.c_str(), tokens.after, tokens.last, ranges, cells.data(),
                        static_cast<uint32_t>(cells.size()), &request_options, &read,
                        error.out()) < 0) {
    return error.take("scan", at_hosts(config_.table_text()));
  }
  return CqlRead(read, at_hosts(config_.table_text()));
}

Result<void> CqlSession::write(const CqlStatement& statement, const BoundValues& values,
                               size_t width, std::span<const uint32_t> group_rows) {
  const auto cells = values.cells();
  const auto request_options = options(config_.consistency, config_.parallel_writes);
  ErrorBox error;
  if (hs_cql_write(session_.get(), statement.handle.get(), cells.data(),
                   static_cast<uint32_t>(width), group_rows.data(),
                   static_cast<uint32_t>(group_rows.size()), &request_options, error.out()) < 0) {
    return error.take("write", at_hosts(config_.table_text()));
  }
  return {};
}

Result<CqlAnswer> CqlSession::query(const std::string& cql, const std::vector<std::string>& values,
                                    Consistency consistency) {
  HIRESTREAM_ASSIGN(const auto statement, prepare(cql));
  return query(statement, values, consistency);
}

Result<CqlAnswer> CqlSession::query(const CqlStatement& statement,
                                    const std::vector<std::string>& values,
                                    Consistency consistency) {
  BoundValues bound;
  for (const std::string& value : values) {
    bound.add(value);
  }
  const auto cells = bound.cells();
  const auto request_options = options(consistency, 1);
  ErrorBox error;
  hs_cql_read* started = nullptr;
  if (hs_cql_read_start(session_.get(), statement.handle.get(), cells.data(),
                        static_cast<uint32_t>(cells.size()), 1, &request_options, &started,
                        error.out()) < 0) {
    return error.take("query", at_hosts(statement.cql));
  }
  CqlRead read(started, at_hosts(statement.cql));
  CqlAnswer answer{statement.columns, {}};
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, read.next());
    if (!page) {
      return answer;
    }
    HIRESTREAM_TRY(for_each_row(page->rows(), page->row_count(), answer.columns.size(),
                                [&](const CqlRow& row) { answer.rows.push_back(row); }));
  }
}

Result<bool> CqlSession::send_to(const std::string& address, const CqlStatement& statement) {
  ErrorBox error;
  const int32_t known = hs_cql_statement_send_to(session_.get(), statement.handle.get(),
                                                 address.c_str(), error.out());
  if (known < 0) {
    return error.take("choose a node", at_hosts(address));
  }
  return known == 1;
}

Result<std::string> CqlSession::replicas(const BoundValues& key) {
  constexpr uint32_t kReplicasMax = 16;
  constexpr size_t kIdBytes = 16;
  const auto cells = key.cells();
  std::string ids(kReplicasMax * kIdBytes, '\0');
  ErrorBox error;
  const int32_t count =
      hs_cql_replicas(session_.get(), config_.keyspace.c_str(), config_.table.c_str(), cells.data(),
                      static_cast<uint32_t>(cells.size()), reinterpret_cast<uint8_t*>(ids.data()),
                      kReplicasMax, error.out());
  if (count < 0) {
    return error.take("find replicas", at_hosts(config_.table_text()));
  }
  ids.resize(static_cast<size_t>(count) * kIdBytes);
  return ids;
}

int32_t int_of(const std::optional<std::string>& cell) {
  return cell ? read_int32(bytes_of(*cell)).value_or(0) : 0;
}

int64_t bigint_of(const std::optional<std::string>& cell) {
  return cell ? read_int64(bytes_of(*cell)).value_or(0) : 0;
}

bool boolean_of(const std::optional<std::string>& cell) {
  return cell == std::string(1, '\1');
}

std::vector<std::string> host_ids_as_text(const std::string& host_ids) {
  constexpr size_t kIdBytes = 16;
  std::vector<std::string> texts;
  for (auto left = bytes_of(host_ids); !left.empty(); left = left.subspan(kIdBytes)) {
    texts.push_back(format_uuid(*read_uuid(left.first(kIdBytes))));
  }
  return texts;
}

ReadStatistics CqlSession::statistics() const {
  hs_cql_counters counters{};
  hs_cql_session_counters(session_.get(), &counters);
  return {.requests = static_cast<int64_t>(counters.requests),
          .retries = static_cast<int64_t>(counters.retries),
          .rows = static_cast<int64_t>(counters.rows),
          .bytes = static_cast<int64_t>(counters.bytes)};
}

Result<void> for_each_row(std::span<const uint8_t> rows, size_t row_count, size_t columns,
                          const std::function<void(const CqlRow&)>& visit) {
  CqlRow row(columns);
  const bool all_null = rows.empty();  // the bridge sends no bytes then
  for (size_t i = 0; i < row_count; ++i) {
    for (auto& cell : row) {
      cell.reset();
      if (all_null) {
        continue;
      }
      const auto length = rows.size() >= 4 ? read_int32(rows.first(4)) : std::nullopt;
      if (!length || (*length >= 0 && static_cast<size_t>(*length) > rows.size() - 4)) {
        return fail(ErrorKind::kTransient, "read", "page", "a page ends within a row");
      }
      rows = rows.subspan(4);
      if (*length >= 0) {
        const auto size = static_cast<size_t>(*length);
        cell.emplace(reinterpret_cast<const char*>(rows.data()), size);
        rows = rows.subspan(size);
      }
    }
    visit(row);
  }
  return {};
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted.append(c == '"' ? 2 : 1, c);
  }
  return quoted + '"';
}

}  // namespace hirestream
