#include "adapters/mysql/connection.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <mutex>

#include "adapters/mysql/tls.h"
#include "adapters/sql/dialect.h"
#include "config/secrets.h"

namespace hirestream {

std::string MysqlConfig::subject() const {
  return unix_socket.empty() ? fmt::format("{}@{}:{}/{}", user, host, port, database)
                             : fmt::format("{}@{}/{}", user, unix_socket, database);
}

namespace mysql {
namespace {

// Codes that the client's headers do not name, or name otherwise than the server that sends them.
constexpr unsigned kClientInteractionTimeout = 4031;
constexpr unsigned kConnectionKilled = 1927;
constexpr unsigned kStatementTimeoutMysql = 3024;
constexpr unsigned kStatementTimeoutMariadb = 1969;
constexpr unsigned kErrorDuringCommit = 1180;
constexpr unsigned kReplicationHookFailed = 3100;
constexpr unsigned kRolledBackDuringCommit = 3101;
constexpr unsigned kServerIsNotAvailable = 3168;
constexpr unsigned kCheckViolatedMysql = 3819;
constexpr unsigned kCheckViolatedMariadb = 4025;

// Characters of three bytes and of four, as titles of jobs have them.
constexpr std::string_view kTextOfManyBytes = "K\u1EBF to\u00E1n \U0001F389";

constexpr const char* kLogins =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519";

struct Verdict {
  ErrorKind kind;
  bool may_pass = false;
};
constexpr Verdict kPasses = {ErrorKind::kTransient};
// Only these are known to need somebody: of any other answer it is not certain.
constexpr Verdict kNeedsSomebody = {ErrorKind::kConfig};
constexpr Verdict kNotCertain = {ErrorKind::kConfig, true};

// Only another session can do better: the server has become a replica, and the primary is somewhere
// else, perhaps under the same name; or the database was dropped under this session; or a proxy has
// gone on with another session, which has nothing of this one's transaction.
bool asks_for_another_session(unsigned code) {
  return code == ER_OPTION_PREVENTS_STATEMENT || code == ER_READ_ONLY_MODE ||
         code == ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION || code == ER_NO_DB_ERROR ||
         code == ER_UNKNOWN_STMT_HANDLER;
}

Verdict verdict_of(unsigned code) {
  switch (code) {
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case ER_CHECKREAD:          // the row has changed since it was read
    case ER_TABLE_DEF_CHANGED:  // and the table
    case ER_NEED_REPREPARE:
    case ER_UNKNOWN_STMT_HANDLER:
    case ER_CON_COUNT_ERROR:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_TOO_MANY_CONCURRENT_TRXS:
    case ER_OPTION_PREVENTS_STATEMENT:
    case ER_READ_ONLY_MODE:
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
    case ER_QUERY_INTERRUPTED:
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_ERROR_ON_WRITE:
    case ER_GET_ERRNO:
    case ER_LOCK_TABLE_FULL:
    case ER_OUT_OF_RESOURCES:
    case ER_OUTOFMEMORY:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_UNKNOWN_COM_ERROR:  // Galera: not prepared yet
    case kErrorDuringCommit:
    case kReplicationHookFailed:
    case kRolledBackDuringCommit:
    case kServerIsNotAvailable:
    case kStatementTimeoutMysql:
    case kStatementTimeoutMariadb:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:  // a container that does not run has no name
    case CR_IPSOCK_ERROR:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_OUT_OF_MEMORY:
      return kPasses;
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_PROCACCESS_DENIED_ERROR:
    case ER_HOST_NOT_PRIVILEGED:
      return kNeedsSomebody;
    case ER_DATA_TOO_LONG:
    case ER_DATA_OUT_OF_RANGE:  // a sum beyond 64 bits
    case ER_WARN_DATA_OUT_OF_RANGE:
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_BAD_NULL_ERROR:
    case ER_NO_DEFAULT_FOR_FIELD:
    case ER_NO_REFERENCED_ROW_2:
    case kCheckViolatedMysql:
    case kCheckViolatedMariadb:
      return {ErrorKind::kRejected};
    case ER_PARSE_ERROR:
    case ER_DUP_ENTRY:
    case ER_WRONG_VALUE_COUNT_ON_ROW:
    case CR_COMMANDS_OUT_OF_SYNC:
      return {ErrorKind::kBug};
    default:
      return is_lost_connection(code) ? kPasses : kNotCertain;
  }
}

std::string hint_for(unsigned code, const std::string& user, const std::string& database) {
  switch (code) {
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
      return fmt::format("ask an administrator to grant {} what it needs on {}", user, database);
    case ER_BAD_DB_ERROR:
      return fmt::format(
          "create it: CREATE DATABASE {} CHARACTER SET utf8mb4, or let `hirestream init` do it",
          database);
    case ER_NO_SUCH_TABLE:
      return "run `hirestream init`";
    case ER_BAD_FIELD_ERROR:
      return "a table has another form than this program's: `hirestream init` adds what newer "
             "versions need, `hirestream doctor` says what else to do";
    case ER_HOST_NOT_PRIVILEGED:
      return fmt::format("the server lets no user in from this host; grant {} access from it",
                         user);
    case ER_BINLOG_STMT_MODE_AND_ROW_ENGINE:
      return "the server's binary log takes statements only; set its binlog_format to ROW or MIXED";
    case ER_NET_PACKET_TOO_LARGE:
      return "raise the server's max_allowed_packet";
    case ER_OPTION_PREVENTS_STATEMENT:
    case ER_READ_ONLY_MODE:
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
      return "the server is read-only: its name is looked up again, since a failover may have "
             "moved "
             "the primary; if it stays so, give the address of the primary";
    case CR_UNKNOWN_HOST:
      return "check the host's name, and the name server; a container that does not run has no "
             "name";
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
      return "is the server running, and does it listen there?";
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
      return "install the package libmariadb3, or set MARIADB_PLUGIN_DIR to the folder of "
             "caching_sha2_password.so";
    default:
      return "";
  }
}

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

void set_options(MYSQL* handle, const MysqlConfig& config, bool encrypted) {
  const auto connect = static_cast<unsigned>(config.connect_timeout.count());
  const auto read = static_cast<unsigned>(config.read_timeout.count());
  const auto write = static_cast<unsigned>(config.write_timeout.count());
  const unsigned no_files = 0;
  const my_bool off = 0;
  const my_bool on = 1;
  // Else "localhost" would mean the socket of whatever server runs here, not the port.
  const unsigned protocol = config.unix_socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
  mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &read);
  mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &write);
  mysql_options(handle, MYSQL_OPT_RECONNECT, &off);
  mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no_files);
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const char* plugin_dir = std::getenv("MARIADB_PLUGIN_DIR");
  if (plugin_dir == nullptr && *HIRESTREAM_MARIADB_PLUGIN_DIR != '\0') {
    plugin_dir = HIRESTREAM_MARIADB_PLUGIN_DIR;
  }
  if (plugin_dir != nullptr) {
    mysql_options(handle, MYSQL_PLUGIN_DIR, plugin_dir);
  }
  // The server chooses how the client logs in: it must not choose the password in plain text.
  mysql_optionsv(handle, MARIADB_OPT_RESTRICTED_AUTH, kLogins);
  if (!encrypted) {
    return;
  }
  const auto file = [](const std::string& path) { return path.empty() ? nullptr : path.c_str(); };
  mysql_ssl_set(handle, file(config.tls_key), file(config.tls_certificate), file(config.tls_ca),
                nullptr, nullptr);
  mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &on);
  mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
                config.tls == MysqlTls::kVerify ? &on : &off);
}

