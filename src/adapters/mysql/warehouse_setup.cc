// Creating the tables, telling an `events` of ours from others, turning an append-only one into ours, and what doctor asks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "adapters/mysql/commit_writer.h"
#include "adapters/mysql/events_columns.h"
#include "adapters/mysql/unreadable_values.h"
#include "adapters/mysql/warehouse.h"
#include "adapters/mysql/warehouse_schema.h"
#include "model/timestamp.h"
#include "ports/source_check.h"

namespace hirestream {

using mysql::Connection;
using mysql::ResultSet;
using mysql::Transaction;

namespace {

// What migrate needs of a table that others filled.
constexpr const char* kNeededColumns[] = {
    "job_id",     "dates",       "hours",       "publisher_id",
    "group_id",   "campaign_id", "conversion",  "disqualified_application",
    "spend_hour", "clicks",      "impressions", "qualified_application"};
constexpr const char* kOurOwnColumns[] = {"company_id", "bid_set", "sources", "updated_at"};
constexpr const char* kNewTable = "hirestream_events_new";
constexpr unsigned kDuplicateColumn = 1060;
constexpr const char* kStoredVersion =
    "SELECT value FROM hirestream_meta WHERE name = 'schema_version'";

// hirestream_days anew from `events` or a table of its form. Within a transaction.
Result<void> replace_days(Connection& connection, const char* events) {
  HIRESTREAM_TRY(connection.execute("DELETE FROM hirestream_days"));
  return connection.execute(fmt::format(
      "INSERT INTO hirestream_days (dates, job_id, publisher_id, campaign_id, group_id, "
      "company_id, impressions, clicks, conversion, qualified_application, "
      "disqualified_application, spend) SELECT dates, job_id, publisher_id, campaign_id, group_id, "
      "MAX(company_id), SUM(impressions), SUM(clicks), SUM(conversion), "
      "SUM(qualified_application), SUM(disqualified_application), SUM(spend_hour) FROM {} GROUP BY "
      "dates, job_id, publisher_id, campaign_id, group_id",
      events));
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<int64_t> count(Connection& connection, const std::string& from) {
  HIRESTREAM_ASSIGN(ResultSet row, connection.query("SELECT COUNT(*) FROM " + from));
  HIRESTREAM_TRY(row.next());
  return row.integer(0);
}

Result<std::vector<std::string>> first_column(Connection& connection, std::string_view sql) {
  HIRESTREAM_ASSIGN(ResultSet rows, connection.query(sql));
  std::vector<std::string> values;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return values;
    }
    values.emplace_back(rows.text(0));
  }
}

bool lacks_privilege(unsigned code) {
  return code == 1044 || code == 1142 || code == 1143 || code == 1227 || code == 1370;
}

// The error that ended a migration, and what its clearing up has to add.
Error drop_copy(Connection& connection, Error error) {
  if (!connection.execute(fmt::format("DROP TABLE IF EXISTS {}", kNewTable))) {
    error.hint += fmt::format("{}the table {} is left: the next migration replaces it",
                              error.hint.empty() ? "" : "; ", kNewTable);
  }
  return error;
}

std::string old_name(int64_t now_us) {
  std::string stamp = format_timestamp_ms(now_us).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::replace(stamp.begin(), stamp.end(), ' ', 'T');
  return "events_before_" + stamp + "Z";
}

}  // namespace

std::vector<std::string> MysqlWarehouse::schema_statements() const {
  return mysql_schema_statements();
}

