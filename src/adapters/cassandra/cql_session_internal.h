// RAII over the driver's C ABI (bridge/bridge.h): sessions, statements, reads and writes with bound
// values that are serialized already. Threading and errors: see cassandra_connection.h; a CqlRead
// belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/bridge/bridge.h"
#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cql_value.h"
#include "adapters/cassandra/token_range.h"
#include "model/result.h"

namespace hirestream {

struct ResultColumn {
  std::string name;
  CqlType type = CqlType::kOther;
};

// Tuples of bound values, one after the other.
class BoundValues {
 public:
  void add(std::string_view serialized);
  void add_unset();
  // Starts a value that the caller appends to bytes(); commit() ends it, discard() forgets it.
  std::string& bytes() { return bytes_; }
  void commit();
  void discard() { bytes_.resize(committed_); }

  size_t size() const { return sizes_.size(); }
  size_t byte_count() const { return committed_; }
  void clear();
  // Valid until the next change.
  std::vector<hs_cql_cell> cells() const;

 private:
  std::string bytes_;
  size_t committed_ = 0;
  std::vector<int64_t> sizes_;  // < 0: HS_CQL_CELL_…
};

// Of what CqlSession::replicas() gives.
std::vector<std::string> host_ids_as_text(const std::string& host_ids);

struct StatementDeleter {
  void operator()(hs_cql_statement* statement) const { hs_cql_statement_free(statement); }
};

struct CqlStatement {
  std::string cql;
  std::unique_ptr<hs_cql_statement, StatementDeleter> handle;
  std::vector<ResultColumn> columns;
};

class CqlPage {
 public:
  explicit CqlPage(const hs_cql_page& page) : page_(page) {}
  CqlPage(CqlPage&& other) noexcept : page_(other.page_) { other.page_.owner = nullptr; }
  CqlPage(const CqlPage&) = delete;
  CqlPage& operator=(const CqlPage&) = delete;
  CqlPage& operator=(CqlPage&&) = delete;
  ~CqlPage() { hs_cql_page_free(&page_); }

  size_t request() const { return page_.request; }
  size_t row_count() const { return page_.row_count; }
  std::span<const uint8_t> rows() const { return {page_.rows, page_.size}; }

 private:
  hs_cql_page page_;
};

// Pages as they come in. Destroying it cancels what is under way.
class CqlRead {
 public:
  CqlRead(hs_cql_read* read, std::string subject) : read_(read), subject_(std::move(subject)) {}

  // Nothing: every request was answered completely. Waits as long as requests are being answered;
  // each has its own time-out.
  Result<std::optional<CqlPage>> next();

 private:
  struct Deleter {
    void operator()(hs_cql_read* read) const { hs_cql_read_close(read); }
  };
  std::unique_ptr<hs_cql_read, Deleter> read_;
  std::string subject_;
};

// A small answer, row by row; a cell is nothing when it is null. Cells are serialized values.
using CqlRow = std::vector<std::optional<std::string>>;
// 0 and false stand for null.
int32_t int_of(const std::optional<std::string>& cell);
int64_t bigint_of(const std::optional<std::string>& cell);
bool boolean_of(const std::optional<std::string>& cell);
struct CqlAnswer {
  std::vector<ResultColumn> columns;
  std::vector<CqlRow> rows;
};

// What an error of the bridge (HS_CQL_E_…), with the server's code or 0, means.
struct CqlVerdict {
  ErrorKind kind;
  bool may_pass = false;
};
CqlVerdict cql_verdict(int32_t code, int32_t server_code);

// kByToken: the same rows come in the same order in every scan, however the ring is cut.
enum class PageOrder : uint8_t { kAsTheyCome, kByToken };

class CqlSession {
 public:
  static Result<std::unique_ptr<CqlSession>> open(const CassandraConfig& config);

  Result<void> execute(const std::string& cql);
  Result<CqlStatement> prepare(const std::string& cql);
  // `width` values for each of the requests.
  Result<CqlRead> read(const CqlStatement& statement, const BoundValues& values, size_t width,
                       Consistency consistency);
  // In at least so many ranges, each sent to its replicas: the statement's first two markers;
  // `values` follow for each.
  Result<CqlRead> scan(const CqlStatement& statement, const TokenRange& tokens, uint32_t ranges,
                       const BoundValues& values, Consistency consistency,
                       PageOrder order = PageOrder::kAsTheyCome);
  // group_rows: sizes of groups of consecutive rows that form a batch.
  Result<void> write(const CqlStatement& statement, const BoundValues& values, size_t width,
                     std::span<const uint32_t> group_rows);
  // One request with values that are serialized already (text is); collects the answer.
  Result<CqlAnswer> query(const CqlStatement& statement, const std::vector<std::string>& values,
                          Consistency consistency = Consistency::kLocalOne);
  Result<CqlAnswer> query(const std::string& cql, const std::vector<std::string>& values,
                          Consistency consistency = Consistency::kLocalOne);

  // From then on the statement's requests go to the node with this IP address alone. False: no
  // such node is known.
  Result<bool> send_to(const std::string& address, const CqlStatement& statement);
  // Host ids, 16 bytes each, of the reachable replicas of a partition of the configured table, in
  // the order of the ring; empty: not known. Asks nobody. `key`: its values, serialized.
  Result<std::string> replicas(const BoundValues& key);

  ReadStatistics statistics() const;

 private:
  struct Deleter {
    void operator()(hs_cql_session* session) const { hs_cql_session_close(session); }
  };
  explicit CqlSession(const CassandraConfig& config) : config_(config) {}
  hs_cql_request_options options(Consistency consistency, int32_t parallel) const;
  // For messages: what a request was about, and whom it was sent to.
  std::string at_hosts(std::string_view what) const;

  CassandraConfig config_;
  std::unique_ptr<hs_cql_session, Deleter> session_;
};

// Walks serialized rows; `visit` gets the cells of one. kTransient when the bytes are malformed.
Result<void> for_each_row(std::span<const uint8_t> rows, size_t row_count, size_t columns,
                          const std::function<void(const CqlRow&)>& visit);

// The name as it is written in CQL: quoted, so that case and reserved words do not matter.
std::string quote_identifier(std::string_view name);

}  // namespace hirestream
