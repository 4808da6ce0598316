// Creating the tables, telling an `events` of ours from others, turning an append-only one into
// ours, and what doctor asks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include "adapters/mysql/backend.h"
#include "adapters/mysql/events_columns.h"
#include "adapters/mysql/locked_rename.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/cell_rows.h"
#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/ledger_upgrade.h"
#include "adapters/sql/migration.h"
#include "model/timestamp.h"

namespace hirestream {

using mysql::Session;
using sql::contains;
using sql::Row;
using sql::Transaction;

namespace {

constexpr const char* kNewTable = "hirestream_events_new";
// On its way to the name that it keeps, the old table has this one.
constexpr const char* kGate = "hirestream_events_gate";
constexpr std::chrono::seconds kLockWait{60};
constexpr const char* kMigratePrivileges =
    "migrate needs an account that may also CREATE, DROP, ALTER and LOCK TABLES in this database: "
    "an administrator runs it";
constexpr unsigned kDuplicateColumn = 1060;
constexpr unsigned kDuplicateIndex = 1061;
constexpr std::pair<const char*, const char*> kCompanyIndexes[] = {
    {"events", "events_job_company"}, {"hirestream_days", "hirestream_days_job_company"}};

// hirestream_days anew from `events` or a table of its form. Within a transaction.
Result<void> replace_days(Session& session, const char* events) {
  HIRESTREAM_TRY(session.execute("DELETE FROM hirestream_days"));
  return session.execute(sql::sum_up_days(session.dialect(), "hirestream_days", events));
}

Result<int64_t> count(Session& session, const std::string& from) {
  return session.number("SELECT COUNT(*) FROM " + from);
}

Result<std::vector<std::string>> first_column(Session& session, std::string_view sql) {
  std::vector<std::string> values;
  HIRESTREAM_TRY(session.each(sql, [&](const Row& row) { values.emplace_back(row.text(0)); }));
  return values;
}

// The error that ended a migration, and what its clearing up has to add.
Error drop_copy(Session& session, Error error) {
  if (!session.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", kNewTable, kGate))) {
    error.hint += fmt::format("{}the tables {} and {} are left: the next migration replaces them",
                              error.hint.empty() ? "" : "; ", kNewTable, kGate);
  }
  return error;
}

// What was there before counts as frozen: source 0 of hirestream_frozen, so that sums can still be
// compared.
Result<void> write_migrated(Session& session) {
  const auto sum = [](const char* name) {
    return fmt::format("SUM(CAST(COALESCE({}, 0) AS SIGNED))", name);
  };
  HIRESTREAM_ASSIGN(Transaction transaction, session.begin_write());
  HIRESTREAM_TRY(session.execute("DELETE FROM hirestream_frozen WHERE source_id = 0"));
  HIRESTREAM_TRY(session.execute(fmt::format(
      "INSERT INTO hirestream_frozen (source_id, dates, hours, impressions, clicks, conversions, "
      "qualified, unqualified, bid_micros) SELECT 0, dates, hours, {}, {}, {}, {}, {}, "
      "SUM(spend_hour) * 1000000 FROM {} GROUP BY dates, hours",
      sum("impressions"), sum("clicks"), sum("conversion"), sum("qualified_application"),
      sum("disqualified_application"), kNewTable)));
  HIRESTREAM_TRY(replace_days(session, kNewTable));
  HIRESTREAM_TRY(sql::note_change(session));
  return transaction.commit();
}

Result<void> forget_migrated(Session& session) {
  HIRESTREAM_ASSIGN(Transaction transaction, session.begin_write());
  HIRESTREAM_TRY(session.execute("DELETE FROM hirestream_frozen WHERE source_id = 0"));
  HIRESTREAM_TRY(session.execute("DELETE FROM hirestream_days"));
  HIRESTREAM_TRY(sql::note_change(session));
  return transaction.commit();
}

}  // namespace

std::vector<std::string> MysqlBackend::schema_statements() const {
  return mysql_schema_statements();
}

Result<MysqlBackend::EventsTable> MysqlBackend::inspect_events(Session& session) {
  EventsTable table;
  mysql::EventsColumns types;
  std::string faults;
  const auto fault = [&](const std::string& text) {
    faults += (faults.empty() ? "" : ", ") + text;
  };
  HIRESTREAM_TRY(session.each(
      "SELECT column_name, column_type, extra FROM information_schema.columns WHERE table_schema = "
      "DATABASE() AND table_name = 'events' ORDER BY ordinal_position",
      [&](const Row& row) {
        const std::string name(row.text(0));
        table.columns.push_back(name);
        types.add(name, row.text(1));
        if (name == "spend_hour" && row.text(1) != "decimal(20,6)") {
          fault(fmt::format("spend_hour is {}, not decimal(20,6)", row.text(1)));
        }
        if (name == "bid_set" && row.text(2).find("GENERATED") == std::string_view::npos) {
          fault("bid_set is not generated from spend_hour and clicks");
        }
      }));
  if (table.columns.empty()) {
    return table;
  }
  HIRESTREAM_ASSIGN(const std::vector<std::string> primary,
                    first_column(session,
                                 "SELECT column_name FROM information_schema.statistics WHERE "
                                 "table_schema = DATABASE() AND table_name = 'events' AND "
                                 "index_name = 'PRIMARY'"));
  HIRESTREAM_ASSIGN(const std::vector<std::string> unique,
                    first_column(session,
                                 "SELECT DISTINCT index_name FROM information_schema.statistics "
                                 "WHERE table_schema = DATABASE() AND table_name = 'events' AND "
                                 "non_unique = 0 AND index_name <> 'PRIMARY'"));
  const bool our_key =
      std::set<std::string>(primary.begin(), primary.end()) ==
      std::set<std::string>{"dates", "hours", "job_id", "publisher_id", "campaign_id", "group_id"};
  const std::vector<std::string> missing = our_key ? sql::missing_columns(table.columns)
                                                   : sql::OldEventsColumns(table.columns).missing();
  if (!missing.empty()) {
    table.state = EventsTableState::kForeign;
    table.fault = fmt::format("columns missing: {}", fmt::join(missing, ", "));
  } else if (!our_key) {
    table.state = EventsTableState::kAppendOnly;
    table.fault =
        "`events` does not have our unique key (dates, hours, job_id, publisher_id, campaign_id, "
        "group_id), so it may hold several rows for one hour";
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

Result<EventsTableState> MysqlBackend::events_table() {
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*session_));
  return table.state;
}

Result<void> MysqlBackend::create_missing(Session& session, bool but_events) {
  constexpr const char* kPrint =
      "run `hirestream init --warehouse … --print` and give the DDL to an administrator";
  constexpr const char* kUpgrade =
      "the tables are those of an older version: an administrator can run `hirestream init "
      "--warehouse …` once, while no engine runs";
  HIRESTREAM_ASSIGN(const std::vector<std::string> have,
                    first_column(session,
                                 "SELECT table_name FROM information_schema.tables WHERE "
                                 "table_schema = DATABASE()"));
  int64_t version = 0;
  if (contains(have, "hirestream_meta")) {
    HIRESTREAM_ASSIGN(version, sql::stored_version(session));
  }
  for (const MysqlSchemaObject& object : mysql_schema()) {
    // A view holds no data: that of an older version gives way.
    const bool older = version != 0 && version < sql::kVersionOfView && object.is_view;
    const bool events = object.name == "events";
    if ((contains(have, object.name) && !older) || (events && but_events)) {
      continue;
    }
    if (events) {
      HIRESTREAM_TRY(sql::check_new_events(session, contains(have, "hirestream_slices")));
    }
    HIRESTREAM_TRY(run_ddl(session, object.statement, "init", version == 0 ? kPrint : kUpgrade));
  }
  HIRESTREAM_TRY(add_columns(session));
  if (version == 0) {
    return run_ddl(session, mysql_schema_version_statement(), "init", kPrint);
  }
  return version < sql::kSchemaVersion ? upgrade() : Result<void>();
}

Result<void> MysqlBackend::add_columns(Session& session) {
  for (const auto& [name, column] : sql::kLaterColumns) {
    HIRESTREAM_ASSIGN(const std::vector<std::string> columns, sql::columns_of(session, name));
    if (contains(columns, column)) {
      continue;
    }
    const std::string add =
        fmt::format("ALTER TABLE {} ADD COLUMN {} BIGINT NOT NULL DEFAULT 0", name, column);
    auto added =
        run_ddl(session, add, "init", fmt::format("an administrator can run this once: {}", add));
    if (!added && session.error_code() != kDuplicateColumn) {  // another process was faster
      return added;
    }
  }
  return {};
}

// Of before rows were found by them. Whoever may not add them goes without: the jobs' rows are then
// read to find those of other companies.
Result<void> MysqlBackend::add_indexes() {
  for (const auto& [table, index] : kCompanyIndexes) {
    HIRESTREAM_ASSIGN(const int64_t there,
                      session_->number(fmt::format(
                          "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = "
                          "DATABASE() AND table_name = '{}' AND index_name = '{}'",
                          table, index)));
    if (there != 0) {
      continue;
    }
    HIRESTREAM_ASSIGN(const std::unique_ptr<Session> patient, open_patient());
    auto added = patient->execute(
        fmt::format("ALTER TABLE {} ADD KEY {} (job_id, company_id, dates)", table, index));
    if (!added && !mysql::lacks_privilege(patient->error_code()) &&
        patient->error_code() != kDuplicateIndex) {
      return added;
    }
  }
  return {};
}

// Of before upper and lower case were alike in it. Whoever may not change it goes without.
Result<void> MysqlBackend::fold_case_of_sources() {
  HIRESTREAM_ASSIGN(
      const int64_t binary,
      session_->number("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
                       "DATABASE() AND table_name = 'events' AND column_name = 'sources' AND "
                       "collation_name = 'utf8mb4_bin'"));
  if (binary == 0) {
    return {};
  }
  HIRESTREAM_ASSIGN(const std::unique_ptr<Session> patient, open_patient());
  auto folded = patient->execute(fmt::format("ALTER TABLE events MODIFY {}", kMysqlSourcesColumn));
  return folded || mysql::lacks_privilege(patient->error_code()) ? Result<void>() : folded;
}

Result<void> MysqlBackend::upgrade() {
  HIRESTREAM_ASSIGN(const std::unique_ptr<Session> session, open_patient());
  HIRESTREAM_ASSIGN(Transaction transaction, session->begin_write());
  // Engines lock their writers' rows before they write, everybody else the count of changes: until
  // this transaction ends, nobody else's does.
  HIRESTREAM_TRY(session->execute("SELECT epoch FROM hirestream_writers FOR UPDATE"));
  HIRESTREAM_TRY(sql::note_change(*session));
  HIRESTREAM_ASSIGN(const int64_t version, sql::stored_version(*session));
  if (version == sql::kSchemaVersion) {
    return {};  // another process was faster
  }
  HIRESTREAM_TRY(sql::raise_version(*session));
  HIRESTREAM_TRY(sql::upgrade_ledger(*session));
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*session));
  // Else migrate fills the days with what it makes.
  if (version < sql::kVersionOfDays && table.state == EventsTableState::kReady) {
    HIRESTREAM_TRY(replace_days(*session, "events"));
  }
  return transaction.commit();
}