// What a statement does and to what, without its values: "INSERT INTO events".
std::string operation_of(std::string_view sql) {
  constexpr size_t kLengthMax = 60;
  std::string_view begin = sql.substr(0, sql.find_first_of("('`=\n"));
  if (begin.size() > kLengthMax) {
    begin = begin.substr(0, begin.rfind(' ', kLengthMax));
  }
  begin = begin.substr(0, begin.find_last_not_of(' ') + 1);
  return fmt::format("run {}", begin);
}

}  // namespace

bool is_lost_connection(unsigned code) {
  return code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST ||
         code == CR_SERVER_LOST_EXTENDED || code == kClientInteractionTimeout ||
         code == kConnectionKilled || code == ER_SERVER_SHUTDOWN ||
         code == ER_NET_PACKETS_OUT_OF_ORDER || code == CR_MALFORMED_PACKET;
}

void ResultSet::Free::operator()(st_mysql_res* result) const {
  mysql_free_result(result);
}

Result<bool> ResultSet::next() {
  row_ = mysql_fetch_row(result_.get());
  if (row_ != nullptr) {
    lengths_ = mysql_fetch_lengths(result_.get());
    return true;
  }
  if (connection_ != nullptr && connection_->has_failed()) {
    return connection_->failure("read rows");
  }
  return false;
}

std::string ResultSet::column_name(size_t column) const {
  return mysql_fetch_field_direct(result_.get(), static_cast<unsigned>(column))->name;
}

