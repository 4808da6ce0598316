// Creating the tables, telling an `events` of ours from others, and turning an append-only one into
// ours.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/ledger_upgrade.h"
#include "adapters/sqlite/backend.h"
#include "adapters/sqlite/warehouse_schema.h"

namespace hirestream {
namespace {

using sql::Row;
using sql::Transaction;

constexpr const char* kBadDates = "julianday(dates) IS NULL";
constexpr const char* kBadHours = "hours IS NULL OR CAST(hours AS INTEGER) <> hours";
// Beyond 64 bits of millionths.
constexpr const char* kBadSpend = "ABS(COALESCE(spend_hour, 0)) >= 9223372036854.0";

}  // namespace

std::vector<std::string> SqliteBackend::schema_statements() const {
  return sqlite_schema_statements();
}

Result<bool> SqliteBackend::exists(const char* type, const char* name) {
  HIRESTREAM_ASSIGN(const int64_t found,
                    session_->number(fmt::format("SELECT 1 FROM sqlite_schema WHERE type = '{}' "
                                                 "AND name = '{}'",
                                                 type, name)));
  return found != 0;
}

Result<EventsTableState> SqliteBackend::events_table() {
  HIRESTREAM_ASSIGN(bool table, exists("table", "events"));
  HIRESTREAM_ASSIGN(bool view, exists("view", "events"));
  HIRESTREAM_ASSIGN(bool ours, exists("table", "events_micros"));
  if (!table && !view) {
    return EventsTableState::kMissing;
  }
  HIRESTREAM_ASSIGN(std::vector<std::string> columns, sql::columns_of(*session_, "events"));
  if (!sql::missing_columns(columns).empty()) {
    return EventsTableState::kForeign;
  }
  if (table) {
    return EventsTableState::kAppendOnly;
  }
  return ours ? EventsTableState::kReady : EventsTableState::kForeign;
}

Result<void> SqliteBackend::create_missing() {
  for (const std::string& statement : sqlite_schema_statements()) {
    HIRESTREAM_TRY(session_->execute(statement));
  }
  for (const auto& [table, column] : sql::kLaterColumns) {
    HIRESTREAM_ASSIGN(const std::vector<std::string> columns, sql::columns_of(*session_, table));
    if (!sql::contains(columns, column)) {
      HIRESTREAM_TRY(session_->execute(
          fmt::format("ALTER TABLE {} ADD COLUMN {} INTEGER NOT NULL DEFAULT 0", table, column)));
    }
  }
  return check_schema_version();
}

Result<void> SqliteBackend::check_schema_version() {
  HIRESTREAM_ASSIGN(const int64_t version, sql::stored_version(*session_));
  if (version < sql::kSchemaVersion) {
    // Engines of the older version must not go on beside this one: they are fenced, and refused at
    // their next start.
    if (version < sql::kVersionOfDays) {
      HIRESTREAM_TRY(fill_days());
    }
    HIRESTREAM_TRY(sql::upgrade_ledger(*session_));
    HIRESTREAM_TRY(session_->execute("DROP VIEW IF EXISTS hirestream_accounting"));
    HIRESTREAM_TRY(session_->execute(sqlite_accounting_view()));
    HIRESTREAM_TRY(sql::note_change(*session_));
    HIRESTREAM_TRY(sql::raise_version(*session_));
  }
  return {};
}

Result<void> SqliteBackend::fill_days() {
  HIRESTREAM_TRY(session_->execute("DELETE FROM hirestream_days"));
  return session_->execute(
      "INSERT INTO hirestream_days (days, job_id, publisher_id, campaign_id, group_id, company_id, "
      "impressions, clicks, conversions, qualified, unqualified, bid_micros) SELECT days, job_id, "
      "publisher_id, campaign_id, group_id, MAX(company_id), SUM(impressions), SUM(clicks), "
      "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros "
      "GROUP BY days, job_id, publisher_id, campaign_id, group_id");
}

// One that was made by hand with other types would keep numbers as text, or as floating point.
Result<void> SqliteBackend::check_column_types() {
  std::string column;
  std::string type;
  HIRESTREAM_ASSIGN(const bool found,
                    session_->first("SELECT name, type FROM pragma_table_info('events_micros') "
                                    "WHERE name <> 'sources' AND type NOT LIKE '%INT%'",
                                    [&](const sql::Row& row) {
                                      column = row.text(0);
                                      type = row.text(1);
                                    }));
  if (!found) {
    return {};
  }
  return fail(ErrorKind::kConfig, "init", session_->subject(),
              fmt::format("column {} of events_micros is {}, not INTEGER", column,
                          type.empty() ? "without a type" : type),
              "use another file: SQLite cannot change a column's type (ALTER TABLE events_micros "
              "RENAME TO …, let `hirestream init` make it anew and copy its rows)");
}

Result<void> SqliteBackend::init() {
  HIRESTREAM_ASSIGN(Transaction transaction, session_->begin_write());
  HIRESTREAM_ASSIGN(EventsTableState state, events_table());
  if (state == EventsTableState::kForeign) {
    HIRESTREAM_ASSIGN(const auto columns, sql::columns_of(*session_, "events"));
    return sql::refuse_init(
        *session_, state,
        fmt::format("columns missing: {}", fmt::join(sql::missing_columns(columns), ", ")));
  }
  if (state == EventsTableState::kAppendOnly) {
    return sql::refuse_init(
        *session_, state, "`events` is an ordinary table, perhaps with several rows for one hour");
  }
  if (state == EventsTableState::kMissing) {
    HIRESTREAM_ASSIGN(const bool ledger, exists("table", "hirestream_slices"));
    HIRESTREAM_TRY(sql::check_new_events(*session_, ledger));
  }
  HIRESTREAM_TRY(check_column_types());
  HIRESTREAM_TRY(create_missing());
  return transaction.commit();
}

Result<std::pair<int64_t, int64_t>> SqliteBackend::migrate(int64_t now_us,
                                                           std::optional<int32_t> until_hour) {
  HIRESTREAM_ASSIGN(Transaction transaction, session_->begin_write());
  HIRESTREAM_ASSIGN(EventsTableState state, events_table());
  if (state != EventsTableState::kAppendOnly) {
    return sql::refuse_migration(*session_, state, "");
  }
  const std::string old_table = sql::old_events_name(now_us);
  HIRESTREAM_TRY(session_->execute("ALTER TABLE events RENAME TO " + old_table));
  HIRESTREAM_TRY(create_missing());
  HIRESTREAM_ASSIGN(auto rows, migrate_rows(old_table, now_us, until_hour));
  HIRESTREAM_TRY(sql::note_change(*session_));
  HIRESTREAM_TRY(transaction.commit());
  return rows;
}

// What was there before counts as frozen: source 0 of hirestream_frozen, so that sums can still be
// compared.
Result<std::pair<int64_t, int64_t>> SqliteBackend::migrate_rows(const std::string& old_table,
                                                                int64_t now_us,
                                                                std::optional<int32_t> until_hour) {
  for (const auto& [column, condition] :
       {std::pair("dates", kBadDates), std::pair("hours", kBadHours),
        std::pair("spend_hour", kBadSpend)}) {
    int64_t bad = 0;
    std::string example;
    HIRESTREAM_TRY(session_->each(fmt::format("SELECT COUNT(*), quote(MIN({})) FROM {} WHERE {}",
                                              column, old_table, condition),
                                  [&](const Row& row) {
                                    bad = row.integer(0);
                                    example = row.text(1);
                                  }));
    if (bad > 0) {
      return fail(
          ErrorKind::kConfig, "migrate", session_->subject(),
          fmt::format("{} rows of `events` have no readable `{}`: {}", bad, column, example),
          fmt::format("correct or delete them, then migrate again; SELECT * FROM events WHERE {}",
                      condition));
    }
  }
  HIRESTREAM_ASSIGN(const int64_t before,
                    session_->number(fmt::format("SELECT COUNT(*) FROM {}", old_table)));
  HIRESTREAM_ASSIGN(const std::vector<std::string> names, sql::columns_of(*session_, old_table));
  const std::string kept = until_hour
                               ? fmt::format(
                                     " WHERE CAST(strftime('%s', date(dates)) AS INTEGER) / 3600 + "
                                     "CAST(hours AS INTEGER) < {}",
                                     *until_hour)
                               : "";
  const char* company = sql::contains(names, "company_id") ? "MAX(COALESCE(company_id, 0))" : "0";
  const char* sources = sql::contains(names, "sources") ? "MAX(COALESCE(sources, ''))" : "''";
  HIRESTREAM_TRY(session_->execute(fmt::format(
      "INSERT INTO events_micros (days, hours, job_id, publisher_id, campaign_id, group_id, "
      "company_id, impressions, clicks, conversions, qualified, unqualified, bid_micros, sources, "
      "updated_at_us) SELECT CAST(strftime('%s', date(dates)) AS INTEGER) / 86400, CAST(hours AS "
      "INTEGER), CAST(COALESCE(job_id, 0) AS INTEGER), CAST(COALESCE(publisher_id, 0) AS INTEGER), "
      "CAST(COALESCE(campaign_id, 0) AS INTEGER), CAST(COALESCE(group_id, 0) AS INTEGER), {}, "
      "SUM(CAST(COALESCE(impressions, 0) AS INTEGER)), SUM(CAST(COALESCE(clicks, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(conversion, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(qualified_application, 0) AS INTEGER)), "
      "SUM(CAST(COALESCE(disqualified_application, 0) AS INTEGER)), "
      "SUM(CAST(ROUND(COALESCE(spend_hour, 0) * 1000000) AS INTEGER)), {}, {} FROM {}{} "
      "GROUP BY 1, 2, 3, 4, 5, 6",
      company, sources, now_us, old_table, kept)));
  const int64_t after = session_->changed_rows();
  HIRESTREAM_TRY(session_->execute(
      "INSERT INTO hirestream_frozen (source_id, days, hours, impressions, clicks, conversions, "
      "qualified, unqualified, bid_micros) SELECT 0, days, hours, SUM(impressions), SUM(clicks), "
      "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros "
      "GROUP BY days, hours"));
  HIRESTREAM_TRY(fill_days());
  return std::pair{before, after};
}

}  // namespace hirestream