Result<void> MysqlBackend::init() {
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*session_));
  if (table.state == EventsTableState::kForeign || table.state == EventsTableState::kAppendOnly) {
    return sql::refuse_init(*session_, table.state, table.fault, table.alter);
  }
  HIRESTREAM_TRY(create_missing(*session_, false));
  HIRESTREAM_TRY(add_indexes());
  return fold_case_of_sources();
}

Result<void> MysqlBackend::create_account(MysqlAccount account, const std::string& password,
                                          MysqlGrants grants) {
  grants.database = config_.database;
  const std::string name = fmt::format("'{}'@'{}'", mysql_account_name(account), grants.host);
  const std::string quoted = session_->quoted(password);
  std::vector<std::string> statements = {
      account_statement(account, grants, quoted),
      fmt::format("ALTER USER {} IDENTIFIED BY {}", name, quoted)};
  std::ranges::copy(account_grants(account, grants), std::back_inserter(statements));
  if (account == MysqlAccount::kEngine) {
    HIRESTREAM_TRY(session_->each(
        fmt::format("SELECT table_name FROM information_schema.tables WHERE table_schema = "
                    "DATABASE() AND table_name IN ({}, {})",
                    session_->quoted(grants.jobs_table), session_->quoted(grants.publishers_table)),
        [&](const Row& row) {
          statements.push_back(fmt::format("GRANT SELECT ON {}.{} TO {}",
                                           sql::quote_identifier(grants.database, '`'),
                                           sql::quote_identifier(row.text(0), '`'), name));
        }));
  }
  for (const std::string& statement : statements) {
    HIRESTREAM_TRY(
        run_ddl(*session_, statement, "init",
                fmt::format("making the account {} takes CREATE USER and what it is granted, WITH "
                            "GRANT OPTION: run init as an administrator",
                            mysql_account_name(account))));
  }
  return {};
}

