// One connection to MySQL (8.0.19 and later) or MariaDB (10.6 and later) over libmariadb: text
// protocol, results as values.
//
// Every session is set up the same way, whatever the server's own settings are: UTC, utf8mb4 (tried
// by a round trip), strict mode, READ COMMITTED, no automatic reconnect. The server ends a session
// that lies idle for two minutes, so that a transaction left behind by a broken network gives its
// locks back; or for as long as the config says.
//
// Threading: one thread at a time. Blocking: connect, read and write time-outs of the config; a row
// lock is waited for at most 10 s.
// Password and certificates in files are read again at each connection.
// Errors: a name that nobody knows, unreachable, lost, deadlock, lock time-out, server read-only,
// busy or out of space → kTransient; wrong user, password or missing privilege → kConfig (a
// password from a file: that may pass); no such database or table, and whatever nobody has foreseen
// → kConfig that may pass; a value that does not fit → kRejected. A server that has become
// read-only loses the session: the next one looks the host's name up again.
// No message holds a password.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

struct st_mysql;       // NOLINT(readability-identifier-naming): the library's name
struct st_mysql_res;   // NOLINT(readability-identifier-naming)
struct st_mysql_stmt;  // NOLINT(readability-identifier-naming)
struct st_mysql_bind;  // NOLINT(readability-identifier-naming)

namespace hirestream {

enum class MysqlTls {
  kOff,
  kPreferred,  // encrypted if the server can
  kRequired,   // encrypted, whoever the server is (with tls_ca as kVerifyCa)
  kVerifyCa,   // encrypted, certificate signed by tls_ca, whatever host it names
  kVerify,     // encrypted, certificate and host name checked
};

struct MysqlConfig {
  std::string host = "127.0.0.1";
  uint16_t port = 3306;
  std::string unix_socket;  // instead of host and port
  std::string user;
  std::string password;
  std::string password_file;  // read at each connection instead; empty: `password` holds
  std::string database;
  bool create_database = false;  // when it is not there and the user may
  MysqlTls tls = MysqlTls::kOff;
  std::string tls_ca;           // file; empty: the system's
  std::string tls_certificate;  // file, with tls_key: the client's own
  std::string tls_key;
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds read_timeout{60};  // 0: none
  std::chrono::seconds write_timeout{60};
  // A table that somebody alters is waited for at most so long.
  std::chrono::seconds table_lock_max{30};
  // The server ends a session that lies idle for longer.
  std::chrono::seconds idle_max{120};
  // A question that takes longer fails as one that is interrupted does; 0: none does.
  std::chrono::milliseconds statement_time_max{0};

  // "user@host:port/database": for messages.
  std::string subject() const;
};

namespace mysql {

class Connection;

// Rows of a SELECT, all of them in the client's memory, or one after the other from the server
// (Connection::stream): then not longer than the connection.
class ResultSet {
 public:
  // False: no more rows.
  // Errors: as Connection's.
  Result<bool> next();
  std::string column_name(size_t column) const;
  bool is_null(size_t column) const;
  // Valid until next(). Null: empty.
  std::string_view text(size_t column) const;
  // Null: 0. Anything but an integer without sign stops the process: the statement is ours.
  uint64_t unsigned_integer(size_t column) const;

 private:
  friend class Connection;
  struct Free {
    void operator()(st_mysql_res* result) const;
  };
  std::unique_ptr<st_mysql_res, Free> result_;
  // From which rows still come; null: all are here.
  Connection* connection_ = nullptr;
  char** row_ = nullptr;
  const unsigned long* lengths_ = nullptr;
};

// A statement that the server has parsed once, for any values. Of one connection: with another one
// it is of no use.
class PreparedStatement {
 public:
  // Of each parameter, in their order: where its value lies, now and whenever it is executed.
  void bind(std::span<st_mysql_bind> parameters);

 private:
  friend class Connection;
  struct Close {
    void operator()(st_mysql_stmt* statement) const;
  };
  std::unique_ptr<st_mysql_stmt, Close> statement_;
  std::string sql_;  // for messages and the hook
};

// What a test does to a statement about to be sent.
enum class StatementFault {
  kNone,
  kLoseBefore,  // the connection breaks and the statement is not sent
  kLoseAnswer,  // the statement reaches the server, the answer never comes
};
using StatementHook = std::function<StatementFault(std::string_view sql, uint64_t connection_id)>;

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const MysqlConfig& config);

  Result<void> execute(std::string_view sql);
  Result<PreparedStatement> prepare(std::string_view sql);
  Result<void> execute(PreparedStatement& statement);
  Result<ResultSet> query(std::string_view sql);
  // Rows are fetched while they are read; no other statement may run until next() gave false. Ended
  // earlier: close the connection.
  Result<ResultSet> stream(std::string_view sql);
  // Rows found by the last UPDATE (even if they had the values already), changed by INSERT or
  // DELETE.
  int64_t affected_rows() const;
  int64_t last_insert_id() const;

  // Server's code of the last statement's failure; 0: it went well.
  unsigned error_code() const { return error_code_; }
  // The session is gone: open another.
  bool lost() const { return lost_; }
  // Ends the session without reading what the server still has to say.
  void give_up();
  bool alive();  // asks the server
  std::chrono::steady_clock::time_point last_used() const { return last_used_; }

  uint64_t id() const;
  bool is_mariadb() const { return is_mariadb_; }
  const std::string& version() const { return version_; }
  size_t max_allowed_packet() const { return max_allowed_packet_; }
  const std::string& subject() const { return subject_; }

  // 'text' with quotes, escaped.
  void append_text(std::string& sql, std::string_view text) const;
  std::string quoted(std::string_view text) const;

  void set_hook(StatementHook hook) { hook_ = std::move(hook); }

 private:
  struct Close {
    void operator()(st_mysql* connection) const;
  };
  Connection(st_mysql* connection, const MysqlConfig& config);
  Result<void> connect(const MysqlConfig& config, const std::string& password, bool encrypted,
                       bool with_database);
  tl::unexpected<Error> connect_failure(const MysqlConfig& config, bool encrypted);
  Result<void> set_up_session(const MysqlConfig& config);
  Result<void> check_text(const ResultSet& row) const;
  Result<void> send(std::string_view sql);
  Result<ResultSet> take_result(st_mysql_res* result);
  tl::unexpected<Error> failure(const std::string& operation);
  tl::unexpected<Error> failure(const std::string& operation, unsigned code,
                                const std::string& message);
  void break_off();
  friend class ResultSet;
  bool has_failed() const;
  template <typename Send>
  Result<void> send_prepared(const PreparedStatement& statement, const Send& send);
  // Of a statement that is about to be sent.
  StatementFault fault_of(std::string_view sql);

  std::unique_ptr<st_mysql, Close> connection_;
  std::string subject_;
  std::string user_;
  std::string database_;
  std::string version_;
  bool is_mariadb_ = false;
  bool established_ = false;  // the handshake is over
  bool lost_ = false;
  unsigned error_code_ = 0;
  size_t max_allowed_packet_ = 0;
  std::chrono::steady_clock::time_point last_used_;
  StatementHook hook_;
};

// Was the session lost with this error?
bool is_lost_connection(unsigned code);
inline constexpr unsigned kDuplicateKey = 1062;
inline constexpr unsigned kUnknownDatabase = 1049;
inline constexpr unsigned kNoSuchTable = 1146;
inline constexpr unsigned kTableAccessDenied = 1142;

}  // namespace mysql
}  // namespace hirestream