Result<MysqlWarehouse::EventsTable> MysqlWarehouse::inspect_events(Connection& connection) {
  EventsTable table;
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection.query("SELECT column_name, column_type, extra FROM information_schema.columns "
                       "WHERE table_schema = DATABASE() AND table_name = 'events'"));
  mysql::EventsColumns types;
  std::string faults;
  const auto fault = [&](const std::string& text) {
    faults += (faults.empty() ? "" : ", ") + text;
  };
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    const std::string name(rows.text(0));
    table.columns.push_back(name);
    types.add(name, rows.text(1));
    if (name == "spend_hour" && rows.text(1) != "decimal(20,6)") {
      fault(fmt::format("spend_hour is {}, not decimal(20,6)", rows.text(1)));
    }
    if (name == "bid_set" && rows.text(2).find("GENERATED") == std::string_view::npos) {
      fault("bid_set is not generated from spend_hour and clicks");
    }
  }
  if (table.columns.empty()) {
    return table;
  }
  HIRESTREAM_ASSIGN(const std::vector<std::string> primary,
                    first_column(connection,
                                 "SELECT column_name FROM information_schema.statistics WHERE "
                                 "table_schema = DATABASE() AND table_name = 'events' AND "
                                 "index_name = 'PRIMARY'"));
  HIRESTREAM_ASSIGN(const std::vector<std::string> unique,
                    first_column(connection,
                                 "SELECT DISTINCT index_name FROM information_schema.statistics "
                                 "WHERE table_schema = DATABASE() AND table_name = 'events' AND "
                                 "non_unique = 0 AND index_name <> 'PRIMARY'"));
  const bool our_key =
      std::set<std::string>(primary.begin(), primary.end()) ==
      std::set<std::string>{"dates", "hours", "job_id", "publisher_id", "campaign_id", "group_id"};
  std::vector<std::string> missing;
  for (const char* name : kNeededColumns) {
    if (!contains(table.columns, name)) {
      missing.emplace_back(name);
    }
  }
  for (const char* name : kOurOwnColumns) {
    if (our_key && !contains(table.columns, name)) {
      missing.emplace_back(name);
    }
  }
  if (!missing.empty()) {
    table.state = EventsTableState::kForeign;
    table.fault = fmt::format("columns missing: {}", fmt::join(missing, ", "));
  } else if (!our_key) {
    table.state = EventsTableState::kAppendOnly;
  } else {
    if (!unique.empty()) {
      fault(fmt::format("it has another unique key: {}", fmt::join(unique, ", ")));
    }
    if (!types.fit()) {
      fault(types.fault());
      table.alter = types.alter();
    }
    table.state = faults.empty() ? EventsTableState::kReady : EventsTableState::kForeign;
    table.fault = faults;
  }
  return table;
}

Result<EventsTableState> MysqlWarehouse::events_table() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*connection));
  return table.state;
}

Result<void> MysqlWarehouse::create_missing(Connection& connection, bool but_events) {
  HIRESTREAM_ASSIGN(const std::vector<std::string> have,
                    first_column(connection,
                                 "SELECT table_name FROM information_schema.tables WHERE "
                                 "table_schema = DATABASE()"));
  const auto run_or = [&](const std::string& statement, const std::string& hint) -> Result<void> {
    auto done = connection.execute(statement);
    if (!done && lacks_privilege(connection.error_code())) {
      Error error = std::move(done).error();
      error.operation = "init";
      error.hint = hint;
      return forward(std::move(error));
    }
    return done;
  };
  const auto run = [&](const std::string& statement) {
    return run_or(statement,
                  "run `hirestream init --warehouse … --print` and give the DDL to an "
                  "administrator");
  };
  for (const MysqlSchemaObject& object : mysql_schema()) {
    const bool events = object.name == std::string_view("events");
    if (contains(have, object.name) || (but_events && events)) {
      continue;
    }
    if (events && contains(have, "hirestream_slices")) {
      HIRESTREAM_ASSIGN(const int64_t counted,
                        count(connection, "hirestream_slices WHERE counted > 0"));
      HIRESTREAM_TRY(check_new_events(connection.subject(), counted > 0));
    }
    HIRESTREAM_TRY(run(object.statement));
  }
  // Of before these were noted. Engines of that time can go on beside it.
  for (const auto& [name, column] : {std::pair{"hirestream_minutes", "rejected"},
                                     std::pair{"hirestream_slices", "corrected_at_us"}}) {
    HIRESTREAM_ASSIGN(
        const std::vector<std::string> columns,
        first_column(connection,
                     fmt::format("SELECT column_name FROM information_schema.columns WHERE "
                                 "table_schema = DATABASE() AND table_name = '{}'",
                                 name)));
    if (contains(columns, column)) {
      continue;
    }
    const std::string add =
        fmt::format("ALTER TABLE {} ADD COLUMN {} BIGINT NOT NULL DEFAULT 0", name, column);
    auto added = run_or(add, fmt::format("an administrator can run this once: {}", add));
    if (!added && connection.error_code() != kDuplicateColumn) {  // another process was faster
      return added;
    }
  }
  HIRESTREAM_ASSIGN(std::vector<std::string> stored, first_column(connection, kStoredVersion));
  if (stored.empty()) {
    HIRESTREAM_TRY(run(mysql_schema_version_statement()));
  } else if (std::atoll(stored[0].c_str()) > kMysqlSchemaVersion) {
    return fail(ErrorKind::kConfig, "init", connection.subject(),
                fmt::format("its tables have schema version {}, this program knows {}", stored[0],
                            kMysqlSchemaVersion),
                "use a newer hirestream");
  } else if (std::atoll(stored[0].c_str()) < kMysqlSchemaVersion) {
    HIRESTREAM_TRY(add_days());
  }
  return {};
}