Result<Migration> MysqlBackend::migrate(int64_t now_us, std::optional<int32_t> until_hour) {
  HIRESTREAM_ASSIGN(const std::unique_ptr<Session> session, open_patient());
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*session));
  if (table.state != EventsTableState::kAppendOnly) {
    return sql::refuse_migration(*session, table.state, table.fault);
  }
  const sql::OldEvents old{"events", sql::OldEventsColumns(table.columns)};
  HIRESTREAM_TRY(sql::check_migration_without_ledger(*session));
  HIRESTREAM_TRY(sql::check_old_events(*session, old));
  HIRESTREAM_TRY(create_missing(*session, true));
  auto done = migrate_rows(*session, old, now_us, until_hour);
  if (!done) {
    return forward(drop_copy(*session, std::move(done).error()));
  }
  return done;
}

Result<std::vector<std::string>> MysqlBackend::foresee_migration() {
  HIRESTREAM_ASSIGN(const std::unique_ptr<Session> session, open_patient());
  HIRESTREAM_ASSIGN(const EventsTable table, inspect_events(*session));
  const sql::OldEvents old{"events", sql::OldEventsColumns(table.columns)};
  HIRESTREAM_TRY(sql::check_migration_without_ledger(*session));
  HIRESTREAM_TRY(sql::check_old_events(*session, old));
  return old.columns.notes();
}

