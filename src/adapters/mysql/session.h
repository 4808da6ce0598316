// adapters/sql/session.h on MySQL and MariaDB: a connection that is opened anew when it was lost,
// or has been idle and does not answer.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "adapters/mysql/connection.h"
#include "adapters/sql/session.h"

namespace hirestream::mysql {

class Session final : public sql::Session {
 public:
  // Connects, so that wrong settings are found at once.
  static Result<std::unique_ptr<Session>> open(const MysqlConfig& config);
  ~Session() override;

  const sql::Dialect& dialect() const override;
  const std::string& subject() const override { return connection_->subject(); }
  std::string server() const override;
  size_t statement_bytes_max() const override { return connection_->max_allowed_packet(); }
  Result<void> execute(std::string_view sql) override;
  int64_t changed_rows() const override { return connection_->affected_rows(); }
  int64_t last_insert_id() const override { return connection_->last_insert_id(); }
  void append_text(std::string& sql, std::string_view text) const override {
    connection_->append_text(sql, text);
  }

  // Within a transaction: the statement goes with the connection.
  Result<PreparedStatement> prepare(std::string_view sql);
  Result<void> execute(PreparedStatement& statement);

  // Server's code of the last statement's failure; 0: it went well.
  unsigned error_code() const { return connection_->error_code(); }
  bool is_mariadb() const { return connection_->is_mariadb(); }
  // Ends the connection without waiting for what the server still has to say. The next statement
  // opens another.
  void give_up() { connection_->give_up(); }
  // The ledger's tables have other names, for this connection and those that follow it.
  void use_ledger(sql::LedgerTables tables);
  // For this connection and those that follow it.
  void set_hook(StatementHook hook);

 private:
  explicit Session(MysqlConfig config) : config_(std::move(config)) {}
  Result<void> connect();
  // The connection, opened anew if need be and no transaction is open.
  Result<Connection*> ready();
  Result<void> read(std::string_view sql, const Visit& visit, Fetch fetch) override;
  Result<void> start_write() override;
  Result<void> start_snapshot() override;
  Result<void> send_commit() override;
  void send_rollback() override;

  MysqlConfig config_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<sql::Dialect> dialect_;
  sql::LedgerTables ledger_;
  StatementHook hook_;
};

// Whether the account lacks a privilege, by the server's code.
bool lacks_privilege(unsigned code);
// Runs DDL. For an account that may not, the error is of this operation and has this hint.
Result<void> run_ddl(Session& session, const std::string& statement, const char* operation,
                     const std::string& hint);

}  // namespace hirestream::mysql