Result<void> MysqlWarehouse::add_days() {
  MysqlConfig patient = config_;
  patient.read_timeout = std::chrono::seconds(0);
  HIRESTREAM_ASSIGN(std::unique_ptr<Connection> connection, Connection::open(patient));
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  // Engines lock their writers' rows first, everybody else the count of changes last: until this transaction ends, nobody else's does.
  HIRESTREAM_ASSIGN(ResultSet locked,
                    connection->query("SELECT epoch FROM hirestream_writers FOR UPDATE"));
  HIRESTREAM_TRY(mysql::note_change(*connection));
  HIRESTREAM_ASSIGN(const std::vector<std::string> stored,
                    first_column(*connection, kStoredVersion));
  if (!stored.empty() && std::atoll(stored[0].c_str()) >= kMysqlSchemaVersion) {
    return {};  // another process was faster
  }
  HIRESTREAM_TRY(connection->execute("UPDATE hirestream_writers SET epoch = epoch + 1"));
  HIRESTREAM_TRY(connection->execute(
      fmt::format("UPDATE hirestream_meta SET value = '{}' WHERE name = 'schema_version'",
                  kMysqlSchemaVersion)));
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*connection));
  if (table.state != EventsTableState::kReady) {
    return transaction.commit();  // migrate fills it with what it makes
  }
  HIRESTREAM_TRY(replace_days(*connection, "events"));
  return transaction.commit();
}

Result<void> MysqlWarehouse::init() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*connection));
  if (table.state == EventsTableState::kForeign) {
    return fail(ErrorKind::kConfig, "init", connection->subject(),
                "there is a table `events` that is not ours; " + table.fault,
                table.alter.empty() ? "use another database, or rename that table"
                                    : "stop what writes to it, then run " + table.alter);
  }
  if (table.state == EventsTableState::kAppendOnly) {
    return fail(ErrorKind::kConfig, "init", connection->subject(),
                "`events` does not have our unique key (dates, hours, job_id, publisher_id, "
                "campaign_id, group_id), so it may hold several rows for one hour; it is not "
                "written to",
                "run `hirestream migrate`, which keeps the old table under another name");
  }
  return create_missing(*connection, false);
}