bool ResultSet::is_null(size_t column) const {
  return row_[column] == nullptr;
}

std::string_view ResultSet::text(size_t column) const {
  return row_[column] == nullptr ? std::string_view()
                                 : std::string_view(row_[column], lengths_[column]);
}

uint64_t ResultSet::unsigned_integer(size_t column) const {
  uint64_t value = 0;
  const std::string_view digits = text(column);
  const auto [end, error] = std::from_chars(digits.data(), digits.end(), value);
  HIRESTREAM_CHECK(digits.empty() || (error == std::errc() && end == digits.end()));
  return value;
}

void PreparedStatement::Close::operator()(st_mysql_stmt* statement) const {
  mysql_stmt_close(statement);
}

void PreparedStatement::bind(std::span<st_mysql_bind> parameters) {
  HIRESTREAM_CHECK(mysql_stmt_param_count(statement_.get()) == parameters.size());
  HIRESTREAM_CHECK(mysql_stmt_bind_param(statement_.get(), parameters.data()) == 0);
}

void Connection::Close::operator()(st_mysql* connection) const {
  mysql_close(connection);
}

Connection::Connection(st_mysql* connection, const MysqlConfig& config)
    : connection_(connection),
      subject_(config.subject()),
      user_(config.user),
      database_(config.database) {}

Result<std::unique_ptr<Connection>> Connection::open(const MysqlConfig& config) {
  HIRESTREAM_TRY(check_tls_settings(config));
  HIRESTREAM_ASSIGN(const std::string password,
                    (Secret{config.password, config.password_file}.now()));
  start_library();
  const auto attempt = [&](bool encrypted, bool with_database,
                           std::unique_ptr<Connection>& connection) -> Result<void> {
    MYSQL* handle = mysql_init(nullptr);
    HIRESTREAM_CHECK(handle != nullptr);
    connection.reset(new Connection(handle, config));
    return connection->connect(config, password, encrypted, with_database);
  };
  std::unique_ptr<Connection> connection;
  const bool encrypted = config.tls != MysqlTls::kOff;
  auto done = attempt(encrypted, true, connection);
  if (!done && config.create_database && connection->error_code() == kUnknownDatabase) {
    HIRESTREAM_TRY(attempt(encrypted, false, connection));
    HIRESTREAM_TRY(
        connection->execute(fmt::format("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4",
                                        sql::quote_identifier(config.database, '`'))));
    done = connection->execute("USE " + sql::quote_identifier(config.database, '`'));
  }
  HIRESTREAM_TRY(std::move(done));
  return connection;
}

Result<void> Connection::connect(const MysqlConfig& config, const std::string& password,
                                 bool encrypted, bool with_database) {
  set_options(connection_.get(), config, encrypted);
  const bool by_socket = !config.unix_socket.empty();
  const MYSQL* connected = mysql_real_connect(
      connection_.get(), by_socket ? "localhost" : config.host.c_str(), config.user.c_str(),
      password.c_str(), with_database ? config.database.c_str() : nullptr, config.port,
      by_socket ? config.unix_socket.c_str() : nullptr, CLIENT_FOUND_ROWS);
  if (connected == nullptr) {
    return connect_failure(config, encrypted);
  }
  // The library goes on in plain text when the server offers no TLS.
  const bool may_be_plain = !encrypted || config.tls == MysqlTls::kPreferred;
  if (!may_be_plain && mysql_get_ssl_cipher(connection_.get()) == nullptr) {
    return fail(ErrorKind::kConfig, "connect", subject_, std::string(kNoTlsOffered), no_tls_hint());
  }
  established_ = true;
  return set_up_session(config);
}

tl::unexpected<Error> Connection::connect_failure(const MysqlConfig& config, bool encrypted) {
  Error error = failure("connect").value();
  if (error_code_ == ER_ACCESS_DENIED_ERROR || error_code_ == ER_ACCESS_DENIED_NO_PASSWORD_ERROR) {
    error.hint = access_denied_hint(config, encrypted);
    error.may_pass = !config.password_file.empty();
  } else if (error_code_ == CR_PLUGIN_NOT_ALLOWED) {
    // The library's own text shows bytes of its memory.
    error.message = "the server asks for a login that this program refuses";
    error.hint = fmt::format("give {} one of these: {}", user_, kLogins);
  } else if (error_code_ == CR_SSL_CONNECTION_ERROR &&
             error.message.find("server does not support it") != std::string::npos) {
    error.message = kNoTlsOffered;
    error.hint = no_tls_hint();
  } else if (error_code_ == CR_SSL_CONNECTION_ERROR) {
    error.kind = is_lost_handshake(error.message) ? ErrorKind::kTransient : error.kind;
    error.hint = tls_hint(config, error.message);
  }
  return tl::unexpected<Error>(std::move(error));
}

