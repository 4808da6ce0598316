// Creating the tables, telling an `events` of ours from others, and turning an append-only one into ours.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "adapters/sqlite/warehouse.h"
#include "adapters/sqlite/warehouse_schema.h"
#include "model/timestamp.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

using sqlite::Statement;
using sqlite::Transaction;
using sqlite::TransactionMode;

// What migrate needs of a table that others filled.
constexpr const char* kNeededColumns[] = {
    "job_id",     "dates",       "hours",       "publisher_id",
    "group_id",   "campaign_id", "conversion",  "disqualified_application",
    "spend_hour", "clicks",      "impressions", "qualified_application"};

constexpr const char* kBadDates = "julianday(dates) IS NULL";
constexpr const char* kBadHours = "hours IS NULL OR CAST(hours AS INTEGER) <> hours";

std::vector<std::string> missing_columns(const std::vector<std::string>& have) {
  std::vector<std::string> missing;
  for (const char* name : kNeededColumns) {
    if (std::find(have.begin(), have.end(), name) == have.end()) {
      missing.emplace_back(name);
    }
  }
  return missing;
}

bool contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> SqliteWarehouse::schema_statements() const {
  return sqlite_schema_statements();
}

Result<bool> SqliteWarehouse::exists(const char* type, const char* name) {
  HIRESTREAM_ASSIGN(Statement row, database_.prepare("SELECT 1 FROM sqlite_schema WHERE type = ?1 "
                                                     "AND name = ?2"));
  return row.bind(1, std::string_view(type)).bind(2, std::string_view(name)).step();
}

Result<bool> SqliteWarehouse::exists_column(const char* table, const char* name) {
  HIRESTREAM_ASSIGN(Statement row,
                    database_.prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2"));
  return row.bind(1, std::string_view(table)).bind(2, std::string_view(name)).step();
}

Result<std::vector<std::string>> SqliteWarehouse::columns_of_events() {
  HIRESTREAM_ASSIGN(Statement rows,
                    database_.prepare("SELECT name FROM pragma_table_info('events')"));
  std::vector<std::string> names;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return names;
    }
    names.emplace_back(rows.text(0));
  }
}

Result<EventsTableState> SqliteWarehouse::events_table() {
  HIRESTREAM_ASSIGN(bool table, exists("table", "events"));
  HIRESTREAM_ASSIGN(bool view, exists("view", "events"));
  HIRESTREAM_ASSIGN(bool ours, exists("table", "events_micros"));
  if (!table && !view) {
    return EventsTableState::kMissing;
  }
  HIRESTREAM_ASSIGN(std::vector<std::string> columns, columns_of_events());
  if (!missing_columns(columns).empty()) {
    return EventsTableState::kForeign;
  }
  if (table) {
    return EventsTableState::kAppendOnly;
  }
  return ours ? EventsTableState::kReady : EventsTableState::kForeign;
}

Result<void> SqliteWarehouse::create_missing() {
  for (const std::string& statement : sqlite_schema_statements()) {
    HIRESTREAM_TRY(database_.execute(statement));
  }
  // Of before these were noted. Engines of that time can go on beside it.
  for (const auto& [table, column] : {std::pair{"hirestream_minutes", "rejected"},
                                      std::pair{"hirestream_slices", "corrected_at_us"}}) {
    HIRESTREAM_ASSIGN(const bool there, exists_column(table, column));
    if (!there) {
      HIRESTREAM_TRY(database_.execute(
          fmt::format("ALTER TABLE {} ADD COLUMN {} INTEGER NOT NULL DEFAULT 0", table, column)));
    }
  }
  return check_schema_version();
}

