#include "adapters/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace hirestream::sqlite {
namespace {

// Of SQLite's virtual machine: some tens of microseconds.
constexpr int kStepsBetweenLooks = 5000;

struct Verdict {
  ErrorKind kind;
  std::string hint;
  bool may_pass = false;
};

Verdict judge(int code, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return {ErrorKind::kTransient, "another process holds the lock; it is tried again"};
    case SQLITE_FULL:
      return {ErrorKind::kTransient, "free space at " + path};
    case SQLITE_IOERR:
      return {ErrorKind::kTransient, "check the disk and its free space"};
    case SQLITE_INTERRUPT:
      return {ErrorKind::kTransient, "it has taken longer than it may, or the program ends"};
    case SQLITE_NOMEM:
    case SQLITE_SCHEMA:
      return {ErrorKind::kTransient, ""};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {
          ErrorKind::kConfig,
          "let this user write to the file and to its folder (SQLite keeps -wal and -shm there)",
          true};
    case SQLITE_CANTOPEN:  // of a file beside it, too, when the process has no descriptor left
      return {ErrorKind::kConfig,
              "the folder must exist and be writable, and the process must be allowed to open more "
              "files",
              true};
    case SQLITE_NOTADB:
      return {ErrorKind::kConfig, "give another path: this file is no SQLite database"};
    case SQLITE_CORRUPT:
      return {
          ErrorKind::kConfig,
          "restore the file from a backup; without one a warehouse is rebuilt from its raw log, a "
          "raw log only by its writers"};
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return {ErrorKind::kRejected, ""};
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return {ErrorKind::kBug, ""};
    default:  // SQLITE_ERROR: a table or column that is not there
      return {ErrorKind::kConfig, "", true};
  }
}

tl::unexpected<Error> failure(sqlite3* connection, int code, const std::string& path,
                              const std::string& operation) {
  Verdict verdict = judge(code, path);
  std::string message = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  if (connection != nullptr && (code & 0xff) != (sqlite3_errcode(connection) & 0xff)) {
    message = sqlite3_errstr(code);
  }
  if (message == "integer overflow" || message.starts_with("cannot store REAL value in INTEGER")) {
    verdict = {ErrorKind::kRejected, "a sum does not fit 64 bits"};
  } else if (message.starts_with("no such table")) {
    verdict.hint = "run `hirestream init`";
  } else if (message.starts_with("no such column") ||
             message.find("has no column named") != std::string::npos) {
    verdict.hint =
        "a table has another form than this program's: `hirestream init` adds what newer versions "
        "need";
  }
  return forward({verdict.kind, operation, path, fmt::format("{} (SQLite {})", message, code),
                  std::move(verdict.hint), verdict.may_pass});
}

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadOnly:
      return SQLITE_OPEN_READONLY;
    case OpenMode::kReadWrite:
      return SQLITE_OPEN_READWRITE;
    case OpenMode::kCreate:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  }
  HIRESTREAM_CHECK(false);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement& Statement::note(int code) {
  if (code != SQLITE_OK && bind_error_ == SQLITE_OK) {
    bind_error_ = code;
  }
  return *this;
}

Statement& Statement::bind(int index, int64_t value) {
  return note(sqlite3_bind_int64(statement_.get(), index, value));
}

Statement& Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL.
  return note(sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(),
                                  text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  return note(sqlite3_bind_blob64(statement_.get(), index, bytes.empty() ? "" : bytes.data(),
                                  bytes.size(), SQLITE_TRANSIENT));
}

Statement& Statement::bind_real(int index, double value) {
  return note(sqlite3_bind_double(statement_.get(), index, value));
}

Statement& Statement::bind_null(int index) {
  return note(sqlite3_bind_null(statement_.get(), index));
}

