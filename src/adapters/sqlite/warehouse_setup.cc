// Creating the tables, telling an `events` of ours from others, and turning an append-only one into
// ours.
#include <fmt/format.h>

#include <utility>

#include "adapters/sql/cell_rows.h"
#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/ledger_upgrade.h"
#include "adapters/sqlite/backend.h"
#include "adapters/sqlite/warehouse_schema.h"

namespace hirestream {
namespace {

using sql::Transaction;

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
  if (table) {
    return sql::OldEventsColumns(columns).missing().empty() ? EventsTableState::kAppendOnly
                                                            : EventsTableState::kForeign;
  }
  return ours && sql::missing_columns(columns).empty() ? EventsTableState::kReady
                                                       : EventsTableState::kForeign;
}

Result<void> SqliteBackend::create_missing() {
  HIRESTREAM_ASSIGN(const bool known, exists("table", "hirestream_meta"));
  if (known) {
    HIRESTREAM_TRY(sql::stored_version(*session_));  // tables of a newer version stay as they are
  }
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
    HIRESTREAM_TRY(session_->execute("DROP VIEW IF EXISTS events"));
    HIRESTREAM_TRY(session_->execute(sqlite_events_view()));
    HIRESTREAM_TRY(sql::note_change(*session_));
    HIRESTREAM_TRY(sql::raise_version(*session_));
  }
  return {};
}

Result<void> SqliteBackend::fill_days() {
  HIRESTREAM_TRY(session_->execute("DELETE FROM hirestream_days"));
  return session_->execute(
      sql::sum_up_days(session_->dialect(), "hirestream_days", session_->dialect().events));
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
    return sql::refuse_init(*session_, state, sql::missing_text(columns));
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

// What is migrated would be added to it.
Result<void> SqliteBackend::check_migration() {
  HIRESTREAM_TRY(sql::check_migration_without_ledger(*session_));
  HIRESTREAM_ASSIGN(const bool ours, exists("table", "events_micros"));
  HIRESTREAM_ASSIGN(
      const int64_t rows,
      ours ? session_->number("SELECT EXISTS (SELECT 1 FROM events_micros)") : Result<int64_t>(0));
  if (rows == 0) {
    return {};
  }
  return fail(ErrorKind::kConfig, "migrate", session_->subject(),
              "events_micros, into which `events` is to be migrated, has rows already",
              "rename it, or drop the table `events` if its rows are those of events_micros");
}

Result<Migration> SqliteBackend::migrate(int64_t now_us, std::optional<int32_t> until_hour) {
  HIRESTREAM_ASSIGN(Transaction transaction, session_->begin_write());
  HIRESTREAM_ASSIGN(EventsTableState state, events_table());
  if (state != EventsTableState::kAppendOnly) {
    HIRESTREAM_ASSIGN(const auto columns, sql::columns_of(*session_, "events"));
    return sql::refuse_migration(*session_, state, sql::missing_text(columns));
  }
  HIRESTREAM_TRY(check_migration());
  HIRESTREAM_ASSIGN(std::vector<std::string> columns, sql::columns_of(*session_, "events"));
  const sql::OldEvents old{sql::old_events_name(now_us), sql::OldEventsColumns(std::move(columns))};
  HIRESTREAM_TRY(session_->execute("ALTER TABLE events RENAME TO " + old.table));
  HIRESTREAM_TRY(create_missing());
  HIRESTREAM_ASSIGN(Migration done, migrate_rows(old, now_us, until_hour));
  HIRESTREAM_TRY(sql::note_change(*session_));
  HIRESTREAM_TRY(transaction.commit());
  return done;
}

Result<std::vector<std::string>> SqliteBackend::foresee_migration() {
  HIRESTREAM_ASSIGN(std::vector<std::string> columns, sql::columns_of(*session_, "events"));
  const sql::OldEvents old{"events", sql::OldEventsColumns(std::move(columns))};
  HIRESTREAM_TRY(check_migration());
  HIRESTREAM_TRY(sql::check_old_events(*session_, old));
  return old.columns.notes();
}

// What was there before counts as frozen: source 0 of hirestream_frozen, so that sums can still be
// compared.
Result<Migration> SqliteBackend::migrate_rows(const sql::OldEvents& old, int64_t now_us,
                                              std::optional<int32_t> until_hour) {
  Migration done;
  HIRESTREAM_ASSIGN(const RowDigest copied, sql::copy_old_events(old, {.from = *session_,
                                                                       .to = *session_,
                                                                       .table = "events_micros",
                                                                       .now_us = now_us,
                                                                       .until_hour = until_hour}));
  done.rows_before = copied.rows;
  HIRESTREAM_ASSIGN(done.rows_after, session_->number("SELECT COUNT(*) FROM events_micros"));
  done.old_table = old.table;
  done.notes = old.columns.notes();
  HIRESTREAM_TRY(session_->execute(
      "INSERT INTO hirestream_frozen (source_id, days, hours, impressions, clicks, conversions, "
      "qualified, unqualified, bid_micros) SELECT 0, days, hours, SUM(impressions), SUM(clicks), "
      "SUM(conversions), SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM events_micros "
      "GROUP BY days, hours"));
  HIRESTREAM_TRY(fill_days());
  return done;
}

}  // namespace hirestream
