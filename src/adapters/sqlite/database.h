// SQLite connections, prepared statements and transactions as values that clean up after
// themselves; what the warehouse, the raw log and the job directory on SQLite are built from.
//
// Threading: a Database, its statements and transactions belong to one thread at a time; several
// Databases (in several processes) may open the same file: WAL lets readers go on while one writes.
// Blocking: a call waits for another connection's lock at most busy_timeout, then fails. Errors:
// locked, out of space, failing disk → kTransient; a file that is no database, or damaged →
// kConfig; read-only, no permission, cannot be opened, missing table → kConfig that may pass; a
// violated constraint or a value too large → kRejected. The subject is the file's path.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "model/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hirestream::sqlite {

enum class OpenMode { kReadOnly, kReadWrite, kCreate };

struct OpenOptions {
  std::string path;  // ":memory:" is a private database without a file
  OpenMode mode = OpenMode::kCreate;
  std::chrono::milliseconds busy_timeout{5000};
  // FULL syncs at every commit: survives power loss. Off: synchronous=NORMAL survives kill -9 but
  // may lose the last commits with the power.
  bool synchronous_full = true;
  // A statement that takes longer fails as one that is interrupted does; 0: none does.
  std::chrono::milliseconds statement_time_max{0};
  // With statement_time_max: a stop interrupts, too.
  std::stop_token stop = {};
};

class Database;

// Lifetime: not longer than its Database. Parameters and columns count from 1 and 0, as in SQLite.
class Statement {
 public:
  // A failed bind is reported by the next step() or run(). Bytes are copied.
  Statement& bind(int index, int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_real(int index, double value);
  Statement& bind_null(int index);

  // True: there is a row to read. False: done; the statement is reset and may be stepped again.
  Result<bool> step();
  // For statements without rows to read: steps to the end.
  Result<void> run();
  // Parameters stay bound.
  void reset();

  int column_count() const;
  std::string column_name(int column) const;
  bool is_null(int column) const;
  bool is_integer(int column) const;
  bool is_blob(int column) const;
  int64_t integer(int column) const;  // null: 0
  double real(int column) const;
  // Valid until the next step or reset. Null: empty.
  std::string_view text(int column) const;  // in UTF-8, however the file has it
  std::string_view blob(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, std::string path)
      : statement_(statement), path_(std::move(path)) {}
  Statement& note(int code);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string path_;
  int bind_error_ = 0;
};

class Database {
 public:
  static Result<Database> open(const OpenOptions& options);

  // Runs statements separated by ';' that yield nothing to read.
  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The same text gives the same statement again, reset; owned by the database.
  Result<Statement*> cached(std::string_view sql);

  // Rows the last INSERT, UPDATE or DELETE changed.
  int64_t changes() const;
  int64_t last_insert_row_id() const;
  bool in_transaction() const;
  // SQLite's extended code of the last execute() that failed; 0: none did.
  int last_error_code() const { return last_error_code_; }
  const std::string& path() const { return path_; }
  static std::string version();

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database(sqlite3* connection, std::string path)
      : connection_(connection), path_(std::move(path)) {}

  struct Watch;
  struct EndWatch {
    void operator()(Watch* watch) const;
  };
  void watch_from_now();

  std::unique_ptr<Watch, EndWatch> watch_;  // outlives the connection, which asks it
  std::unique_ptr<sqlite3, Close> connection_;
  std::string path_;
  int last_error_code_ = 0;
  std::map<std::string, Statement, std::less<>> cache_;  // finalized before the connection closes
};

enum class TransactionMode {
  kRead,   // BEGIN: one snapshot for all that is read
  kWrite,  // BEGIN IMMEDIATE: the write lock is taken now, so nothing fails for a lock later
};

// Rolls back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database, TransactionMode mode);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() { rollback(); }

  // On an error the transaction has been rolled back.
  Result<void> commit();
  void rollback();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace hirestream::sqlite