// Whatever the server forces: it may ignore the handshake's character set
// (skip-character-set-client-handshake), and its init_connect runs behind it.
Result<void> Connection::set_up_session(const MysqlConfig& config) {
  if (mysql_set_character_set(connection_.get(), "utf8mb4") != 0) {
    return failure("set the character set");
  }
  HIRESTREAM_TRY(execute(fmt::format(
      "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,"
      "NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', autocommit = 1, "
      "wait_timeout = {}, net_write_timeout = 600, innodb_lock_wait_timeout = 10, "
      "lock_wait_timeout = {}, "
      "completion_type = NO_CHAIN, sql_safe_updates = 0, sql_big_selects = 1, "
      "sql_select_limit = DEFAULT",
      config.idle_max.count(), config.table_lock_max.count())));
  HIRESTREAM_TRY(execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
  HIRESTREAM_ASSIGN(ResultSet row,
                    query(fmt::format("SELECT VERSION(), @@max_allowed_packet, '{0}', HEX('{0}'), "
                                      "@@character_set_client, @@character_set_connection, "
                                      "@@character_set_results",
                                      kTextOfManyBytes)));
  HIRESTREAM_TRY(row.next());
  HIRESTREAM_TRY(check_text(row));
  version_ = row.text(0);
  max_allowed_packet_ = static_cast<size_t>(row.unsigned_integer(1));
  is_mariadb_ = version_.find("MariaDB") != std::string::npos;
  if (!is_mariadb_ && mysql_get_server_version(connection_.get()) < 80019) {
    return fail(ErrorKind::kConfig, "connect", subject_,
                fmt::format("the server is MySQL {}, which is too old", version_),
                "use MySQL 8.0.19 or later, or MariaDB 10.6 or later");
  }
  if (config.statement_time_max.count() == 0) {
    return {};
  }
  const std::chrono::duration<double> seconds = config.statement_time_max;
  return execute(is_mariadb_ ? fmt::format("SET SESSION max_statement_time = {}", seconds.count())
                             : fmt::format("SET SESSION max_execution_time = {}",
                                           config.statement_time_max.count()));
}

// There and back again: as it was sent, and the same bytes on the server.
Result<void> Connection::check_text(const ResultSet& row) const {
  std::string hex;
  for (const char c : kTextOfManyBytes) {
    hex += fmt::format("{:02X}", static_cast<unsigned char>(c));
  }
  if (row.text(2) == kTextOfManyBytes && row.text(3) == hex) {
    return {};
  }
  return fail(ErrorKind::kConfig, "connect", subject_,
              fmt::format("text does not arrive as it was sent: '{}' came back as {} bytes, {} on "
                          "the server (character_set_client {}, character_set_connection {}, "
                          "character_set_results {})",
                          kTextOfManyBytes, row.text(2).size(), row.text(3), row.text(4),
                          row.text(5), row.text(6)),
              "let the server, or the proxy before it, leave SET NAMES utf8mb4 in force");
}

bool Connection::has_failed() const {
  return mysql_errno(connection_.get()) != 0;
}

tl::unexpected<Error> Connection::failure(const std::string& operation) {
  return failure(operation, mysql_errno(connection_.get()), mysql_error(connection_.get()));
}

tl::unexpected<Error> Connection::failure(const std::string& operation, unsigned code,
                                          const std::string& message) {
  error_code_ = code;
  // Within an encrypted connection every network failure is reported as one of TLS.
  const bool tls_lost = established_ && error_code_ == CR_SSL_CONNECTION_ERROR;
  lost_ = lost_ || tls_lost || is_lost_connection(error_code_);
  if (tls_lost) {
    return fail(ErrorKind::kTransient, operation, subject_,
                fmt::format("connection lost: {} ({})", message, error_code_));
  }
  if (asks_for_another_session(error_code_)) {
    give_up();
  }
  const Verdict verdict = verdict_of(error_code_);
  return forward({verdict.kind, operation, subject_, fmt::format("{} ({})", message, error_code_),
                  hint_for(error_code_, user_, database_), verdict.may_pass});
}

void Connection::give_up() {
  break_off();
  lost_ = true;
}

void Connection::break_off() {
  shutdown(static_cast<int>(mysql_get_socket(connection_.get())), SHUT_RDWR);
}

StatementFault Connection::fault_of(std::string_view sql) {
  const StatementFault fault = hook_ ? hook_(sql, id()) : StatementFault::kNone;
  if (fault == StatementFault::kLoseBefore) {
    break_off();
  }
  return fault;
}

Result<void> Connection::send(std::string_view sql) {
  error_code_ = 0;
  const StatementFault fault = fault_of(sql);
  int status = 0;
  if (fault == StatementFault::kLoseAnswer) {
    status = mysql_send_query(connection_.get(), sql.data(), sql.size());
    break_off();
    status = status != 0 ? status : mysql_read_query_result(connection_.get());
    if (status == 0) {  // the answer had come already: nobody reads it
      mysql_free_result(mysql_store_result(connection_.get()));
      status = mysql_real_query(connection_.get(), "DO 0", 4);
    }
  } else {
    status = mysql_real_query(connection_.get(), sql.data(), sql.size());
  }
  last_used_ = std::chrono::steady_clock::now();
  if (status != 0) {
    return failure(operation_of(sql));
  }
  return {};
}

Result<void> Connection::execute(std::string_view sql) {
  HIRESTREAM_TRY(send(sql));
  if (mysql_field_count(connection_.get()) > 0) {
    mysql_free_result(mysql_store_result(connection_.get()));
  }
  return {};
}

template <typename Send>
Result<void> Connection::send_prepared(const PreparedStatement& statement, const Send& send) {
  error_code_ = 0;
  st_mysql_stmt* handle = statement.statement_.get();
  const StatementFault fault = fault_of(statement.sql_);
  const int status = send(handle);
  last_used_ = std::chrono::steady_clock::now();
  if (status != 0) {
    return failure(operation_of(statement.sql_), mysql_stmt_errno(handle),
                   mysql_stmt_error(handle));
  }
  if (fault == StatementFault::kLoseAnswer) {
    // The answer had come already: nobody reads it.
    break_off();
    mysql_real_query(connection_.get(), "DO 0", 4);
    return failure(operation_of(statement.sql_));
  }
  return {};
}

Result<PreparedStatement> Connection::prepare(std::string_view sql) {
  PreparedStatement prepared;
  prepared.sql_ = sql;
  prepared.statement_.reset(mysql_stmt_init(connection_.get()));
  HIRESTREAM_CHECK(prepared.statement_ != nullptr);
  HIRESTREAM_TRY(send_prepared(prepared, [&](st_mysql_stmt* handle) {
    return mysql_stmt_prepare(handle, sql.data(), sql.size());
  }));
  return prepared;
}

Result<void> Connection::execute(PreparedStatement& statement) {
  return send_prepared(statement, mysql_stmt_execute);
}

Result<ResultSet> Connection::take_result(st_mysql_res* result) {
  if (result == nullptr) {
    return failure("read rows");
  }
  ResultSet rows;
  rows.result_.reset(result);
  return rows;
}

Result<ResultSet> Connection::query(std::string_view sql) {
  HIRESTREAM_TRY(send(sql));
  return take_result(mysql_store_result(connection_.get()));
}

Result<ResultSet> Connection::stream(std::string_view sql) {
  HIRESTREAM_TRY(send(sql));
  HIRESTREAM_ASSIGN(ResultSet rows, take_result(mysql_use_result(connection_.get())));
  rows.connection_ = this;
  return rows;
}

int64_t Connection::affected_rows() const {
  return static_cast<int64_t>(mysql_affected_rows(connection_.get()));
}

int64_t Connection::last_insert_id() const {
  return static_cast<int64_t>(mysql_insert_id(connection_.get()));
}

bool Connection::alive() {
  if (lost_ || mysql_ping(connection_.get()) != 0) {
    lost_ = true;
    return false;
  }
  last_used_ = std::chrono::steady_clock::now();
  return true;
}

uint64_t Connection::id() const {
  return mysql_thread_id(connection_.get());
}

void Connection::append_text(std::string& sql, std::string_view text) const {
  const size_t start = sql.size();
  sql.resize(start + 2 + 2 * text.size() + 1);
  sql[start] = '\'';
  const unsigned long written =
      mysql_real_escape_string(connection_.get(), sql.data() + start + 1, text.data(), text.size());
  sql.resize(start + 1 + written);
  sql += '\'';
}

std::string Connection::quoted(std::string_view text) const {
  std::string out;
  append_text(out, text);
  return out;
}

}  // namespace mysql
}  // namespace hirestream