// Whoever writes may go on while rows are copied. Once nobody can, they are read again: what has
// changed meanwhile would be missing in the new table.
Result<Migration> MysqlBackend::migrate_rows(Session& session, const sql::OldEvents& old,
                                             int64_t now_us, std::optional<int32_t> until_hour) {
  HIRESTREAM_TRY(session.execute(fmt::format("DROP TABLE IF EXISTS {}", kNewTable)));
  HIRESTREAM_TRY(session.execute(mysql_events_table(kNewTable)));
  HIRESTREAM_ASSIGN(const std::unique_ptr<Session> reader, open_patient());
  HIRESTREAM_ASSIGN(const RowDigest copied, sql::copy_old_events(old, {.from = *reader,
                                                                       .to = session,
                                                                       .table = kNewTable,
                                                                       .now_us = now_us,
                                                                       .until_hour = until_hour}));
  Migration done{.rows_before = copied.rows,
                 .old_table = sql::old_events_name(now_us),
                 .notes = old.columns.notes()};
  HIRESTREAM_ASSIGN(done.rows_after, count(session, kNewTable));
  mysql::LockedRename swap(*reader, session, kGate, {"migrate", kMigratePrivileges});
  HIRESTREAM_TRY(swap.make_gate());
  HIRESTREAM_TRY(swap.lock("events READ", kLockWait));
  HIRESTREAM_ASSIGN(const RowDigest there, sql::check_old_events(*reader, old));
  if (there != copied) {
    return fail(ErrorKind::kTransient, "migrate", session.subject(),
                fmt::format("rows were written meanwhile: there were {} at first, {} at the end",
                            copied.rows, there.rows),
                "stop whatever writes to `events`, then migrate again");
  }
  // Before the new table is in its place: without them it would look as if nobody knew its rows.
  HIRESTREAM_TRY(write_migrated(session));
  const auto renamed = swap.rename(
      fmt::format("events TO {0}, {1} TO events, {0} TO {2}", kGate, kNewTable, done.old_table),
      [] { return Result<void>(); });
  if (!renamed) {
    // The answer may be what was lost.
    HIRESTREAM_ASSIGN(const EventsTable now, inspect_events(session));
    if (now.state != EventsTableState::kReady) {
      HIRESTREAM_TRY(forget_migrated(session));
      return forward(renamed.error());
    }
  }
  return done;
}