Result<std::pair<int64_t, int64_t>> MysqlWarehouse::migrate(int64_t now_us) {
  MysqlConfig patient = config_;
  patient.read_timeout = std::chrono::seconds(0);
  HIRESTREAM_ASSIGN(std::unique_ptr<Connection> connection, Connection::open(patient));
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*connection));
  if (table.state != EventsTableState::kAppendOnly) {
    return fail(ErrorKind::kConfig, "migrate", connection->subject(),
                table.state == EventsTableState::kReady
                    ? "`events` has our form already: nothing to migrate"
                    : "there is no append-only table `events` with the columns that are charted" +
                          (table.fault.empty() ? "" : "; " + table.fault),
                table.state == EventsTableState::kMissing ? "run `hirestream init`" : "");
  }
  HIRESTREAM_TRY(create_missing(*connection, true));
  auto copied = copy_grouped(*connection, table.columns, now_us);
  if (!copied) {
    Error error = std::move(copied).error();
    if (error.kind == ErrorKind::kRejected) {
      error = mysql::explain_unreadable_values(*connection, std::move(error));
    }
    return forward(drop_copy(*connection, std::move(error)));
  }
  const auto rows = *copied;
  const std::string old = old_name(now_us);
  HIRESTREAM_TRY(
      connection->execute(fmt::format("RENAME TABLE events TO {}, {} TO events", old, kNewTable)));
  HIRESTREAM_ASSIGN(const int64_t rows_at_rename, count(*connection, old));
  if (rows_at_rename != rows.first) {
    HIRESTREAM_TRY(connection->execute(
        fmt::format("RENAME TABLE events TO {}, {} TO events", kNewTable, old)));
    return forward(drop_copy(
        *connection, Error{ErrorKind::kTransient, "migrate", connection->subject(),
                           fmt::format("rows were written meanwhile: {} at first, {} at the end",
                                       rows.first, rows_at_rename),
                           "stop whatever writes to `events`, then migrate again"}));
  }
  return rows;
}

// What was there before counts as frozen: source 0 of hirestream_frozen, so that sums can still be compared.
Result<std::pair<int64_t, int64_t>> MysqlWarehouse::copy_grouped(
    Connection& connection, const std::vector<std::string>& columns, int64_t now_us) {
  HIRESTREAM_ASSIGN(const int64_t before, count(connection, "events"));
  HIRESTREAM_ASSIGN(const int64_t bad,
                    count(connection, "events WHERE dates IS NULL OR hours IS NULL"));
  if (bad > 0) {
    return fail(ErrorKind::kConfig, "migrate", connection.subject(),
                fmt::format("{} rows of `events` have no dates or hours", bad),
                "correct or delete them first; SELECT * FROM events WHERE dates IS NULL OR hours "
                "IS NULL");
  }
  HIRESTREAM_TRY(connection.execute(fmt::format("DROP TABLE IF EXISTS {}", kNewTable)));
  HIRESTREAM_TRY(connection.execute(mysql_events_table(kNewTable)));
  const auto id = [](const char* name) {
    return fmt::format("CAST(COALESCE({}, 0) AS SIGNED)", name);
  };
  const auto sum = [](const char* name) {
    return fmt::format("SUM(CAST(COALESCE({}, 0) AS SIGNED))", name);
  };
  HIRESTREAM_TRY(connection.execute(fmt::format(
      "INSERT INTO {} (dates, hours, job_id, publisher_id, campaign_id, group_id, company_id, "
      "impressions, clicks, conversion, qualified_application, disqualified_application, "
      "spend_hour, sources, updated_at) SELECT k_dates, k_hours, k_job, k_publisher, k_campaign, "
      "k_group, MAX(company), SUM(impressions), SUM(clicks), SUM(conversion), "
      "SUM(qualified_application), SUM(disqualified_application), SUM(spend), MAX(kind), '{}' FROM "
      "(SELECT CAST(dates AS DATE) AS k_dates, {} AS k_hours, {} AS k_job, {} AS k_publisher, {} "
      "AS k_campaign, {} AS k_group, {} AS company, COALESCE(impressions, 0) AS impressions, "
      "COALESCE(clicks, 0) AS clicks, COALESCE(conversion, 0) AS conversion, "
      "COALESCE(qualified_application, 0) AS qualified_application, "
      "COALESCE(disqualified_application, 0) AS disqualified_application, "
      "CAST(COALESCE(spend_hour, 0) AS DECIMAL(20,6)) AS spend, {} AS kind FROM events) AS old "
      "GROUP BY k_dates, k_hours, k_job, k_publisher, k_campaign, k_group",
      kNewTable, format_timestamp_us(now_us), id("hours"), id("job_id"), id("publisher_id"),
      id("campaign_id"), id("group_id"),
      contains(columns, "company_id") ? id("company_id") : std::string("0"),
      contains(columns, "sources") ? "LEFT(COALESCE(sources, ''), 255)" : "''")));
  HIRESTREAM_ASSIGN(const int64_t after, count(connection, kNewTable));
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(connection));
  HIRESTREAM_TRY(connection.execute("DELETE FROM hirestream_frozen WHERE source_id = 0"));
  HIRESTREAM_TRY(connection.execute(fmt::format(
      "INSERT INTO hirestream_frozen (source_id, dates, hours, impressions, clicks, conversions, "
      "qualified, unqualified, bid_micros) SELECT 0, dates, hours, {}, {}, {}, {}, {}, "
      "CAST(SUM(spend_hour) * 1000000 AS SIGNED) FROM {} GROUP BY dates, hours",
      sum("impressions"), sum("clicks"), sum("conversion"), sum("qualified_application"),
      sum("disqualified_application"), kNewTable)));
  HIRESTREAM_TRY(replace_days(connection, kNewTable));
  HIRESTREAM_TRY(mysql::note_change(connection));
  HIRESTREAM_TRY(transaction.commit());
  return std::pair{before, after};
}

