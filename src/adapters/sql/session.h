// One connection to a SQL database, as what is written once for all of them uses it.
// Implementations: adapters/mysql, adapters/sqlite.
//
// Threading: one thread at a time; blocking as the database's own connection says. A connection
// that was lost is opened anew by the next statement, but never within a transaction: there every
// statement fails (kTransient) until the transaction's end. Errors: as the database's own
// connection says. A number that does not fit its type is kRejected and names the column; it is
// never wrapped or clamped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "adapters/sql/dialect.h"
#include "model/result.h"

namespace hirestream::sql {

// A row of a result, while it is visited. Columns count from 0. Numbers that are null are 0. One
// that does not fit is 0 and ends the reading with an error after this row's visit.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool is_null(int column) const = 0;
  // Text or bytes; null: empty.
  virtual std::string_view text(int column) const = 0;
  int64_t integer(int column) const { return checked(column, as_integer(column)); }
  // A 64-bit number without sign, however the database keeps it.
  virtual uint64_t unsigned_integer(int column) const = 0;
  // An amount of money in millionths, from the database's type for it.
  int64_t micros(int column) const { return checked(column, as_micros(column)); }

  // What is wrong with a number that was read; empty: nothing.
  const std::string& fault() const { return fault_; }

 protected:
  // Nothing: it does not fit. Not asked of null.
  virtual std::optional<int64_t> as_integer(int column) const = 0;
  virtual std::optional<int64_t> as_micros(int column) const = 0;
  virtual std::string column_name(int column) const = 0;

 private:
  int64_t checked(int column, std::optional<int64_t> value) const;
  mutable std::string fault_;
};

class Session;

// Rolls back unless committed. Not longer than its session, which checks it; what happens to the
// connection meanwhile does not matter.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() { rollback(); }

  // After an error nobody knows whether it happened.
  Result<void> commit();
  void rollback();

 private:
  friend class Session;
  explicit Transaction(Session& session) : session_(&session) {}
  Session* session_;
};

class Session {
 public:
  using Visit = std::function<Result<void>(const Row&)>;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() { HIRESTREAM_CHECK(!in_transaction_); }

  virtual const Dialect& dialect() const = 0;
  // For messages.
  virtual const std::string& subject() const = 0;
  // "mysql", "mariadb" or "sqlite" and the version.
  virtual std::string server() const = 0;
  // A statement may be as long as this.
  virtual size_t statement_bytes_max() const = 0;

  virtual Result<void> execute(std::string_view sql) = 0;
  // Of the last INSERT, UPDATE or DELETE.
  virtual int64_t changed_rows() const = 0;
  virtual int64_t last_insert_id() const = 0;

  // Calls visit (returning Result<void> or nothing) for every row; its error ends the reading and
  // is returned. It may use the session.
  template <typename Visitor>
  Result<void> each(std::string_view sql, const Visitor& visit) {
    return read(sql, as_visit(visit), Fetch::kAll);
  }
  // The same for results too large for memory. `visit` must not use the session.
  template <typename Visitor>
  Result<void> stream(std::string_view sql, const Visitor& visit) {
    return read(sql, as_visit(visit), Fetch::kRowByRow);
  }
  // True if there is a row: it has been visited.
  template <typename Visitor>
  Result<bool> first(std::string_view sql, const Visitor& visit) {
    bool found = false;
    HIRESTREAM_TRY(each(sql, [&](const Row& row) {
      if (!std::exchange(found, true)) {
        visit(row);
      }
    }));
    return found;
  }
  // The integer of a single row; 0: null or no row.
  Result<int64_t> number(std::string_view sql);
  // Can this be read? False: something is not there or not granted.
  Result<bool> readable(std::string_view sql);

  // 'text' with quotes, escaped.
  virtual void append_text(std::string& sql, std::string_view text) const = 0;
  std::string quoted(std::string_view text) const;

  // One at a time.
  Result<Transaction> begin_write();
  // All that is read in it is of one committed state. Only reads.
  Result<Transaction> begin_snapshot();
  // A snapshot, or nothing within a transaction: what it is for is there already.
  Result<std::optional<Transaction>> begin_read();
  bool in_transaction() const { return in_transaction_; }

 protected:
  enum class Fetch { kAll, kRowByRow };
  virtual Result<void> read(std::string_view sql, const Visit& visit, Fetch fetch) = 0;
  virtual Result<void> start_write() = 0;
  virtual Result<void> start_snapshot() = 0;
  virtual Result<void> send_commit() = 0;
  // What cannot be rolled back any more has been: the connection is gone.
  virtual void send_rollback() = 0;
  // To be called by read() after each row.
  Result<void> visit_row(const Row& row, const Visit& visit) const;

 private:
  friend class Transaction;

  template <typename Visitor>
  static Visit as_visit(Visitor& visit) {
    if constexpr (std::is_void_v<std::invoke_result_t<Visitor&, const Row&>>) {
      return [&visit](const Row& row) -> Result<void> {
        visit(row);
        return {};
      };
    } else {
      return std::ref(visit);
    }
  }

  bool in_transaction_ = false;
};

}  // namespace hirestream::sql
