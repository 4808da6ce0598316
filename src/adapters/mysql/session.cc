#include "adapters/mysql/session.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "adapters/mysql/dialect.h"

namespace hirestream::mysql {
namespace {

constexpr std::chrono::seconds kIdleBeforePing{5};

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

// Sums of doubles are written as such: "4e15". Beyond 2⁵³ they are not exact.
std::optional<int64_t> parse_integral(std::string_view text) {
  constexpr double kExactMax = 9'007'199'254'740'992.0;
  if (const auto integer = number_in<int64_t>(text)) {
    return integer;
  }
  const auto real = number_in<double>(text);
  if (!real || std::abs(*real) > kExactMax || std::trunc(*real) != *real) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*real);
}

// "-12.345678", with at most six digits behind the point.
std::optional<int64_t> parse_micros(std::string_view text) {
  constexpr size_t kDigits = 6;
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  if (fraction.size() > kDigits) {
    return std::nullopt;
  }
  digits += fraction;
  digits.append(kDigits - fraction.size(), '0');
  return number_in<int64_t>(digits);
}

class ResultRow final : public sql::Row {
 public:
  explicit ResultRow(const ResultSet& rows) : rows_(rows) {}
  bool is_null(int column) const override { return rows_.is_null(static_cast<size_t>(column)); }
  std::string_view text(int column) const override {
    return rows_.text(static_cast<size_t>(column));
  }
  uint64_t unsigned_integer(int column) const override {
    return rows_.unsigned_integer(static_cast<size_t>(column));
  }

 private:
  std::optional<int64_t> as_integer(int column) const override {
    return parse_integral(text(column));
  }
  std::optional<int64_t> as_micros(int column) const override { return parse_micros(text(column)); }
  std::string column_name(int column) const override {
    return rows_.column_name(static_cast<size_t>(column));
  }
  const ResultSet& rows_;
};

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const MysqlConfig& config) {
  std::unique_ptr<Session> session(new Session(config));
  HIRESTREAM_TRY(session->connect());
  // A database that is gone later is being restored, perhaps: it is not for us to make it anew.
  session->config_.create_database = false;
  return session;
}

Session::~Session() = default;

Result<void> Session::connect() {
  HIRESTREAM_ASSIGN(connection_, Connection::open(config_));
  connection_->set_hook(hook_);
  dialect_ = std::make_unique<Dialect>(connection_->is_mariadb());
  dialect_->ledger = ledger_;
  return {};
}

Result<Connection*> Session::ready() {
  if (in_transaction()) {
    if (connection_->lost()) {
      return fail(ErrorKind::kTransient, "run a statement", subject(),
                  "the session was lost in the middle of a transaction");
    }
    return connection_.get();
  }
  const bool idle = std::chrono::steady_clock::now() - connection_->last_used() > kIdleBeforePing;
  if (connection_->lost() || (idle && !connection_->alive())) {
    HIRESTREAM_TRY(connect());
  }
  return connection_.get();
}

const sql::Dialect& Session::dialect() const {
  return *dialect_;
}

std::string Session::server() const {
  return fmt::format("{} {}", connection_->is_mariadb() ? "mariadb" : "mysql",
                     connection_->version());
}

void Session::use_ledger(sql::LedgerTables tables) {
  ledger_ = std::move(tables);
  dialect_->ledger = ledger_;
}

void Session::set_hook(StatementHook hook) {
  hook_ = std::move(hook);
  connection_->set_hook(hook_);
}

Result<void> Session::execute(std::string_view sql) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  return connection->execute(sql);
}

Result<PreparedStatement> Session::prepare(std::string_view sql) {
  HIRESTREAM_CHECK(in_transaction());
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  return connection->prepare(sql);
}

Result<void> Session::execute(PreparedStatement& statement) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  return connection->execute(statement);
}

Result<void> Session::read(std::string_view sql, const Visit& visit, Fetch fetch) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const bool row_by_row = fetch == Fetch::kRowByRow;
  HIRESTREAM_ASSIGN(ResultSet rows, row_by_row ? connection->stream(sql) : connection->query(sql));
  while (true) {
    HIRESTREAM_ASSIGN(const bool more, rows.next());
    if (!more) {
      return {};
    }
    if (auto visited = visit_row(ResultRow(rows), visit); !visited) {
      if (row_by_row) {
        connection->give_up();  // rows not read yet are on their way
      }
      return visited;
    }
  }
}

Result<void> Session::start_write() {
  return execute("START TRANSACTION");
}

Result<void> Session::start_snapshot() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_TRY(connection->execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  return connection->execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

Result<void> Session::send_commit() {
  return execute("COMMIT");
}

void Session::send_rollback() {
  if (!connection_->lost() && !connection_->execute("ROLLBACK")) {
    connection_->give_up();  // the server rolls back when the session ends
  }
}

bool lacks_privilege(unsigned code) {
  return code == 1044 || code == 1142 || code == 1143 || code == 1227 || code == 1370;
}

Result<void> run_ddl(Session& session, const std::string& statement, const char* operation,
                     const std::string& hint) {
  auto done = session.execute(statement);
  if (!done && lacks_privilege(session.error_code())) {
    Error error = std::move(done).error();
    error.operation = operation;
    error.hint = hint;
    return forward(std::move(error));
  }
  return done;
}

}  // namespace hirestream::mysql