Result<std::vector<std::pair<std::string, std::string>>> MysqlBackend::probe() {
  std::vector<std::pair<std::string, std::string>> findings = {{"server", session_->server()}};
  const auto before = std::chrono::system_clock::now();
  std::vector<std::string> values;
  int64_t there_us = 0;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)), "
                  "CURRENT_USER(), @@GLOBAL.time_zone, @@session.{}, @@GLOBAL.max_allowed_packet, "
                  "@@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.innodb_buffer_pool_size",
                  session_->is_mariadb() ? "tx_isolation" : "transaction_isolation"),
      [&](const Row& row) {
        there_us = row.integer(0);
        for (int column = 0; column < 7; ++column) {
          values.emplace_back(row.text(column));
        }
      }));
  const auto after = std::chrono::system_clock::now();
  const auto middle = before + (after - before) / 2;
  const int64_t here_us =
      std::chrono::duration_cast<std::chrono::microseconds>(middle.time_since_epoch()).count();
  findings.emplace_back("clock difference",
                        fmt::format("{:.3f} s", static_cast<double>(there_us - here_us) / 1e6));
  findings.emplace_back("user", values[1]);
  findings.emplace_back("server time zone",
                        fmt::format("{} (sessions of hirestream use UTC)", values[2]));
  findings.emplace_back("isolation", values[3]);
  findings.emplace_back("max_allowed_packet", values[4]);
  findings.emplace_back(
      "innodb_flush_log_at_trx_commit",
      values[5] == "1" ? std::string("1")
                       : fmt::format("{}: the last commits may be lost with the power", values[5]));
  findings.emplace_back("innodb_buffer_pool_size", values[6]);
  return findings;
}

Result<std::vector<std::string>> MysqlBackend::missing_privileges() {
  // Statements that change no row ask the server itself, whatever roles and wildcards the
  // privileges come from.
  std::vector<std::string> missing;
  const auto attempt = [&](std::string_view privilege, std::string_view table,
                           const std::string& statement) -> Result<void> {
    auto tried = session_->execute(statement);
    if (!tried && tried.error().kind != ErrorKind::kConfig) {
      return tried;
    }
    if (!tried) {
      missing.push_back(fmt::format("{} on {}", privilege, table));
    }
    return {};
  };
  static constexpr std::string_view kLedger = "hirestream_slices";
  HIRESTREAM_TRY(attempt("INSERT", kLedger,
                         fmt::format("INSERT INTO {0} SELECT * FROM {0} WHERE FALSE", kLedger)));
  HIRESTREAM_TRY(attempt("UPDATE", kLedger,
                         fmt::format("UPDATE {} SET source_id = source_id WHERE FALSE", kLedger)));
  for (const MysqlSchemaObject& object : mysql_schema()) {
    if (!object.is_view) {
      HIRESTREAM_TRY(
          attempt("DELETE", object.name, fmt::format("DELETE FROM {} WHERE FALSE", object.name)));
    }
  }
  return missing;
}

}  // namespace hirestream