Result<void> SqliteWarehouse::check_schema_version() {
  HIRESTREAM_ASSIGN(Statement row,
                    database_.prepare("SELECT CAST(value AS INTEGER) FROM hirestream_meta WHERE "
                                      "name = 'schema_version'"));
  HIRESTREAM_ASSIGN(bool found, row.step());
  const int64_t version = found ? row.integer(0) : 0;
  row.reset();
  if (version > kSqliteSchemaVersion) {
    return fail(ErrorKind::kConfig, "init", config_.path,
                fmt::format("its tables have schema version {}, this program knows {}", version,
                            kSqliteSchemaVersion),
                "use a newer hirestream");
  }
  if (version < kSqliteSchemaVersion) {
    // Engines that do not know the roll-up must not go on beside it: they are fenced, and refused at their next start.
    HIRESTREAM_TRY(fill_days());
    HIRESTREAM_TRY(note_change());
    HIRESTREAM_TRY(database_.execute("UPDATE hirestream_writers SET epoch = epoch + 1"));
    HIRESTREAM_TRY(database_.execute(
        fmt::format("UPDATE hirestream_meta SET value = '{}' WHERE name = 'schema_version'",
                    kSqliteSchemaVersion)));
  }
  return {};
}

Result<void> SqliteWarehouse::fill_days() {
  HIRESTREAM_TRY(database_.execute("DELETE FROM hirestream_days"));
  return database_.execute(
      "INSERT INTO hirestream_days (days, job_id, publisher_id, campaign_id, group_id, company_id, "
      "impressions, clicks, conversions, qualified, unqualified, bid_micros) SELECT days, job_id, "
      "publisher_id, campaign_id, group_id, MAX(company_id), SUM(impressions), SUM(clicks), "
      "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros "
      "GROUP BY days, job_id, publisher_id, campaign_id, group_id");
}

// One that was made by hand with other types would keep numbers as text, or as floating point.
Result<void> SqliteWarehouse::check_column_types() {
  HIRESTREAM_ASSIGN(
      Statement row,
      database_.prepare("SELECT name, type FROM pragma_table_info('events_micros') WHERE name <> "
                        "'sources' AND type NOT LIKE '%INT%'"));
  HIRESTREAM_ASSIGN(const bool found, row.step());
  if (!found) {
    return {};
  }
  return fail(ErrorKind::kConfig, "init", config_.path,
              fmt::format("column {} of events_micros is {}, not INTEGER", row.text(0),
                          row.text(1).empty() ? "without a type" : row.text(1)),
              "use another file: SQLite cannot change a column's type (ALTER TABLE events_micros "
              "RENAME TO …, let `hirestream init` make it anew and copy its rows)");
}

Result<bool> SqliteWarehouse::has_counted() {
  HIRESTREAM_ASSIGN(const bool ledger, exists("table", "hirestream_slices"));
  if (!ledger) {
    return false;
  }
  HIRESTREAM_ASSIGN(Statement row,
                    database_.prepare("SELECT 1 FROM hirestream_slices WHERE counted > 0 LIMIT 1"));
  return row.step();
}

Result<void> SqliteWarehouse::init() {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(EventsTableState state, events_table());
  if (state == EventsTableState::kForeign) {
    HIRESTREAM_ASSIGN(std::vector<std::string> columns, columns_of_events());
    return fail(ErrorKind::kConfig, "init", config_.path,
                fmt::format("there is an `events` that is not ours; columns missing: {}",
                            fmt::join(missing_columns(columns), ", ")),
                "use another file, or rename that table");
  }
  if (state == EventsTableState::kAppendOnly) {
    return fail(ErrorKind::kConfig, "init", config_.path,
                "`events` is an ordinary table, perhaps with several rows for one hour; it is not "
                "written to",
                "run `hirestream migrate`, which keeps the old table under another name");
  }
  if (state == EventsTableState::kMissing) {
    HIRESTREAM_ASSIGN(const bool counted, has_counted());
    HIRESTREAM_TRY(check_new_events(config_.path, counted));
  }
  HIRESTREAM_TRY(check_column_types());
  HIRESTREAM_TRY(create_missing());
  return transaction.commit();
}

