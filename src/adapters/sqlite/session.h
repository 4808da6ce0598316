// adapters/sql/session.h on SQLite.
#pragma once

#include <memory>
#include <string>

#include "adapters/sql/session.h"
#include "adapters/sqlite/database.h"

namespace hirestream::sqlite {

class Session final : public sql::Session {
 public:
  static Result<std::unique_ptr<Session>> open(const OpenOptions& options);

  const sql::Dialect& dialect() const override;
  const std::string& subject() const override { return database_.path(); }
  std::string server() const override;
  size_t statement_bytes_max() const override;
  Result<void> execute(std::string_view sql) override;
  int64_t changed_rows() const override { return database_.changes(); }
  int64_t last_insert_id() const override { return database_.last_insert_row_id(); }
  void append_text(std::string& sql, std::string_view text) const override;

  Database& database() { return database_; }
  // After a failure that may be the connection's own. Not within a transaction.
  Result<void> reopen();

 private:
  Session(OpenOptions options, Database database)
      : options_(std::move(options)), database_(std::move(database)) {}
  Result<void> read(std::string_view sql, const Visit& visit, Fetch fetch) override;
  Result<void> start_write() override;
  Result<void> start_snapshot() override;
  Result<void> send_commit() override;
  void send_rollback() override;

  OpenOptions options_;
  Database database_;
};

}  // namespace hirestream::sqlite