Result<bool> Statement::step() {
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  if (int code = std::exchange(bind_error_, SQLITE_OK); code != SQLITE_OK) {
    return failure(nullptr, code, path_, "bind a parameter");
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto error = failure(connection, sqlite3_extended_errcode(connection), path_, "run a statement");
  sqlite3_reset(statement_.get());
  return error;
}

Result<void> Statement::run() {
  while (true) {
    HIRESTREAM_ASSIGN(bool row, step());
    if (!row) {
      return {};
    }
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

int Statement::column_count() const {
  return sqlite3_column_count(statement_.get());
}

std::string Statement::column_name(int column) const {
  return sqlite3_column_name(statement_.get(), column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

bool Statement::is_integer(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_INTEGER;
}

bool Statement::is_blob(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_BLOB;
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(
                   bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(
                   bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

// Read by SQLite on the thread that steps a statement.
struct Database::Watch {
  std::chrono::milliseconds time_max;
  std::stop_token stop;
  std::chrono::steady_clock::time_point until;

  static int is_over(void* watch) {
    const auto& self = *static_cast<Watch*>(watch);
    return self.stop.stop_requested() || std::chrono::steady_clock::now() > self.until ? 1 : 0;
  }
};

Result<Database> Database::open(const OpenOptions& options) {
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(options.path.c_str(), &connection,
                                   open_flags(options.mode) | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(connection, options.path);
  std::error_code ignored;
  if (code != SQLITE_OK && options.mode != OpenMode::kCreate &&
      !std::filesystem::exists(options.path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "open database", options.path, "there is no such file",
                "check the path");
  }
  if (code != SQLITE_OK) {
    return failure(connection, code, options.path, "open database");
  }
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, static_cast<int>(options.busy_timeout.count()));
  if (options.mode != OpenMode::kReadOnly) {
    // Switching to WAL needs the write lock for a moment and is kept in the file: done once.
    // Databases in memory answer "memory".
    HIRESTREAM_TRY(database.execute(options.synchronous_full ? "PRAGMA synchronous=FULL"
                                                             : "PRAGMA synchronous=NORMAL"));
    HIRESTREAM_TRY(database.execute("PRAGMA journal_mode=WAL"));
  } else {
    HIRESTREAM_TRY(database.execute("SELECT 1 FROM sqlite_schema LIMIT 1"));  // is it a database?
  }
  if (options.statement_time_max.count() > 0) {
    database.watch_.reset(new Watch{options.statement_time_max, options.stop, {}});
    sqlite3_progress_handler(connection, kStepsBetweenLooks, Watch::is_over, database.watch_.get());
  }
  return database;
}

void Database::EndWatch::operator()(Watch* watch) const {
  delete watch;
}

void Database::watch_from_now() {
  if (watch_ != nullptr) {
    watch_->until = std::chrono::steady_clock::now() + watch_->time_max;
  }
}

Result<void> Database::execute(const std::string& sql) {
  watch_from_now();
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    last_error_code_ = sqlite3_extended_errcode(connection_.get());
    return failure(connection_.get(), last_error_code_, path_, "run a statement");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  watch_from_now();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      0, &statement, nullptr);
  if (code != SQLITE_OK) {
    return failure(connection_.get(), sqlite3_extended_errcode(connection_.get()), path_,
                   "prepare a statement");
  }
  HIRESTREAM_CHECK(statement != nullptr);
  return Statement(statement, path_);
}

Result<Statement*> Database::cached(std::string_view sql) {
  watch_from_now();
  auto found = cache_.find(sql);
  if (found == cache_.end()) {
    HIRESTREAM_ASSIGN(Statement statement, prepare(sql));
    found = cache_.emplace(std::string(sql), std::move(statement)).first;
  }
  found->second.reset();
  return &found->second;
}

int64_t Database::changes() const {
  return sqlite3_changes64(connection_.get());
}

int64_t Database::last_insert_row_id() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

std::string Database::version() {
  return sqlite3_libversion();
}

Result<Transaction> Transaction::begin(Database& database, TransactionMode mode) {
  HIRESTREAM_TRY(database.execute(mode == TransactionMode::kWrite ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Result<void> Transaction::commit() {
  auto done = database_->execute("COMMIT");
  if (!done) {
    rollback();
    return done;
  }
  database_ = nullptr;
  return {};
}

void Transaction::rollback() {
  if (database_ != nullptr && database_->in_transaction()) {
    // Cannot be handled: when it fails, the connection's next BEGIN fails and says why.
    (void)database_->execute("ROLLBACK");
  }
  database_ = nullptr;
}

}  // namespace hirestream::sqlite