Result<std::pair<int64_t, int64_t>> SqliteWarehouse::migrate(int64_t now_us) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(EventsTableState state, events_table());
  if (state != EventsTableState::kAppendOnly) {
    return fail(ErrorKind::kConfig, "migrate", config_.path,
                state == EventsTableState::kReady
                    ? "`events` has our form already: nothing to migrate"
                    : "there is no append-only table `events` with the columns that are charted",
                state == EventsTableState::kMissing ? "run `hirestream init`" : "");
  }
  std::string stamp = format_timestamp_ms(now_us).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::replace(stamp.begin(), stamp.end(), ' ', 'T');
  const std::string old_table = "events_before_" + stamp + "Z";
  HIRESTREAM_TRY(database_.execute("ALTER TABLE events RENAME TO " + old_table));
  HIRESTREAM_TRY(create_missing());
  HIRESTREAM_ASSIGN(auto rows, migrate_rows(old_table, now_us));
  HIRESTREAM_TRY(note_change());
  HIRESTREAM_TRY(transaction.commit());
  return rows;
}

// What was there before counts as frozen: source 0 of hirestream_frozen, so that sums can still be compared.
Result<std::pair<int64_t, int64_t>> SqliteWarehouse::migrate_rows(const std::string& old_table,
                                                                  int64_t now_us) {
  HIRESTREAM_ASSIGN(
      Statement bad,
      database_.prepare(fmt::format("SELECT COUNT(*), COALESCE(SUM({}), 0), COALESCE(SUM({}), 0), "
                                    "quote(MIN(dates) FILTER (WHERE {})), quote(MIN(hours) FILTER "
                                    "(WHERE {})) FROM {}",
                                    kBadDates, kBadHours, kBadDates, kBadHours, old_table)));
  HIRESTREAM_TRY(bad.step());
  const int64_t before = bad.integer(0);
  for (const auto& [column, condition, place] :
       {std::tuple("dates", kBadDates, 1), std::tuple("hours", kBadHours, 2)}) {
    if (bad.integer(place) > 0) {
      return fail(
          ErrorKind::kConfig, "migrate", config_.path,
          fmt::format("{} rows of `events` have no readable `{}`: {}", bad.integer(place), column,
                      bad.text(place + 2)),
          fmt::format("correct or delete them, then migrate again; SELECT * FROM events WHERE {}",
                      condition));
    }
  }
  bad.reset();
  HIRESTREAM_ASSIGN(Statement columns, database_.prepare(fmt::format(
                                           "SELECT name FROM pragma_table_info('{}')", old_table)));
  std::vector<std::string> names;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, columns.step());
    if (!more) {
      break;
    }
    names.emplace_back(columns.text(0));
  }
  const char* company = contains(names, "company_id") ? "MAX(COALESCE(company_id, 0))" : "0";
  const char* sources = contains(names, "sources") ? "MAX(COALESCE(sources, ''))" : "''";
  HIRESTREAM_TRY(database_.execute(fmt::format(
      "INSERT INTO events_micros (days, hours, job_id, publisher_id, campaign_id, group_id, "
      "company_id, impressions, clicks, conversions, qualified, unqualified, bid_micros, sources, "
      "updated_at_us) SELECT CAST(strftime('%s', date(dates)) AS INTEGER) / 86400, CAST(hours AS "
      "INTEGER), CAST(COALESCE(job_id, 0) AS INTEGER), CAST(COALESCE(publisher_id, 0) AS INTEGER), "
      "CAST(COALESCE(campaign_id, 0) AS INTEGER), CAST(COALESCE(group_id, 0) AS INTEGER), {}, "
      "SUM(CAST(COALESCE(impressions, 0) AS INTEGER)), SUM(CAST(COALESCE(clicks, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(conversion, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(qualified_application, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(disqualified_application, 0) AS INTEGER)), "
      "SUM(CAST(ROUND(COALESCE(spend_hour, 0) * 1000000) AS INTEGER)), {}, {} FROM {} "
      "GROUP BY 1, 2, 3, 4, 5, 6",
      company, sources, now_us, old_table)));
  const int64_t after = database_.changes();
  HIRESTREAM_TRY(database_.execute(
      "INSERT INTO hirestream_frozen (source_id, days, hours, impressions, clicks, conversions, "
      "qualified, unqualified, bid_micros) SELECT 0, days, hours, SUM(impressions), SUM(clicks), "
      "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros "
      "GROUP BY days, hours"));
  HIRESTREAM_TRY(fill_days());
  return std::pair{before, after};
}

}  // namespace hirestream
