#include "adapters/sqlite/session.h"

#include <algorithm>
#include <bit>

#include "adapters/sqlite/dialect.h"

namespace hirestream::sqlite {
namespace {

// SQLITE_MAX_SQL_LENGTH is 10⁶ unless it was compiled otherwise.
constexpr size_t kStatementBytesMax = 1'000'000;

class StatementRow final : public sql::Row {
 public:
  explicit StatementRow(const Statement& statement) : statement_(statement) {}
  bool is_null(int column) const override { return statement_.is_null(column); }
  // A text may stand in another encoding in the file; bytes are given as they are.
  std::string_view text(int column) const override {
    return statement_.is_blob(column) ? statement_.blob(column) : statement_.text(column);
  }
  uint64_t unsigned_integer(int column) const override {
    return std::bit_cast<uint64_t>(statement_.integer(column));
  }

 private:
  // A sum beyond 64 bits is a REAL.
  std::optional<int64_t> as_integer(int column) const override {
    return statement_.is_integer(column) ? std::optional(statement_.integer(column)) : std::nullopt;
  }
  std::optional<int64_t> as_micros(int column) const override { return as_integer(column); }
  std::string column_name(int column) const override { return statement_.column_name(column); }
  const Statement& statement_;
};

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const OpenOptions& options) {
  HIRESTREAM_ASSIGN(Database database, Database::open(options));
  return std::unique_ptr<Session>(new Session(options, std::move(database)));
}

Result<void> Session::reopen() {
  HIRESTREAM_CHECK(!in_transaction());
  if (options_.path != ":memory:") {
    OpenOptions there = options_;
    there.mode = OpenMode::kReadWrite;
    HIRESTREAM_ASSIGN(database_, Database::open(there));
  }
  return {};
}

const sql::Dialect& Session::dialect() const {
  static const Dialect dialect;
  return dialect;
}

std::string Session::server() const {
  return "sqlite " + Database::version();
}

size_t Session::statement_bytes_max() const {
  return kStatementBytesMax;
}

Result<void> Session::execute(std::string_view sql) {
  return database_.execute(std::string(sql));
}

void Session::append_text(std::string& sql, std::string_view text) const {
  // A literal ends at a zero byte.
  if (text.find('\0') != std::string_view::npos) {
    sql += "CAST(x'";
    for (const char c : text) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      sql += kDigits[static_cast<unsigned char>(c) >> 4];
      sql += kDigits[static_cast<unsigned char>(c) & 15];
    }
    sql += "' AS TEXT)";
    return;
  }
  sql += sql::quote_identifier(text, '\'');
}

Result<void> Session::read(std::string_view sql, const Visit& visit, Fetch) {
  HIRESTREAM_ASSIGN(Statement rows, database_.prepare(sql));
  while (true) {
    HIRESTREAM_ASSIGN(const bool more, rows.step());
    if (!more) {
      return {};
    }
    HIRESTREAM_TRY(visit_row(StatementRow(rows), visit));
  }
}

Result<void> Session::start_write() {
  return database_.execute("BEGIN IMMEDIATE");
}

Result<void> Session::start_snapshot() {
  HIRESTREAM_TRY(database_.execute("BEGIN"));
  auto read = database_.execute("SELECT 1 FROM sqlite_schema LIMIT 1");  // which is its begin
  if (!read) {
    send_rollback();
  }
  return read;
}

Result<void> Session::send_commit() {
  return database_.execute("COMMIT");
}

void Session::send_rollback() {
  if (database_.in_transaction()) {
    // Cannot be handled: when it fails, the connection's next BEGIN fails and says why.
    (void)database_.execute("ROLLBACK");
  }
}

}  // namespace hirestream::sqlite