Result<std::vector<std::pair<std::string, std::string>>> MysqlWarehouse::probe() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  std::vector<std::pair<std::string, std::string>> findings = {{"server", server()}};
  const auto before = std::chrono::system_clock::now();
  HIRESTREAM_ASSIGN(
      ResultSet row,
      connection->query(fmt::format(
          "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)), "
          "CURRENT_USER(), @@GLOBAL.time_zone, @@session.{}, @@GLOBAL.max_allowed_packet, "
          "@@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.innodb_buffer_pool_size",
          connection->is_mariadb() ? "tx_isolation" : "transaction_isolation")));
  HIRESTREAM_TRY(row.next());
  const auto after = std::chrono::system_clock::now();
  const auto middle = before + (after - before) / 2;
  const int64_t here_us =
      std::chrono::duration_cast<std::chrono::microseconds>(middle.time_since_epoch()).count();
  findings.emplace_back(
      "clock difference",
      fmt::format("{:.3f} s", static_cast<double>(row.integer(0) - here_us) / 1e6));
  findings.emplace_back("user", row.text(1));
  findings.emplace_back("server time zone",
                        fmt::format("{} (sessions of hirestream use UTC)", row.text(2)));
  findings.emplace_back("isolation", row.text(3));
  findings.emplace_back("max_allowed_packet", row.text(4));
  findings.emplace_back(
      "innodb_flush_log_at_trx_commit",
      row.text(5) == "1"
          ? std::string("1")
          : fmt::format("{}: the last commits may be lost with the power", row.text(5)));
  findings.emplace_back("innodb_buffer_pool_size", row.text(6));
  return findings;
}

Result<std::vector<std::string>> MysqlWarehouse::missing_privileges() {
  // Statements that change no row ask the server itself, whatever roles and wildcards the privileges come from.
  static constexpr std::pair<std::string_view, std::string_view> kTries[] = {
      {"INSERT", "INSERT INTO {0} SELECT * FROM {0} WHERE FALSE"},
      {"UPDATE", "UPDATE {} SET source_id = source_id WHERE FALSE"},
      {"DELETE", "DELETE FROM {} WHERE FALSE"},
  };
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  std::vector<std::string> missing;
  for (const auto& [privilege, statement] : kTries) {
    const auto tried =
        connection->execute(fmt::format(fmt::runtime(statement), "hirestream_slices"));
    if (!tried && tried.error().kind != ErrorKind::kConfig) {
      return forward(tried.error());
    }
    if (!tried) {
      missing.emplace_back(privilege);
    }
  }
  return missing;
}

}  // namespace hirestream
