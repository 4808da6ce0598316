#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "model/timestamp.h"
#include "pipeline/company_directory.h"
#include "simulation/fake_raw_log.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t kHour = 473'352;  // 2024-01-01 00:00
constexpr int64_t kHourUs = 3'600'000'000;
const SliceKey kSlice{0, 100};
const SliceKey kOtherSlice{1, 100};

Measures clicks(int64_t count, int64_t micros) {
  return {.clicks = count, .bid_micros = micros};
}

// --- schema

TEST_P(WarehouseContract, InitCreatesWhatIsMissingAndChangesNothingThatExists) {
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kMissing);
  start();
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kReady);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  expect_ok(warehouse_->init());
  EXPECT_EQ(events(), one);
  EXPECT_EQ(stored(kSlice), one);
}

TEST_P(WarehouseSqlContract, SchemaStatementsDoWhatInitDoes) {
  for (const std::string& statement : warehouse_->schema_statements()) {
    database_->run(statement);
  }
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kReady);
  start();
}

TEST_P(WarehouseContract, ServerIsNamed) {
  EXPECT_THAT(warehouse_->server(), HasSubstr(GetParam()));
}

constexpr const char* kAppendOnlyEvents =
    "CREATE TABLE events (job_id BIGINT, dates DATE, hours INT, disqualified_application BIGINT, "
    "qualified_application BIGINT, conversion BIGINT, company_id BIGINT, group_id BIGINT, "
    "campaign_id BIGINT, publisher_id BIGINT, bid_set DOUBLE, clicks BIGINT, impressions BIGINT, "
    "spend_hour DOUBLE, sources VARCHAR(20))";

void expect_migrated(const Migration& done, int64_t rows_before, int64_t rows_after) {
  EXPECT_EQ(done.rows_before, rows_before);
  EXPECT_EQ(done.rows_after, rows_after);
}

TEST_P(WarehouseSqlContract, AppendOnlyEventsIsNotTouchedByInit) {
  database_->run(kAppendOnlyEvents);
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
  const auto done = warehouse_->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(done.error().hint, HasSubstr("hirestream migrate"));
}

TEST_P(WarehouseSqlContract, ForeignEventsIsRefusedNamingWhatIsMissing) {
  database_->run("CREATE TABLE events (id BIGINT PRIMARY KEY, dates DATE, job_id BIGINT)");
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kForeign);
  const auto done = warehouse_->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(done.error().message, HasSubstr("publisher_id"));
  EXPECT_THAT(done.error().message, testing::Not(HasSubstr("job_id,")));
  EXPECT_FALSE(warehouse_->migrate(now_us_, std::nullopt).has_value());
}

TEST_P(WarehouseSqlContract, MigrateGroupsRowsByKeyAndKeepsTheOldTable) {
  database_->run(kAppendOnlyEvents);
  database_->run(
      "INSERT INTO events (job_id, dates, hours, publisher_id, company_id, campaign_id, group_id, "
      "disqualified_application, qualified_application, conversion, clicks, impressions, bid_set, "
      "spend_hour, sources) VALUES "
      "(188, '2024-01-01', 0, 1, NULL, 3, NULL, 0, 1, 2, 3, 40, 1.4, 4.2, 'Cassandra'), "
      "(188, '2024-01-01', 0, 1, 9, 3, NULL, NULL, NULL, NULL, 1, NULL, 0.1, 0.1, 'Cassandra'), "
      "(188, '2024-01-01', 1, 1, 9, 3, 4, 1, 0, 0, 2, 5, 2.5, 5, 'Cassandra'), "
      "(NULL, '2024-01-01', 1, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 7, NULL, NULL, NULL)");
  expect_migrated(take(warehouse_->migrate(now_us_, std::nullopt)), 4, 3);
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kReady);
  const Contribution expected = {
      {{kHour, 188, 1, 3, 0}, {40, 4, 2, 1, 0, 4'300'000}},
      {{kHour + 1, 0, 0, 0, 0}, {7, 0, 0, 0, 0, 0}},
      {{kHour + 1, 188, 1, 3, 4}, {5, 2, 0, 0, 1, 5'000'000}},
  };
  EXPECT_EQ(events(), expected);
  EXPECT_EQ(database_->value("SELECT company_id FROM events WHERE hours = 0"), "9");
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM events_before_20231114T221320Z"), 4);
  // What was there before counts as frozen.
  const Contribution frozen = {{{kHour, 0, 0, 0, 0}, {40, 4, 2, 1, 0, 4'300'000}},
                               {{kHour + 1, 0, 0, 0, 0}, {12, 2, 0, 0, 1, 5'000'000}}};
  EXPECT_EQ(take(warehouse_->frozen_totals()), frozen);
  EXPECT_EQ(take(warehouse_->migrated_hours()), (MigratedHours{kHour, kHour + 1}));
  // New rows come on top.
  fingerprint_["ts_min_us"] = std::to_string((kHour + 2) * kHourUs);
  start();
  const Contribution more{{{kHour, 188, 1, 3, 0}, clicks(1, 1)}};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, more)});
  add_cells(commit, {}, more);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), merge(expected, more));
  const auto again = warehouse_->migrate(now_us_, std::nullopt);
  ASSERT_FALSE(again.has_value());
  EXPECT_THAT(again.error().message, HasSubstr("nothing to migrate"));
}

TEST_P(WarehouseSqlContract, MigrateLeavesOutLaterHours) {
  database_->run(kAppendOnlyEvents);
  database_->run(
      "INSERT INTO events (job_id, dates, hours, clicks, spend_hour) VALUES (1, '2023-12-31', 23, "
      "1, 2), (1, '2024-01-01', 0, 2, 2), (1, '2024-01-01', 1, 4, 2), (1, '2024-01-02', 0, 8, 2)");
  expect_migrated(take(warehouse_->migrate(now_us_, kHour + 1)), 4, 2);
  const Contribution kept = {{{kHour - 1, 1, 0, 0, 0}, clicks(1, 2'000'000)},
                             {{kHour, 1, 0, 0, 0}, clicks(2, 2'000'000)}};
  EXPECT_EQ(events(), kept);
  EXPECT_EQ(take(warehouse_->migrated_hours()), (MigratedHours{kHour - 1, kHour}));
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM events_before_20231114T221320Z"), 4);
}

TEST_P(WarehouseSqlContract, MigrateMayLeaveOutEverything) {
  database_->run(kAppendOnlyEvents);
  database_->run(
      "INSERT INTO events (job_id, dates, hours, clicks) VALUES (1, '2024-01-01', 0, 2)");
  expect_migrated(take(warehouse_->migrate(now_us_, kHour)), 1, 0);
  EXPECT_EQ(take(warehouse_->migrated_hours()), std::nullopt);
  start();
}

TEST_P(WarehouseSqlContract, MigrateRefusesATableBesideWhatWasCounted) {
  start();
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  ASSERT_EQ(verdict(first_commit_of(kSlice, one, 1)), CommitVerdict::kCommitted);
  database_->run(database_->is_sqlite() ? "DROP VIEW events" : "DROP TABLE events");
  database_->run(kAppendOnlyEvents);
  const auto expect_refused = [&] {
    const auto done = warehouse_->migrate(now_us_, std::nullopt);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
    EXPECT_FALSE(open_backend(*database_, GetParam()).value()->foresee_migration().has_value());
    EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
  };
  expect_refused();
  database_->forget_ledger();
  if (database_->is_sqlite()) {
    expect_refused();  // the rows are there still
    database_->run("DELETE FROM events_micros");
  }
  expect_migrated(take(warehouse_->migrate(now_us_, std::nullopt)), 0, 0);
}

TEST_P(WarehouseSqlContract, MigrateRefusesRowsWithoutDate) {
  database_->run(kAppendOnlyEvents);
  database_->run("INSERT INTO events (job_id, hours, clicks) VALUES (1, 2, 3)");
  const auto done = warehouse_->migrate(now_us_, std::nullopt);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
  expect_number("SELECT COUNT(*) FROM events", 1);
}

// Four rows of three cells, whatever the table's columns are: `columns` declares those besides.
std::vector<std::string> old_events(const std::string& columns, const std::string& unqualified) {
  const std::string insert =
      "INSERT INTO events (job_id, dates, hours, publisher_id, campaign_id, group_id, " +
      unqualified + ", qualified_application, conversion, clicks, spend_hour) VALUES ";
  return {"CREATE TABLE events (" + columns + ")",
          insert + "(188, '2024-01-01', 0, 1, 3, 9, 0, 0, 0, 1, 1.5)",
          insert + "(188, '2024-01-01', 1, 1, 3, NULL, 0, 0, 0, 1, 2)",
          insert + "(188, '2024-01-01', 1, 1, 3, NULL, 0, 0, 0, 1, 2.25)",
          insert + "(189, '2024-01-01', 2, 2, 4, 9, 1, 1, 0, 0, NULL)"};
}

const Contribution kOldEvents = {
    {{kHour, 188, 1, 3, 9}, {.clicks = 1, .bid_micros = 1'500'000}},
    {{kHour + 1, 188, 1, 3, 0}, {.clicks = 2, .bid_micros = 4'250'000}},
    {{kHour + 2, 189, 2, 4, 9}, {.qualified = 1, .unqualified = 1}},
};

TEST_P(WarehouseSqlContract, MigrateTakesColumnsOfAnyTypeAndName) {
  const std::string key = database_->is_sqlite() ? "id INTEGER PRIMARY KEY AUTOINCREMENT"
                                                 : "id INT AUTO_INCREMENT PRIMARY KEY";
  struct Case {
    std::string columns;
    std::string unqualified = "disqualified_application";
    std::vector<std::string> notes;
  };
  const std::string none = "there is no column ";
  const std::vector<Case> cases = {
      {"job_id INT, dates TEXT, hours INT, publisher_id INT, company_id INT, campaign_id INT, "
       "group_id INT, disqualified_application INT, qualified_application INT, conversion INT, "
       "clicks INT, bid_set DOUBLE, spend_hour DOUBLE, " +
           key + ", sources TEXT, updated_at DATETIME",
       "disqualified_application",
       {none + "impressions: it is 0"}},
      {"job_id DOUBLE, dates DATE, hours DOUBLE, publisher_id DOUBLE, company_id DOUBLE, "
       "campaign_id DOUBLE, group_id DOUBLE, disqualified_application DOUBLE, "
       "qualified_application DOUBLE, conversion DOUBLE, clicks DOUBLE, spend_hour DECIMAL(10,2), "
       "impressions DOUBLE, sources TEXT, updated_at TEXT",
       "disqualified_application",
       {}},
      {"job_id VARCHAR(50), dates DATETIME, hours VARCHAR(5), publisher_id VARCHAR(50), "
       "campaign_id VARCHAR(50), group_id VARCHAR(50), unqualified_application VARCHAR(9), "
       "qualified_application VARCHAR(9), conversion INT, clicks VARCHAR(9), spend_hour "
       "VARCHAR(20), impression INT",
       "unqualified_application",
       {none + "company_id: it is 0", "column impression is taken as impressions",
        "column unqualified_application is taken as disqualified_application",
        none + "sources: it stays empty", none + "updated_at: rows get the time of the migration"}},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.columns);
    database_ = make_database(GetParam());
    for (const std::string& statement : old_events(given.columns, given.unqualified)) {
      database_->run(statement);
    }
    warehouse_ = database_->open();
    ASSERT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
    const Migration done = take(warehouse_->migrate(now_us_, std::nullopt));
    expect_migrated(done, 4, 3);
    EXPECT_EQ(done.notes, given.notes);
    EXPECT_EQ(events(), kOldEvents);
    EXPECT_EQ(database_->number("SELECT COUNT(*) FROM " + done.old_table), 4);
    EXPECT_EQ(database_->number("SELECT COUNT(*) FROM events WHERE updated_at > '2023-11-14'"), 3);
    EXPECT_EQ(days(), events_by_day());
  }
}

TEST_P(WarehouseSqlContract, MigrateReadsEmptyTextAndWordsForNullAsZero) {
  for (const std::string& statement :
       old_events("job_id VARCHAR(50), dates VARCHAR(30), hours VARCHAR(9), publisher_id "
                  "VARCHAR(50), company_id VARCHAR(9), campaign_id VARCHAR(50), group_id "
                  "VARCHAR(50), disqualified_application VARCHAR(9), qualified_application "
                  "VARCHAR(9), conversion VARCHAR(9), clicks VARCHAR(9), impressions VARCHAR(9), "
                  "spend_hour VARCHAR(20), sources VARCHAR(20), updated_at VARCHAR(30)",
                  "disqualified_application")) {
    database_->run(statement);
  }
  database_->run("UPDATE events SET group_id = '', conversion = 'NaN' WHERE group_id IS NULL");
  database_->run(
      "UPDATE events SET spend_hour = 'None', impressions = ' ', updated_at = '', "
      "sources = 'null' WHERE job_id = '189'");
  database_->run(
      "UPDATE events SET job_id = '188.0', hours = '00:00', clicks = ' 1 ', dates = "
      "'2024/1/1' WHERE hours = '0'");
  expect_migrated(take(warehouse_->migrate(now_us_, std::nullopt)), 4, 3);
  EXPECT_EQ(events(), kOldEvents);
  EXPECT_EQ(database_->value("SELECT sources FROM events WHERE job_id = 189"), "");
}

TEST_P(WarehouseSqlContract, MigrateShowsTheRowsItCannotTakeAndChangesNothing) {
  for (const std::string& statement :
       old_events("id INT, job_id VARCHAR(50), dates VARCHAR(30), hours VARCHAR(9), publisher_id "
                  "DOUBLE, campaign_id INT, group_id INT, disqualified_application INT, "
                  "qualified_application INT, conversion INT, clicks INT, impressions INT, "
                  "spend_hour VARCHAR(20), updated_at VARCHAR(30)",
                  "disqualified_application")) {
    database_->run(statement);
  }
  const std::string tables =
      database_->is_sqlite()
          ? "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'"
          : "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()";
  struct Case {
    std::string column;
    std::string value;
    std::string needed;
  };
  const std::vector<Case> cases = {{"dates", "2024-13-40", "a date as 2024-03-05 is needed"},
                                   {"hours", "noon", "an hour from 0 to 23 is needed"},
                                   {"hours", "24", "an hour from 0 to 23 is needed"},
                                   {"job_id", "abc", "a whole number is needed"},
                                   {"publisher_id", "1.5", "a whole number is needed"},
                                   {"spend_hour", "1,5", "an amount"},
                                   {"updated_at", "yesterday", "a time as"}};
  for (const Case& given : cases) {
    SCOPED_TRACE(given.value);
    database_->run("DELETE FROM events WHERE id = 7");
    database_->run(
        "INSERT INTO events (id, job_id, dates, hours, clicks) VALUES (7, '5', "
        "'2024-01-01', '3', 1)");
    database_->run("UPDATE events SET " + given.column + " = '" + given.value + "' WHERE id = 7");
    const int64_t before = database_->number(tables);
    const auto done = warehouse_->migrate(now_us_, std::nullopt);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(done.error().message, HasSubstr("1 row of `events`"));
    EXPECT_THAT(done.error().message, HasSubstr("`" + given.column + "`"));
    EXPECT_THAT(done.error().message, HasSubstr(given.needed));
    EXPECT_THAT(done.error().message, HasSubstr("id='7', "));
    EXPECT_THAT(done.error().message, HasSubstr(given.column + "='" + given.value + "'"));
    const std::string& hint = done.error().hint;
    const size_t select = hint.find("SELECT * FROM events WHERE ");
    ASSERT_NE(select, std::string::npos) << hint;
    EXPECT_EQ(database_->number("SELECT COUNT(*) FROM (" + hint.substr(select) + ") AS shown"), 1);
    EXPECT_EQ(database_->number(tables), before);
    EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
    EXPECT_EQ(database_->number("SELECT COUNT(*) FROM events"), 5);
  }
  database_->run("DELETE FROM events WHERE id = 7");
  expect_migrated(take(warehouse_->migrate(now_us_, std::nullopt)), 4, 3);
}

TEST_P(WarehouseSqlContract, MigrateNamesEveryColumnThatItCannotTake) {
  database_->run(kAppendOnlyEvents);
  database_->run("INSERT INTO events (job_id, hours, clicks) VALUES (1, 2, 3), (2, 2, 3)");
  database_->run("INSERT INTO events (job_id, dates, clicks) VALUES (3, '2024-01-01', 3)");
  const auto done = warehouse_->migrate(now_us_, std::nullopt);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("2 rows of `events` cannot be taken over for "
                                              "`dates`"));
  EXPECT_THAT(done.error().message, HasSubstr("dates=NULL"));
  EXPECT_THAT(done.error().message, HasSubstr("1 row of `events` cannot be taken over for "
                                              "`hours`"));
  EXPECT_THAT(done.error().hint, HasSubstr(" IS NULL"));
}

TEST_P(WarehouseSqlContract, MigratedRowsKeepTheirTimeAndKindOfSource) {
  database_->run(
      "CREATE TABLE events (job_id INT, dates DATE, hours INT, disqualified_application INT, "
      "qualified_application INT, conversion INT, group_id INT, campaign_id INT, publisher_id INT, "
      "clicks INT, spend_hour DOUBLE, sources VARCHAR(20), updated_at DATETIME)");
  database_->run(
      "INSERT INTO events (job_id, dates, hours, clicks, sources, updated_at) VALUES "
      "(1, '2024-01-01', 0, 1, 'Cassandra', '2024-01-01 00:10:00'), "
      "(1, '2024-01-01', 0, 1, 'Cassandra', '2024-01-01 00:20:00'), "
      "(2, '2024-01-01', 0, 1, 'Cassandra', NULL)");
  take(warehouse_->migrate(now_us_, std::nullopt));
  const auto updated_at = [&](int job) {
    return database_->value("SELECT updated_at FROM events WHERE job_id = " + std::to_string(job));
  };
  EXPECT_EQ(updated_at(1), "2024-01-01 00:20:00.000000");
  EXPECT_EQ(updated_at(2), "2023-11-14 22:13:20.123456") << "of the migration";
  // What is counted from now on is found with it, under the name that was usual.
  fingerprint_["ts_min_us"] = std::to_string((kHour + 2) * kHourUs);
  start();
  const Contribution more{{{kHour, 1, 0, 0, 0}, clicks(1, 1)},
                          {{kHour + 3, 1, 0, 0, 0}, clicks(1, 1)}};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, more)});
  add_cells(commit, {}, more);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  for (const char* name : {"Cassandra", "cassandra"}) {
    EXPECT_EQ(database_->number(std::string("SELECT COUNT(*) FROM events WHERE sources = '") +
                                name + "'"),
              3);
  }
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM events WHERE HEX(sources) = HEX('Cassandra')"),
            3);
  EXPECT_EQ(updated_at(1).substr(0, 4), "2023");
}

// --- sources and writers

TEST_P(WarehouseContract, SourceKeepsItsIdAndItsFingerprint) {
  start();
  const SourceRegistration same{"raw log", "cassandra", {{"strategy", "tail"}, {"bucket", "60"}}};
  EXPECT_EQ(take(warehouse_->register_source(same)), source_);
  EXPECT_NE(take(warehouse_->register_source({"other", "csv", {}})), source_);
  EXPECT_NE(take(warehouse_->register_source({"Raw Log", "csv", {}})), source_);
  const auto all = take(warehouse_->sources());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].name, "raw log");
  EXPECT_EQ(all[0].kind, "cassandra");
  EXPECT_EQ(all[0].fingerprint, same.fingerprint);
}

TEST_P(WarehouseContract, OtherFingerprintIsRefusedNamingEachDifference) {
  start();
  const auto refused = warehouse_->register_source(
      {"raw log",
       "cassandra",
       {{"strategy", "tail"}, {"bucket", "300"}, {"zone", "It's \"UTC\""}}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr(R"(bucket: stored "60", given "300")"));
  EXPECT_THAT(refused.error().message, HasSubstr(R"(zone: stored nothing, given "It's "UTC"")"));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("strategy")));
  EXPECT_THAT(refused.error().hint, HasSubstr("count into another warehouse"));
}

TEST_P(WarehouseContract, EpochsRiseByOnePerShard) {
  start(2);
  EXPECT_EQ(writers_[0].epoch, 1);
  const auto taken = take(warehouse_->take_epochs(source_, std::vector<int32_t>{1, 2}, "o'wner"));
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].shard, 1);
  EXPECT_EQ(taken[0].epoch, 2);
  EXPECT_EQ(taken[1].shard, 2);
  EXPECT_EQ(taken[1].epoch, 1);
}

TEST_P(WarehouseContract, OlderEpochCommitsNothing) {
  start(2);
  auto second = database_->open();
  ASSERT_TRUE(second->take_epochs(source_, std::vector<int32_t>{1}, "test:2").has_value());
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  commit.settled_until = {{0, 5}};
  EXPECT_EQ(verdict(commit), CommitVerdict::kFenced);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(entry(kSlice).revision, 0);
  EXPECT_THAT(take(warehouse_->sources())[0].settled_until, IsEmpty());
  EXPECT_FALSE(take(warehouse_->resolve(commit)));
}

TEST_P(WarehouseContract, WriterWhoseRowIsGoneIsFenced) {
  start(1);
  database_->forget_writers();
  EXPECT_EQ(verdict(commit_of({change(kSlice, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kFenced);
}

TEST_P(WarehouseContract, CommitWithoutWritersLeavesEpochsAlone) {
  start(1);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit repair = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(repair, {}, one);
  repair.writers.clear();
  EXPECT_EQ(verdict(repair), CommitVerdict::kCommitted);
  EXPECT_TRUE(take(warehouse_->resolve(repair)));
  EXPECT_EQ(verdict(commit_of({change({0, 101}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
}

SourceRegistration registration_of(const std::string& name, const std::string& log,
                                   const std::string& strategy = "tail") {
  return {name, "cassandra", {{"source", log}, {"strategy", strategy}, {"bucket", "60"}}};
}

TEST_P(WarehouseContract, SourceIsRefusedWhenItsRawLogIsCountedUnderAnotherName) {
  start();
  const SourceId first = take(warehouse_->register_source(registration_of("site", "log 1")));
  auto other = registration_of("site, once more", "log 1");
  other.fingerprint["bucket"] = "300";
  const auto refused = warehouse_->register_source(other);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(refused.error().message, "this raw log is counted already, as \"site\"");
  EXPECT_EQ(refused.error().hint,
            "go on with --source-name 'site', or count into another warehouse");
  EXPECT_EQ(take(warehouse_->sources()).size(), 2u);
  EXPECT_EQ(take(warehouse_->register_source(registration_of("site", "log 1"))), first);
  EXPECT_NE(take(warehouse_->register_source(registration_of("other site", "log 2"))), first);
  EXPECT_FALSE(
      warehouse_->register_source(registration_of("scanned", "log 1", "scan")).has_value());
}

// The counted hours of 31 December are those of another job.
TEST_P(WarehouseContract, SourceIsRefusedThatWouldCountMigratedHoursAgain) {
  expect_ok(warehouse_->init());
  EXPECT_EQ(take(warehouse_->migrated_hours()), std::nullopt);
  const MigratedHours migrated{kHour - 24, kHour - 1};
  database_->take_over(migrated);
  EXPECT_EQ(take(warehouse_->migrated_hours()), migrated);
  const auto refused = [&](const SourceRegistration& source) {
    const auto done = warehouse_->register_source(source);
    EXPECT_FALSE(done.has_value());
    return done ? Error{} : done.error();
  };
  const auto source = [](const std::string& name, const std::string& strategy, Fingerprint more) {
    more.insert({{"source", name}, {"strategy", strategy}});
    return SourceRegistration{name, "cassandra", more};
  };
  const Error error = refused(source("site", "tail", {}));
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_THAT(error.message, HasSubstr("from 2023-12-31 00:00 to 2024-01-01 00:00 (UTC)"));
  EXPECT_THAT(error.hint, HasSubstr("--ts-min 2024-01-01T00:00:00Z"));
  EXPECT_THAT(error.hint, HasSubstr("--start-at 2024-01-01T00:00:00Z"));
  // The reporting zone is an hour ahead.
  EXPECT_THAT(refused(source("site", "tail", {{"timezone", "Europe/Berlin"}})).hint,
              HasSubstr("--ts-min 2023-12-31T23:00:00Z"));
  const std::string before = std::to_string(kHour * kHourUs - 1);
  const std::string end = std::to_string(kHour * kHourUs);
  refused(source("site", "tail", {{"ts_min_us", before}}));
  refused(source("site", "scan", {{"start_at", "2023-12-31 23:59:59.999999"}}));
  // Not all ids of files and raw logs of SQLite hold a time.
  const Error of_files =
      refused(source("site", "files", {{"start_at", "2024-01-01 00:00:00.000000"}}));
  EXPECT_THAT(of_files.hint, HasSubstr("--ts-min 2024-01-01T00:00:00Z"));
  EXPECT_THAT(of_files.hint, testing::Not(HasSubstr("--start-at")));
  refused(source("site", "follow", {{"start_at", "2024-01-01 00:00:00.000000"}}));
  EXPECT_THAT(take(warehouse_->sources()), IsEmpty());
  take(warehouse_->register_source(source("a", "files", {{"ts_min_us", end}})));
  take(warehouse_->register_source(
      source("b", "tail", {{"start_at", "2024-01-01 00:00:00.000000"}})));
  // Known sources stay.
  take(warehouse_->register_source(source("a", "files", {{"ts_min_us", end}})));
}

// Named after their URIs, nobody said that they are different ones.
TEST_P(WarehouseContract, FilesAreRefusedWhenAnotherSourceHoldsThem) {
  start();
  const auto files = [](const std::string& name, const std::string& path,
                        const std::string& kind = "csv") {
    return SourceRegistration{name, kind, {{"source", path}, {"strategy", "files"}}};
  };
  const SourceId first = take(warehouse_->register_source(files("csv:in", "/data/in")));
  for (const char* path : {"/data/in", "/data/in/day-1.csv", "/data/in/*.csv", "/data"}) {
    const auto refused = warehouse_->register_source(files("csv:x", path));
    ASSERT_FALSE(refused.has_value()) << path;
    EXPECT_EQ(refused.error().message, "this raw log is counted already, as \"csv:in\"");
    EXPECT_THAT(refused.error().hint, HasSubstr("another host"));
  }
  EXPECT_NE(take(warehouse_->register_source(files("csv:in2", "/data/in2"))), first);
  EXPECT_NE(take(warehouse_->register_source(files("ndjson:in", "/data/in", "ndjson"))), first);
  EXPECT_NE(take(warehouse_->register_source(files("host 2", "/data/in"))), first);
}

TEST_P(WarehouseContract, SourceIsRefusedWhenEventsWereEmptiedUnderItsLedger) {
  start(1);
  ASSERT_EQ(verdict(first_commit_of(kSlice, {cell(kHour, 1, clicks(1, 1))}, 1)),
            CommitVerdict::kCommitted);
  const SourceStatus known = take(warehouse_->sources()).at(0);
  const SourceRegistration again{known.name, known.kind, known.fingerprint};
  EXPECT_EQ(take(warehouse_->register_source(again)), source_);
  database_->empty_events();
  for (const SourceRegistration& given : {again, registration_of("another", "log 2")}) {
    const auto refused = warehouse_->register_source(given);
    ASSERT_FALSE(refused.has_value()) << given.name;
    EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(refused.error().hint, HasSubstr("verify --repair"));
  }
}

TEST_P(WarehouseSqlContract, EventsIsNotMadeAnewUnderItsLedger) {
  start(1);
  ASSERT_EQ(verdict(first_commit_of(kSlice, {cell(kHour, 1, clicks(1, 1))}, 1)),
            CommitVerdict::kCommitted);
  if (database_->is_sqlite()) {
    database_->run("DROP VIEW events");
    database_->run("DROP TABLE events_micros");
  } else {
    database_->run("DROP TABLE events");
  }
  const auto done = warehouse_->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(done.error().may_pass) << "it is being replaced, perhaps";
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kMissing);
  // As the hint says, when it is gone for good.
  EXPECT_THAT(done.error().hint, HasSubstr("init --print"));
  for (const std::string& statement : warehouse_->schema_statements()) {
    database_->run(statement);
  }
  expect_ok(warehouse_->init());
  database_->run("DELETE FROM hirestream_days");
}

TEST_P(WarehouseContract, SourcesWhoseIdentityIsOnlyAPathMayShareIt) {
  start();
  const auto expect_two = [&](const std::string& log, const std::string& strategy) {
    const auto first = take(warehouse_->register_source(registration_of(log, log, strategy)));
    EXPECT_NE(take(warehouse_->register_source(registration_of(log + "2", log, strategy))), first);
  };
  expect_two("/var/log/events", "files");
  expect_two("/srv/raw.db (without id)", "follow");
  expect_two("", "tail");
}

TEST_P(WarehouseSqlContract, OfTwoNamesForOneRawLogGivenAtOnceOneIsRegistered) {
  start();
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    std::vector<Result<SourceId>> results(2, SourceId{0});
    for (size_t i = 0; i < results.size(); ++i) {
      threads.emplace_back([&, i, warehouse = database_->open()] {
        results[i] = warehouse->register_source(
            registration_of(std::to_string(round) + "ab"[i], "log " + std::to_string(round)));
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_NE(results[0].has_value(), results[1].has_value());
    const auto& refused = results[results[0].has_value() ? 1 : 0];
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("counted already"));
  }
  EXPECT_EQ(take(warehouse_->sources()).size(), 11u);
}

TEST_P(WarehouseSqlContract, EnginesThatRegisterOneSourceAtOnceGetTheSameId) {
  expect_ok(warehouse_->init());
  std::vector<std::thread> threads;
  std::vector<Result<SourceId>> results(4, SourceId{0});
  for (auto& result : results) {
    threads.emplace_back([&result, warehouse = database_->open()] {
      result = warehouse->register_source(registration_of("site", "log 1"));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (auto& result : results) {
    EXPECT_EQ(take(result), take(results[0]));
  }
}

TEST_P(WarehouseContract, FirstSourceIsRefusedWhenEventsHasRowsWithoutLedger) {
  start();
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  take(warehouse_->register_source({"second", "csv", {}}));  // a ledger knows the rows
  database_->forget_ledger();
  const auto refused = warehouse_->register_source(registration_of("site", "log 1"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(refused.error().message, "`events` holds rows that no ledger knows of");
  EXPECT_THAT(refused.error().hint, HasSubstr("restore the hirestream_* tables from a backup"));
  EXPECT_THAT(take(warehouse_->sources()), IsEmpty());
}

TEST_P(WarehouseContract, CommitMayReplaceTheFingerprint) {
  start(1);
  const SourceStatus known = take(warehouse_->sources())[0];
  const SourceRegistration before{known.name, known.kind, known.fingerprint};
  SourceRegistration after = before;
  after.fingerprint["cut"] = "by arrival's day";
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 7, ChangeMode::kReplace, one)});
  commit.fingerprint = after.fingerprint;
  EXPECT_EQ(verdict(commit), CommitVerdict::kConflict);
  EXPECT_EQ(take(warehouse_->sources())[0].fingerprint, before.fingerprint);
  commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  commit.fingerprint = after.fingerprint;
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(take(warehouse_->sources())[0].fingerprint, after.fingerprint);
  EXPECT_EQ(take(warehouse_->register_source(after)), source_);
  EXPECT_FALSE(warehouse_->register_source(before).has_value());
}

// --- ledger

TEST_P(WarehouseContract, LedgerEntryComesBackAsItWasGiven) {
  start(1);
  SliceChange given = change({0, INT64_MIN / 2}, 0, ChangeMode::kReplace, {});
  given.entry.name = "/data/\xff it's\\.csv";
  given.entry.tag = "1,2\"3";
  given.entry.state = SliceState::kSettled;
  given.entry.digest = {12, UINT64_MAX - 1};
  given.entry.classes = {1, 2, 3, 4, 5};
  given.entry.settled_at_us = now_us_;
  given.entry.audited_at_us = -1;
  given.entry.corrected_at_us = INT64_MAX;
  given.entry.held = true;
  Commit commit = commit_of({given});
  commit.token = UINT64_MAX;
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_TRUE(take(warehouse_->resolve(commit)));
  const auto ledger = take(warehouse_->load_ledger(source_, std::vector<int32_t>{0}, INT64_MIN));
  ASSERT_EQ(ledger.size(), 1u);
  const LedgerEntry& got = ledger[0];
  EXPECT_EQ(got.key, given.entry.key);
  EXPECT_EQ(got.name, given.entry.name);
  EXPECT_EQ(got.tag, given.entry.tag);
  EXPECT_EQ(got.revision, 1);
  EXPECT_EQ(got.state, SliceState::kSettled);
  EXPECT_EQ(got.digest, given.entry.digest);
  EXPECT_EQ(got.classes, given.entry.classes);
  EXPECT_EQ(got.settled_at_us, now_us_);
  EXPECT_EQ(got.audited_at_us, -1);
  EXPECT_EQ(got.corrected_at_us, INT64_MAX);
  EXPECT_TRUE(got.held);
}

TEST_P(WarehouseContract, LedgerIsLoadedByShardAndBucketInOrder) {
  start(3);
  ASSERT_EQ(verdict(commit_of({change({0, 7}, 0, ChangeMode::kReplace, {}),
                               change({0, 9}, 0, ChangeMode::kAppend, {}),
                               change({1, 8}, 0, ChangeMode::kReplace, {}),
                               change({2, -3}, 0, ChangeMode::kReplace, {}),
                               change({2, 8}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
  std::vector<SliceKey> keys;
  for (const auto& line : take(warehouse_->load_ledger(source_, std::vector<int32_t>{2, 0}, 8))) {
    keys.push_back(line.key);
  }
  EXPECT_THAT(keys, ElementsAre(SliceKey{0, 9}, SliceKey{2, 8}));
  EXPECT_EQ(take(warehouse_->load_ledger(source_, {}, INT64_MIN)).size(), 5u) << "no shards: all";
  EXPECT_THAT(take(warehouse_->load_ledger(source_ + 1, std::vector<int32_t>{0}, 0)), IsEmpty());
}

TEST_P(WarehouseContract, ContributionsComeInTheOrderOfTheKeys) {
  start(2);
  const Contribution one{cell(kHour, 1, clicks(1, 1))};
  const Contribution two{cell(kHour, 2, clicks(2, 2))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one),
                             change(kOtherSlice, 0, ChangeMode::kAppend, two)});
  add_cells(commit, {}, merge(one, two));
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const auto found = take(
      warehouse_->load_contributions(source_, std::vector<SliceKey>{kOtherSlice, {0, 99}, kSlice}));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].contribution, two);
  EXPECT_EQ(found[1].entry.revision, 0);
  EXPECT_EQ(found[1].entry.key, (SliceKey{0, 99}));
  EXPECT_THAT(found[1].contribution, IsEmpty());
  EXPECT_EQ(found[2].contribution, one);
}

TEST_P(WarehouseContract, AppendsFoldToWhatAReplaceWouldStore) {
  start(1);
  const Contribution first{cell(kHour, 1, clicks(1, 5)), cell(kHour, 2, clicks(2, 6))};
  const Contribution second{cell(kHour, 2, clicks(-2, -6)), cell(kHour + 1, 3, clicks(3, 7))};
  const Contribution whole{cell(kHour, 1, clicks(1, 5)), cell(kHour + 1, 3, clicks(3, 7))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kAppend, first)});
  add_cells(commit, {}, first);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit = commit_of({change(kSlice, 1, ChangeMode::kAppend, second)});
  add_cells(commit, {}, second);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(stored(kSlice), whole);
  EXPECT_EQ(events(), whole);
  EXPECT_EQ(entry(kSlice).revision, 2);
  expect_number("SELECT COUNT(*) FROM hirestream_deltas", 2);

  ASSERT_EQ(verdict(commit_of({change(kSlice, 2, ChangeMode::kReplace, whole)})),
            CommitVerdict::kCommitted);
  EXPECT_EQ(stored(kSlice), whole);
  expect_number("SELECT COUNT(*) FROM hirestream_deltas", 0);
  ASSERT_EQ(verdict(commit_of({change(kSlice, 3, ChangeMode::kAppend, {})})),
            CommitVerdict::kCommitted);
  EXPECT_EQ(stored(kSlice), whole);
}

TEST_P(WarehouseContract, KeepChangesTheEntryAndNotTheContribution) {
  start(1);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  const Contribution more{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit = commit_of({change(kSlice, 1, ChangeMode::kAppend, more)});
  add_cells(commit, {}, more);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  SliceChange keep = change(kSlice, 2, ChangeMode::kKeep, {});
  keep.entry.held = true;
  keep.entry.audited_at_us = 77;
  keep.entry.corrected_at_us = 78;
  ASSERT_EQ(verdict(commit_of({keep})), CommitVerdict::kCommitted);
  EXPECT_EQ(stored(kSlice), merge(one, more));
  EXPECT_TRUE(entry(kSlice).held);
  EXPECT_EQ(entry(kSlice).audited_at_us, 77);
  EXPECT_EQ(entry(kSlice).corrected_at_us, 78);
  EXPECT_EQ(entry(kSlice).revision, 3);
}

TEST_P(WarehouseContract, AFrozenSliceLeavesTheLedgerForTheSumsOfItsDay) {
  start(2);
  const Contribution one{cell(kHour, 1, clicks(1, 5)), cell(kHour, 2, clicks(2, 6))};
  const Contribution two{cell(kHour, 1, clicks(3, 7)), cell(kHour + 1, 1, {.impressions = 4})};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one),
                             change(kOtherSlice, 0, ChangeMode::kAppend, two)});
  // Hashes of which the sum is beyond 64 bits.
  const RowDigest digest{3, 0xC000'0000'0000'0001};
  for (SliceChange& slice : commit.slices) {
    slice.entry.digest = digest;
    slice.entry.classes = {.counted = 3};
  }
  add_cells(commit, {}, merge(one, two));
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_THAT(take(warehouse_->frozen_totals()), IsEmpty());
  EXPECT_EQ(mark_of(kSlice.shard), (FrozenMark{.shard = kSlice.shard}));
  for (const auto& [key, contribution] : {std::pair{kSlice, one}, std::pair{kOtherSlice, two}}) {
    SliceChange freeze = change(key, 1, ChangeMode::kFreeze, {});
    freeze.entry.digest = digest;
    freeze.entry.classes = {.counted = 3};
    Commit frozen = commit_of({freeze});
    frozen.frozen_days = {{0, 19'000, 1, digest, {.counted = 3}}};
    for (const Cell& cell : contribution) {
      frozen.frozen_hours.push_back({{.local_hour = cell.key.local_hour}, cell.measures});
    }
    canonicalize(frozen.frozen_hours);
    frozen.frozen_marks = {{key.shard, key.bucket + 1, FrozenMark::kAllHistory}};
    ASSERT_EQ(verdict(frozen), CommitVerdict::kCommitted);
  }
  EXPECT_EQ(events(), merge(one, two));
  EXPECT_THAT(stored(kSlice), IsEmpty());
  EXPECT_EQ(entry(kSlice).revision, 0);
  EXPECT_EQ(entry(kOtherSlice).revision, 0);
  expect_number("SELECT COUNT(*) FROM hirestream_slices", 0);
  expect_number("SELECT COUNT(*) FROM hirestream_deltas", 0);
  const Contribution totals{{{kHour, 0, 0, 0, 0}, clicks(6, 18)},
                            {{kHour + 1, 0, 0, 0, 0}, {.impressions = 4}}};
  EXPECT_EQ(take(warehouse_->frozen_totals()), totals);
  EXPECT_EQ(mark_of(kSlice.shard).until, kSlice.bucket + 1);
  EXPECT_EQ(mark_of(kOtherSlice.shard).until, kOtherSlice.bucket + 1);
  const std::vector<FrozenDay> days = take(warehouse_->load_frozen_days(source_));
  RowDigest sum = digest;
  sum += digest;
  ASSERT_EQ(days.size(), 1u);
  EXPECT_EQ(days[0].slices, 2);
  EXPECT_EQ(days[0].digest, sum);
  EXPECT_EQ(days[0].classes, (RowClasses{.counted = 6}));
  const SourceStatus status = take(warehouse_->sources()).front();
  EXPECT_EQ(status.slices_frozen, 2);
  EXPECT_EQ(status.slices_open + status.slices_settled, 0);
  EXPECT_EQ(status.classes, (RowClasses{.counted = 6}));
}

// History that never was in the ledger: its sums, its rejects, and the place up to which it was
// counted.
TEST_P(WarehouseContract, HistoryIsCountedWithoutRowsOfTheLedger) {
  start(1);
  const Contribution old{cell(kHour, 1, clicks(2, 9))};
  SliceChange rejected = change({0, 7}, 0, ChangeMode::kFreeze, {});
  rejected.rejects = {reject(1, "ts_missing")};
  Commit commit = commit_of({rejected});
  add_cells(commit, {}, old);
  commit.frozen_days = {{0, 18'000, 1, {2, 11}, {.counted = 2}},
                        {0, 18'001, 1, {1, 12}, {.rejected = 1}}};
  commit.frozen_hours = {{{.local_hour = kHour}, clicks(2, 9)}};
  commit.frozen_marks = {{0, 500, 77}};
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), old);
  EXPECT_EQ(mark_of(0), (FrozenMark{0, 500, 77}));
  expect_number("SELECT COUNT(*) FROM hirestream_slices", 0);
  EXPECT_EQ(take(warehouse_->load_rejects(source_, 10)).size(), 1u);
  const SourceStatus status = take(warehouse_->sources()).front();
  EXPECT_EQ(status.classes, (RowClasses{.counted = 2, .rejected = 1}));
  // A slice that is in the ledger is no history.
  ASSERT_EQ(verdict(commit_of({change({0, 8}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
  EXPECT_EQ(verdict(commit_of({change({0, 8}, 0, ChangeMode::kFreeze, {})})),
            CommitVerdict::kConflict);
}

// Whoever repairs cannot put back what an engine has frozen meanwhile: it would count twice.
TEST_P(WarehouseContract, NobodyButAnEnginePutsANewSliceBelowAMark) {
  start(1);
  Commit freeze = commit_of({});
  freeze.frozen_marks = {{0, 500, FrozenMark::kAllHistory}};
  ASSERT_EQ(verdict(freeze), CommitVerdict::kCommitted);
  const auto published = [this](int64_t bucket) {
    Commit commit = commit_of({change({0, bucket}, 0, ChangeMode::kReplace, {})});
    commit.writers.clear();
    return verdict(commit);
  };
  EXPECT_EQ(published(499), CommitVerdict::kConflict);
  EXPECT_EQ(entry({0, 499}).revision, 0);
  EXPECT_EQ(published(500), CommitVerdict::kCommitted);
}

// More days than a statement can name.
TEST_P(WarehouseContract, ACommitMayFreezeYears) {
  start(1);
  constexpr int32_t kYears = 3000;
  for (const int64_t slices : {1, 2}) {
    Commit commit = commit_of({});
    for (int32_t day = 0; day < kYears; ++day) {
      commit.frozen_days.push_back({0, day, 1, {}, {}});
    }
    ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
    EXPECT_EQ(take(warehouse_->sources()).front().slices_frozen, slices * kYears);
  }
}

TEST_P(WarehouseContract, DamagedContributionIsReportedAndNotTrusted) {
  start(2);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one),
                             change(kOtherSlice, 0, ChangeMode::kAppend, one)});
  add_cells(commit, {}, merge(one, one));
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  database_->damage_contributions();
  const auto found =
      take(warehouse_->load_contributions(source_, std::vector{kSlice, kOtherSlice}));
  ASSERT_EQ(found.size(), 2u);
  for (const auto& slice : found) {
    EXPECT_TRUE(slice.damaged);
    EXPECT_THAT(slice.contribution, IsEmpty());
    EXPECT_EQ(slice.entry.revision, 1);
  }
}

// --- commit

TEST_P(WarehouseContract, CommitWritesCellsLedgerAndProgressTogether) {
  start(1);
  const Measures all{1, 2, 3, 4, 5, 6'000'001};
  const Contribution one{cell(kHour + 23, 188, all), cell(kHour + 24, 188, clicks(1, 0))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  commit.settled_until = {{0, 99}};
  commit.cells[0].company_id = 17;
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), one);
  EXPECT_EQ(stored(kSlice), one);
  EXPECT_EQ(take(warehouse_->sources())[0].settled_until, (std::map<int32_t, int64_t>{{0, 99}}));
  EXPECT_EQ(company_in_events(188), -1) << "its second row's is not known";
  if (!database_->has_sql()) {
    return;
  }
  const auto column = [&](const std::string& name) {
    return database_->value("SELECT " + name + " FROM events WHERE hours = 23");
  };
  EXPECT_EQ(column("dates"), "2024-01-01");
  EXPECT_EQ(column("job_id"), "188");
  EXPECT_EQ(column("publisher_id"), "11");
  EXPECT_EQ(column("campaign_id"), "12");
  EXPECT_EQ(column("group_id"), "13");
  EXPECT_EQ(column("company_id"), "17");
  EXPECT_EQ(column("impressions"), "1");
  EXPECT_EQ(column("clicks"), "2");
  EXPECT_EQ(column("conversion"), "3");
  EXPECT_EQ(column("qualified_application"), "4");
  EXPECT_EQ(column("disqualified_application"), "5");
  EXPECT_EQ(column("spend_hour"), "6.000001");
  EXPECT_EQ(column("sources"), "Cassandra");
  EXPECT_EQ(column("updated_at"), "2023-11-14 22:13:20.123456");
}

TEST_P(WarehouseContract, ConflictAtOneSliceAppliesNothing) {
  start(2);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  ASSERT_EQ(verdict(commit_of({change(kOtherSlice, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
  // New for whoever says so, but there already; and one whose revision moved; and one that is not
  // there at all.
  for (const int64_t revision : {int64_t{0}, int64_t{2}}) {
    Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one),
                               change(kOtherSlice, revision, ChangeMode::kReplace, one)});
    add_cells(commit, {}, merge(one, one));
    commit.settled_until = {{0, 5}};
    commit.slices[0].rejects = {reject(1, "ts_missing")};
    const auto outcome = take(warehouse_->commit(commit));
    EXPECT_EQ(outcome.verdict, CommitVerdict::kConflict);
    EXPECT_THAT(outcome.conflicts, ElementsAre(kOtherSlice));
    EXPECT_FALSE(take(warehouse_->resolve(commit)));
  }
  const auto missing =
      take(warehouse_->commit(commit_of({change(kSlice, 1, ChangeMode::kKeep, {})})));
  EXPECT_EQ(missing.verdict, CommitVerdict::kConflict);
  EXPECT_THAT(missing.conflicts, ElementsAre(kSlice));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(entry(kSlice).revision, 0);
  EXPECT_EQ(entry(kOtherSlice).revision, 1);
  EXPECT_THAT(take(warehouse_->load_rejects(source_, 10)), IsEmpty());
  EXPECT_THAT(take(warehouse_->sources())[0].settled_until, IsEmpty());
}

TEST_P(WarehouseContract, ResolveKnowsCommittedFromNotCommitted) {
  start(2);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kAppend, {})});
  EXPECT_FALSE(take(warehouse_->resolve(commit)));
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_TRUE(take(warehouse_->resolve(commit)));
  // Another engine took over and committed elsewhere: the slice still tells.
  auto second = database_->open();
  Commit other = commit_of({change(kOtherSlice, 0, ChangeMode::kAppend, {})});
  other.writers = take(second->take_epochs(source_, std::vector<int32_t>{0, 1}, "test:2"));
  ASSERT_EQ(take(second->commit(other)).verdict, CommitVerdict::kCommitted);
  EXPECT_TRUE(take(warehouse_->resolve(commit)));
  EXPECT_EQ(verdict(commit), CommitVerdict::kFenced);
}

TEST_P(WarehouseContract, CellsThatBecomeZeroAreDeleted) {
  start(1);
  const Contribution before{cell(kHour, 1, clicks(2, 5)), cell(kHour, 2, clicks(1, 1)),
                            cell(kHour, 3, {.impressions = 1}), cell(kHour, 4, clicks(1, 0))};
  const Contribution after{cell(kHour, 1, clicks(1, 5)), cell(kHour, 2, {.conversions = 1}),
                           cell(kHour, 4, clicks(1, 0))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, before)});
  add_cells(commit, {}, before);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit = commit_of({change(kSlice, 1, ChangeMode::kReplace, after)});
  add_cells(commit, before, after);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), after);
  expect_number("SELECT COUNT(*) FROM events", 3);
}

TEST_P(WarehouseContract, KnownCompanyIsNeverOverwrittenByUnknown) {
  start(1);
  auto company_after = [&, revision = int64_t{0}](int64_t company) mutable {
    const Contribution one{cell(kHour, 1, clicks(1, 5))};
    Commit commit = commit_of({change(kSlice, revision++, ChangeMode::kAppend, one)});
    add_cells(commit, {}, one);
    commit.cells[0].company_id = company;
    EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
    return company_in_events(1);
  };
  EXPECT_EQ(company_after(0), 0);
  EXPECT_EQ(company_after(17), 17);
  EXPECT_EQ(company_after(0), 17);
  EXPECT_EQ(company_after(18), 18);
}

TEST_P(WarehouseSqlContract, AverageBidIsRoundedHalfUpToSixDigits) {
  start(1);
  // Spend in micros, clicks, what bid_set must say.
  const std::vector<std::tuple<int64_t, int64_t, std::string>> cases = {
      {1'000'000, 3, "0.333333"},
      {2'000'000, 3, "0.666667"},
      {1, 2, "0.000001"},
      {3, 2, "0.000002"},
      {0, 5, "0.000000"},
      {7, 0, "NULL"},
      {4'999'999, 10'000'000, "0.000000"},
      {5'000'000, 10'000'000, "0.000001"},
      {24'999, 50'001, "0.000000"},
      {25'001, 50'001, "0.000001"},
      {1'000'000'000'000'000, 1, "1000000000.000000"},
      {1'234'567'890'123'457, 2, "617283945.061729"},
  };
  Contribution all;
  for (size_t i = 0; i < cases.size(); ++i) {
    all.push_back(cell(kHour, static_cast<int64_t>(i + 1),
                       clicks(std::get<1>(cases[i]), std::get<0>(cases[i]))));
  }
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const std::string text =
      database_->is_sqlite()
          ? "SELECT CASE WHEN bid_set IS NULL THEN NULL ELSE printf('%.6f', bid_set) END"
          : "SELECT bid_set";
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(database_->value(text + " FROM events WHERE job_id = " + std::to_string(i + 1)),
              std::get<2>(cases[i]))
        << std::get<0>(cases[i]) << " / " << std::get<1>(cases[i]);
  }
}

TEST_P(WarehouseSqlContract, CellNamesEachKindOfRawLogOnce) {
  start(1);
  const Contribution one{cell(kHour, 1, clicks(1, 5))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kAppend, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit.slices[0].entry.revision = 1;
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(database_->value("SELECT sources FROM events"), "Cassandra");
  commit.source = take(warehouse_->register_source({"files", "csv", {}}));
  commit.writers.clear();
  commit.slices[0].entry.revision = 0;
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(database_->value("SELECT sources FROM events"), "Cassandra,csv");
  EXPECT_EQ(database_->value("SELECT clicks FROM events"), "3");
}

TEST_P(WarehouseContract, SettledUntilOnlyRises) {
  start(2);
  const auto settle = [&](std::vector<std::pair<int32_t, int64_t>> until) {
    Commit commit = commit_of({});
    commit.settled_until = std::move(until);
    EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
    return take(warehouse_->sources())[0].settled_until;
  };
  using Settled = std::map<int32_t, int64_t>;
  EXPECT_EQ(settle({{0, -7}}), (Settled{{0, -7}}));
  EXPECT_EQ(settle({{0, 7}, {1, 3}}), (Settled{{0, 7}, {1, 3}}));
  EXPECT_EQ(settle({{0, 5}, {1, 4}}), (Settled{{0, 7}, {1, 4}}));
  // Taking over changes nothing of it.
  ASSERT_TRUE(warehouse_->take_epochs(source_, std::vector<int32_t>{0, 1}, "x").has_value());
  EXPECT_EQ(take(warehouse_->sources())[0].settled_until, (Settled{{0, 7}, {1, 4}}));
}

TEST_P(WarehouseContract, RejectsAreAddedReplacedAndKeepTheirFirstSight) {
  start(1);
  const auto write = [&](int64_t revision, ChangeMode mode, std::vector<RejectedRow> rows) {
    SliceChange slice = change(kSlice, revision, mode, {});
    const int64_t before = mode == ChangeMode::kReplace ? 0 : entry(kSlice).classes.rejected;
    slice.entry.classes.rejected = before + static_cast<int64_t>(rows.size());
    slice.rejects = std::move(rows);
    ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  };
  const auto ids = [&] {
    std::vector<uint64_t> found;
    for (const auto& stored : take(warehouse_->load_rejects(source_, 100))) {
      found.push_back(stored.row.id.high);
    }
    std::sort(found.begin(), found.end());
    return found;
  };
  write(0, ChangeMode::kAppend, {reject(1, "ts_missing")});
  const auto first = take(warehouse_->load_rejects(source_, 100));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].row, reject(1, "ts_missing"));
  EXPECT_EQ(first[0].slice, kSlice);
  EXPECT_EQ(first[0].first_seen_us, now_us_);

  now_us_ += 10;
  write(1, ChangeMode::kAppend, {reject(1, "ts_missing"), reject(UINT64_MAX, "bid_negative")});
  EXPECT_THAT(ids(), ElementsAre(1u, UINT64_MAX));
  write(2, ChangeMode::kKeep, {});
  EXPECT_THAT(ids(), ElementsAre(1u, UINT64_MAX));
  write(3, ChangeMode::kAppend, {});
  EXPECT_THAT(ids(), ElementsAre(1u, UINT64_MAX));
  SliceChange whole = change(kSlice, 4, ChangeMode::kReplace, {});
  whole.entry.classes.rejected = 2;
  whole.rejects = {reject(1, "ts_unreadable"), reject(3, "ts_missing")};
  ASSERT_EQ(verdict(commit_of({whole})), CommitVerdict::kCommitted);
  EXPECT_THAT(ids(), ElementsAre(1u, 3u));
  const auto rows = take(warehouse_->load_rejects(source_, 100));
  EXPECT_EQ(rows[0].row.id.high, 3u) << "newest first";
  EXPECT_EQ(rows[1].first_seen_us, now_us_ - 10);
  EXPECT_EQ(rows[1].row.reason, "ts_unreadable");
  EXPECT_EQ(take(warehouse_->load_rejects(source_, 1)).size(), 1u);
  write(5, ChangeMode::kReplace, {});
  EXPECT_THAT(ids(), IsEmpty());
}

TEST_P(WarehouseContract, RejectsExpireByAgeAndNumberAndStayCounted) {
  start(1);
  for (uint64_t i = 0; i < 6; ++i) {
    SliceChange slice = change({0, static_cast<int64_t>(i)}, 0, ChangeMode::kReplace, {});
    slice.entry.classes.rejected = 1;
    slice.rejects = {reject(i, "ts_missing")};
    now_us_ = 1000 + static_cast<int64_t>(i);
    ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  }
  expect_ok(warehouse_->expire_rejects(1002, 3));
  std::vector<int64_t> seen;
  for (const auto& stored : take(warehouse_->load_rejects(source_, 100))) {
    seen.push_back(stored.first_seen_us);
  }
  EXPECT_THAT(seen, ElementsAre(1005, 1004, 1003));
  EXPECT_EQ(take(warehouse_->sources())[0].classes.rejected, 6);
}

// A slice's kinds are those of its rows: appended ones add, a recount takes the place of all.
TEST_P(WarehouseContract, KindsAreAddedAndReplacedWithTheirSlice) {
  start(2);
  const auto write = [&](const SliceKey& key, int64_t revision, ChangeMode mode,
                         std::vector<NotCounted> kinds) {
    SliceChange slice = change(key, revision, mode, {});
    slice.not_counted = std::move(kinds);
    ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  };
  write(kSlice, 0, ChangeMode::kAppend, {other_kind("alive", 2, 50), no_job("click", 1, 40)});
  write(kOtherSlice, 0, ChangeMode::kReplace, {other_kind("alive", 5, 30)});
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 7, 50), no_job("click", 1, 40)));
  write(kSlice, 1, ChangeMode::kAppend, {other_kind("alive", 1, 45), no_job("alive", 3, 60)});
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 8, 50), no_job("alive", 3, 60),
                                   no_job("click", 1, 40)));
  write(kSlice, 2, ChangeMode::kKeep, {});
  EXPECT_EQ(kinds().size(), 3u);
  write(kSlice, 3, ChangeMode::kReplace, {other_kind("it's \\ caf\xc3\xa9", 4, 20)});
  EXPECT_THAT(kinds(),
              ElementsAre(other_kind("alive", 5, 30), other_kind("it's \\ caf\xc3\xa9", 4, 20)));
  EXPECT_THAT(take(warehouse_->load_not_counted(source_, 1)),
              ElementsAre(other_kind("alive", 5, 30), other_kind("(others)", 4, 20)));
  write(kSlice, 4, ChangeMode::kReplace, {});
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 5, 30)));
  const SourceId other = take(warehouse_->register_source({"other", "csv", {}}));
  EXPECT_THAT(take(warehouse_->load_not_counted(other, 9)), IsEmpty());
}

TEST_P(WarehouseContract, ConflictLeavesKindsAsTheyWere) {
  start(1);
  SliceChange first = change(kSlice, 0, ChangeMode::kReplace, {});
  first.not_counted = {other_kind("alive", 2, 50)};
  ASSERT_EQ(verdict(commit_of({first})), CommitVerdict::kCommitted);
  EXPECT_EQ(verdict(commit_of({first})), CommitVerdict::kConflict);
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 2, 50)));
}

// What cannot be told as text, or tells no time.
TEST_P(WarehouseContract, KindsTellTheFileAndTheIdOfTheNewestRow) {
  start(1);
  const RowId random{0x1111'2222'3333'4444, 0xF000'0000'0000'0000};
  SliceChange slice = change(kSlice, 0, ChangeMode::kReplace, {});
  slice.not_counted = {
      {WhyNotCounted::kOtherKind, "a", 1, random, "data/it's.csv"},
      {WhyNotCounted::kOtherKind, "b", 1, random, std::string(4000, 'x') + "é.csv"}};
  ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  const auto found = kinds();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], slice.not_counted[0]);
  EXPECT_EQ(found[0].newest_us(), std::nullopt);
  EXPECT_THAT(found[1].place, testing::EndsWith("xxxé.csv"));
}

TEST_P(WarehouseContract, KindsOfFrozenSlicesAndOfHistoryStayWithTheirShard) {
  start(2);
  SliceChange one = change(kSlice, 0, ChangeMode::kReplace, {});
  one.not_counted = {other_kind("alive", 2, 50), no_job("click", 1, 40)};
  SliceChange two = change(kOtherSlice, 0, ChangeMode::kAppend, {});
  two.not_counted = {other_kind("alive", 3, 60)};
  ASSERT_EQ(verdict(commit_of({one, two})), CommitVerdict::kCommitted);
  const auto before = kinds();
  for (const SliceKey& key : {kSlice, kOtherSlice}) {
    ASSERT_EQ(verdict(commit_of({change(key, 1, ChangeMode::kFreeze, {})})),
              CommitVerdict::kCommitted);
    EXPECT_EQ(kinds(), before);
  }
  expect_number("SELECT COUNT(*) FROM hirestream_kinds WHERE frozen = 0", 0);
  Commit history = commit_of({});
  history.frozen_kinds[1].add(other_kind("alive", 4, 10));
  history.frozen_kinds[1].add(other_kind("redirect", 6, 20));
  ASSERT_EQ(verdict(history), CommitVerdict::kCommitted);
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 9, 60), other_kind("redirect", 6, 20),
                                   no_job("click", 1, 40)));
}

TEST_P(WarehouseContract, KindsOfWhatIsFrozenAreBoundedAndAddUp) {
  start(1);
  constexpr int64_t kSlices = 5;
  constexpr int64_t kKindsOfEach = 30;
  for (int64_t bucket = 1; bucket <= kSlices; ++bucket) {
    SliceChange slice = change({0, bucket}, 0, ChangeMode::kReplace, {});
    slice.not_counted = {other_kind("alive", 10, bucket)};
    for (int64_t i = 0; i < kKindsOfEach; ++i) {
      slice.not_counted.push_back(other_kind(fmt::format("{}-{}", bucket, i), 1, bucket));
    }
    ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
    ASSERT_EQ(verdict(commit_of({change({0, bucket}, 1, ChangeMode::kFreeze, {})})),
              CommitVerdict::kCommitted);
  }
  const auto found = take(warehouse_->load_not_counted(source_, SIZE_MAX));
  ASSERT_EQ(found.size(), kFrozenKindsMax + 1);
  EXPECT_EQ(found.front(), other_kind("alive", 50, kSlices));
  EXPECT_EQ(found.back().kind, "(others)");
  int64_t rows = 0;
  for (const NotCounted& kind : found) {
    rows += kind.rows;
  }
  EXPECT_EQ(rows, kSlices * (kKindsOfEach + 10));
}

TEST_P(WarehouseContract, SourcesSumTheLedger) {
  start(2);
  const SourceId other = take(warehouse_->register_source({"other", "csv", {}}));
  std::vector<SliceChange> slices;
  for (int64_t bucket = 0; bucket < 6; ++bucket) {
    SliceChange slice =
        change({static_cast<int32_t>(bucket / 3), bucket}, 0, ChangeMode::kReplace, {});
    slice.entry.classes = {bucket, 10, 100, 1000, 10'000};
    slice.entry.state = bucket % 3 == 0 ? SliceState::kOpen : SliceState::kSettled;
    slice.entry.held = bucket == 1;
    slices.push_back(slice);
  }
  Commit commit = commit_of(slices);
  commit.frozen_days = {{0, 18'000, 7, {100, 5}, {60, 30, 10, 0, 0}}};
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const auto all = take(warehouse_->sources());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].classes, (RowClasses{75, 90, 610, 6000, 60'000}));
  EXPECT_EQ(all[0].slices_open, 2);
  EXPECT_EQ(all[0].slices_settled, 4);
  EXPECT_EQ(all[0].slices_frozen, 7);
  EXPECT_EQ(all[0].slices_held, 1);
  EXPECT_EQ(all[1].id, other);
  EXPECT_EQ(all[1].classes, RowClasses{});
  expect_number("SELECT rows_read FROM hirestream_accounting WHERE name = 'raw log'", 66'775);
}

TEST_P(WarehouseContract, EventsAreReadInKeyOrderWithEveryDigit) {
  start(1);
  const auto key = [](int32_t hour, int64_t job, int64_t publisher, int64_t campaign,
                      int64_t group) { return CellKey{hour, job, publisher, campaign, group}; };
  Contribution all = {
      {key(-1, 1, 1, 1, 1), clicks(1, 1)},
      {key(kHour - 1, 9, 9, 9, 9), clicks(1, 999'999)},
      {key(kHour, INT64_MIN, 0, 0, 0), clicks(1, 1)},
      {key(kHour, -1, 0, 0, INT64_MAX), clicks(1, 1)},
      {key(kHour, 2, 0, 0, 0), clicks(1, 1)},
      {key(kHour, 2, 0, 0, 1), clicks(1, 1)},
      {key(kHour, 2, 0, 1, 0), clicks(1, 1)},
      {key(kHour, 2, 1, 0, 0), clicks(1, 1)},
      {key(kHour, 10, 0, 0, 0), {1'000'000'000'000, 2, 3, 4, 5, 9'000'000'000'000'000'001}},
      {key(kHour + 25, 0, 0, 0, 0), clicks(1, 1)},
  };
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), all);
  EXPECT_EQ(stored(kSlice), all);
}

TEST_P(WarehouseContract, WalkEndsWithTheVisitorsError) {
  start(1);
  Contribution all;
  for (int64_t job = 1; job <= 3000; ++job) {
    all.push_back(cell(kHour, job, clicks(1, 1)));
  }
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  int visited = 0;
  const auto walk = warehouse_->read_events([&](const EventsRow&) -> Result<void> {
    return ++visited == 2 ? fail(ErrorKind::kRejected, "visit", "test", "enough") : Result<void>();
  });
  ASSERT_FALSE(walk.has_value());
  EXPECT_EQ(walk.error().message, "enough");
  EXPECT_EQ(visited, 2);
  EXPECT_EQ(events(), all) << "the warehouse works on";
}

TEST_P(WarehouseContract, LargeCommitsAreExact) {
  start(4);
  std::mt19937_64 random(7);
  std::vector<SliceChange> slices;
  Contribution total;
  for (int32_t shard = 0; shard < 4; ++shard) {
    for (int64_t bucket = 0; bucket < 1100; ++bucket) {
      Contribution some;
      for (int i = 0; i < 5; ++i) {
        some.push_back(cell(kHour + static_cast<int32_t>(random() % 48),
                            static_cast<int64_t>(random() % 200),
                            {1, static_cast<int64_t>(random() % 9), 1, 0, 0,
                             static_cast<int64_t>(random() % 9'000'000)}));
      }
      canonicalize(some);
      total.insert(total.end(), some.begin(), some.end());
      slices.push_back(change({shard, bucket}, 0,
                              bucket % 2 == 0 ? ChangeMode::kReplace : ChangeMode::kAppend, some));
    }
  }
  canonicalize(total);
  Commit commit = commit_of(slices);
  add_cells(commit, {}, total);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), total);
  std::vector<SliceKey> keys;
  for (auto& slice : slices) {
    keys.push_back(slice.entry.key);
  }
  const auto found = take(warehouse_->load_contributions(source_, keys));
  ASSERT_EQ(found.size(), slices.size());
  for (size_t i = 0; i < slices.size(); ++i) {
    ASSERT_EQ(found[i].contribution, slices[i].contribution) << i;
  }
  // All of it taken back.
  for (auto& slice : slices) {
    slice.entry.revision = 1;
    slice.mode = ChangeMode::kReplace;
    slice.contribution.clear();
  }
  commit = commit_of(slices);
  add_cells(commit, total, {});
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_THAT(events(), IsEmpty());
  expect_number("SELECT COUNT(*) FROM hirestream_deltas", 0);
}

TEST_P(WarehouseContract, LargestAndSmallestNumbersAreExactAmongMany) {
  start(1);
  constexpr int64_t kMost = INT64_MAX;
  Contribution cells;
  for (int64_t i = 0; i < 1200; ++i) {
    const int64_t sign = i % 2 == 0 ? 1 : -1;
    Cell& some = cells.emplace_back();
    some.key = {kHour + static_cast<int32_t>(i % 30), sign * (kMost - i), sign * i, kMost, -kMost};
    some.measures = {.impressions = kMost / 1200 - i,
                     .clicks = i,
                     .conversions = kMost / 1200,
                     .qualified = i * i,
                     .unqualified = 1,
                     .bid_micros = kMost / 1200 - 7 * i};
  }
  canonicalize(cells);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(events(), cells);
}

// The catch-up's largest commits: seconds, not minutes.
TEST_P(WarehouseContract, HundredThousandCellsAndTwoThousandSlicesTakeSeconds) {
  start(8);
  std::vector<SliceChange> slices;
  Contribution total;
  for (int32_t shard = 0; shard < 8; ++shard) {
    for (int64_t bucket = 0; bucket < 250; ++bucket) {
      Contribution some;
      for (int64_t i = 0; i < 50; ++i) {
        some.push_back(cell(kHour + static_cast<int32_t>(bucket / 60),
                            bucket * 1000 + i * 8 + shard, {1, 2, 0, 1, 0, 1'400'000}));
      }
      total.insert(total.end(), some.begin(), some.end());
      slices.push_back(change({shard, bucket}, 0, ChangeMode::kReplace, some));
    }
  }
  canonicalize(total);
  ASSERT_EQ(total.size(), 100'000u);
  Commit commit = commit_of(std::move(slices));
  add_cells(commit, {}, total);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds", std::to_string(took.count()));
  std::printf("100,000 new cells and 2,000 slices: %.2f s\n", took.count());
  EXPECT_LT(took.count(), 20.0) << "budget for a slow, shared machine";
  expect_number("SELECT COUNT(*) FROM events", 100'000);
}

// Two engines on shards of their own whose cells are the same, and a repair that replaces slices of
// both.
TEST_P(WarehouseSqlContract, ConcurrentCommitsKeepEventsEqualToTheLedger) {
  start(2);
  const auto work = [&](int32_t shard, bool engine, uint64_t seed) {
    auto warehouse = database_->open();
    std::mt19937_64 random(seed);
    int committed = 0;
    for (int attempts = 0; committed < 40 && attempts < 4000; ++attempts) {
      const SliceKey key{engine ? shard : static_cast<int32_t>(random() % 2),
                         static_cast<int64_t>(random() % 4)};
      auto before = warehouse->load_contributions(source_, std::vector{key});
      if (!before) {
        continue;
      }
      Contribution after;
      for (int i = 0; i < 20; ++i) {
        after.push_back(cell(kHour, static_cast<int64_t>(random() % 30),
                             clicks(static_cast<int64_t>(random() % 3), 7)));
      }
      canonicalize(after);
      Commit commit;
      commit.source = source_;
      commit.token = seed * 1'000'000 + static_cast<uint64_t>(attempts);
      commit.now_us = now_us_;
      if (engine) {
        commit.writers = {writers_[static_cast<size_t>(shard)]};
      }
      commit.slices = {change(key, before->at(0).entry.revision, ChangeMode::kReplace, after)};
      add_cells(commit, before->at(0).contribution, after);
      const auto outcome = warehouse->commit(commit);
      if (outcome) {
        EXPECT_TRUE(outcome->verdict == CommitVerdict::kCommitted ||
                    outcome->verdict == CommitVerdict::kConflict);
        committed += outcome->verdict == CommitVerdict::kCommitted ? 1 : 0;
      } else {
        EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient) << outcome.error().text();
      }
    }
    EXPECT_EQ(committed, 40);
  };
  {
    std::jthread first([&] { work(0, true, 1); });
    std::jthread second([&] { work(1, true, 2); });
    std::jthread repair([&] { work(0, false, 3); });
  }
  Contribution sum;
  for (const auto& line : take(warehouse_->load_ledger(source_, std::vector<int32_t>{0, 1}, 0))) {
    sum = merge(sum, stored(line.key));
  }
  EXPECT_EQ(events(), sum);
}

// --- roll-up by day

TEST_P(WarehouseContract, DaysFollowEveryCommit) {
  start(1);
  const Contribution first{cell(kHour, 1, clicks(2, 5)), cell(kHour, 2, clicks(1, 1)),
                           cell(kHour + 23, 1, clicks(3, 7)), cell(kHour + 24, 1, clicks(4, 1))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, first)});
  add_cells(commit, {}, first);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  Measures day = first[0].measures;
  day += first[2].measures;
  EXPECT_EQ(days(), (Contribution{cell(kHour, 1, day), cell(kHour, 2, clicks(1, 1)),
                                  cell(kHour + 24, 1, clicks(4, 1))}));
  // One row moves to another hour of its day, one day loses all, one grows.
  const Contribution second{cell(kHour + 1, 1, clicks(2, 5)), cell(kHour + 23, 1, clicks(3, 7)),
                            cell(kHour + 30, 1, clicks(1, 9)), cell(kHour + 24, 1, clicks(4, 1))};
  Contribution sorted = second;
  canonicalize(sorted);
  commit = commit_of({change(kSlice, 1, ChangeMode::kReplace, sorted)});
  add_cells(commit, first, sorted);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  Measures next_day = clicks(4, 1);
  next_day += clicks(1, 9);
  EXPECT_EQ(days(), (Contribution{cell(kHour, 1, day), cell(kHour + 24, 1, next_day)}));
  expect_number("SELECT COUNT(*) FROM hirestream_days", 2);
}

TEST_P(WarehouseContract, DaysCarryTheCompanyOfTheirJob) {
  start(1);
  const Contribution all{cell(kHour, 1, clicks(1, 1)), cell(kHour, 2, clicks(1, 1)),
                         cell(kHour + 5, 1, clicks(1, 1))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  commit.cells[0].company_id = 7;  // the later hour does not know it
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(company_in_days(1), 7);
  EXPECT_EQ(company_in_days(2), 0);
  const std::vector<Job> jobs = {{1, 8, 0, 0, "", "", "", ""}, {2, 9, 0, 0, "", "", "", ""}};
  take(warehouse_->store_jobs(jobs, now_us_));
  EXPECT_EQ(company_in_days(1), 8);
  EXPECT_EQ(company_in_days(2), 9);
}

TEST_P(WarehouseContract, DaysThatSomebodySpoiltArePutRightByACommit) {
  start(1);
  const Contribution all{cell(kHour, 1, clicks(1, 1)), cell(kHour + 30, 2, clicks(1, 1))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  database_->spoil_days();
  EXPECT_NE(days(), events_by_day());
  Commit right = commit_of({});
  right.writers.clear();
  right.days.emplace();
  for (const Cell& cell : difference(events_by_day(), days())) {
    right.days->push_back({cell.key, cell.measures, 0});
  }
  ASSERT_EQ(verdict(right), CommitVerdict::kCommitted);
  EXPECT_EQ(days(), events_by_day());
  EXPECT_EQ(events(), all);
}

// Two repairs that saw the same must not both be applied.
TEST_P(WarehouseContract, CommitBasedOnChangesConflictsOnceSomebodyElseRepaired) {
  start(1);
  const int64_t seen = take(warehouse_->changes());
  const Contribution one{cell(kHour, 1, clicks(1, 1))};
  const auto repair = [&] {
    Commit commit = commit_of({});
    commit.writers.clear();
    add_cells(commit, {}, one);
    commit.based_on_changes = seen;
    return commit;
  };
  // What engines do is no reason.
  ASSERT_EQ(verdict(commit_of({change(kSlice, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
  EXPECT_EQ(take(warehouse_->changes()), seen);
  EXPECT_EQ(verdict(repair()), CommitVerdict::kCommitted);
  EXPECT_EQ(take(warehouse_->changes()), seen + 1);
  EXPECT_EQ(verdict(repair()), CommitVerdict::kConflict);
  EXPECT_EQ(events(), one);
  take(warehouse_->store_jobs(std::vector<Job>{{1, 8, 0, 0, "", "", "", ""}}, now_us_));
  EXPECT_EQ(take(warehouse_->changes()), seen + 2);
}

// Guard Company: rows never get the company of before once their job has moved.
TEST_P(WarehouseContract, CommitWithTheCompaniesOfBeforeIsRefused) {
  start(1);
  const Contribution one{cell(kHour, 1, clicks(1, 1))};
  const auto of_jobs = [&](int64_t version, int64_t company) {
    Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
    add_cells(commit, {}, one);
    commit.cells[0].company_id = company;
    commit.jobs_version = version;
    return commit;
  };
  EXPECT_EQ(take(warehouse_->jobs_version()), 0);
  const std::vector<Job> jobs = {{1, 8, 0, 0, "", "", "", ""}};
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_)).version, 1);
  EXPECT_EQ(take(warehouse_->jobs_version()), 1);
  EXPECT_EQ(verdict(of_jobs(0, 7)), CommitVerdict::kJobsMoved);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_THAT(take(warehouse_->load_ledger(source_, {}, INT64_MIN)), IsEmpty());
  EXPECT_EQ(verdict(of_jobs(1, 8)), CommitVerdict::kCommitted);
  EXPECT_EQ(company_in_events(1), 8);
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_)).version, 2);
}

TEST_P(WarehouseContract, SnapshotShowsOneStateUntilItsEnd) {
  start(1);
  const Contribution before{cell(kHour, 1, clicks(1, 1))};
  const Contribution after{cell(kHour, 1, clicks(2, 1)), cell(kHour + 30, 2, clicks(1, 1))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, before)});
  add_cells(commit, {}, before);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  expect_ok(warehouse_->begin_snapshot());
  EXPECT_EQ(events(), before);
  commit = commit_of({change(kSlice, 1, ChangeMode::kReplace, after)});
  add_cells(commit, before, after);
  const auto other = database_->open();
  ASSERT_EQ(take(other->commit(commit)).verdict, CommitVerdict::kCommitted);
  EXPECT_EQ(events(), before);
  EXPECT_EQ(days(), events_by_day());
  EXPECT_EQ(stored(kSlice), before);
  EXPECT_EQ(take(warehouse_->load_ledger(source_, {}, INT64_MIN)).at(0).revision, 1);
  warehouse_->end_snapshot();
  EXPECT_EQ(events(), after);
  EXPECT_EQ(stored(kSlice), after);
}

// One zone a warehouse: its dates and hours mean one thing.
TEST_P(WarehouseContract, ASourceOfAnotherReportingZoneIsRefused) {
  start(1);
  const auto registration = [](const std::string& name, const std::string& zone) {
    return SourceRegistration{name, "csv", {{"source", name}, {"timezone", zone}}};
  };
  take(warehouse_->register_source(registration("a", "Asia/Tokyo")));
  const auto refused = warehouse_->register_source(registration("b", "UTC"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().text(), HasSubstr("--timezone Asia/Tokyo"));
  EXPECT_TRUE(warehouse_->register_source(registration("b", "Asia/Tokyo")).has_value());
}

// A warehouse of a version whose frozen slices were rows of the ledger: init folds them into the
// sums of their days.
// One that still counts old slices for the first time must end that before.
TEST_P(WarehouseSqlContract, InitFoldsFrozenSlicesOfAnOlderWarehouse) {
  start(2);
  database_->run(
      "UPDATE hirestream_sources SET fingerprint = "
      "'{\"strategy\":\"tail\",\"bucket_width_s\":\"60\"}'");
  constexpr int64_t kBucketsPerDay = 1440;
  std::vector<SliceChange> slices;
  for (const int64_t bucket : {19'000 * kBucketsPerDay, 19'000 * kBucketsPerDay + 5,
                               19'001 * kBucketsPerDay, 19'002 * kBucketsPerDay}) {
    slices.push_back(change({1, bucket}, 0, ChangeMode::kReplace, {}));
    slices.back().entry.digest = {4, 0xF000'0000'0000'0000};
    slices.back().entry.classes = {.counted = 3, .rejected = 1};
  }
  ASSERT_EQ(verdict(commit_of(slices)), CommitVerdict::kCommitted);
  database_->run(fmt::format("UPDATE hirestream_slices SET state = 2 WHERE bucket < {}",
                             19'002 * kBucketsPerDay));
  database_->run("DROP TABLE hirestream_frozen_days");
  database_->run("DROP TABLE hirestream_frozen_marks");
  database_->run("UPDATE hirestream_meta SET value = '2' WHERE name = 'schema_version'");
  database_->run(
      fmt::format("UPDATE hirestream_writers SET settled_until = {}", 19'001 * kBucketsPerDay));
  const auto refused = warehouse_->init();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().text(), HasSubstr("let the older version run"));
  database_->run(
      fmt::format("UPDATE hirestream_writers SET settled_until = {}", 19'001 * kBucketsPerDay + 1));
  expect_ok(warehouse_->init());
  EXPECT_EQ(take(warehouse_->load_ledger(source_, {}, INT64_MIN)).size(), 1u);
  const std::vector<FrozenDay> found = take(warehouse_->load_frozen_days(source_));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].day, 19'000);
  EXPECT_EQ(found[0].slices, 2);
  EXPECT_EQ(found[0].digest, (RowDigest{8, 0xE000'0000'0000'0000}));
  EXPECT_EQ(found[1].day, 19'001);
  EXPECT_EQ(found[1].classes, (RowClasses{.counted = 3, .rejected = 1}));
  EXPECT_EQ(mark_of(1), (FrozenMark{.shard = 1, .until = 19'001 * kBucketsPerDay + 1}));
  const SourceStatus status = take(warehouse_->sources()).front();
  EXPECT_EQ(status.slices_frozen, 3);
  EXPECT_EQ(status.classes, (RowClasses{.counted = 12, .rejected = 4}));
  EXPECT_EQ(verdict(commit_of({change({1, 7}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kFenced);
}

// A warehouse of a version that had no roll-up: init fills it, and no engine of that version goes
// on beside it.
TEST_P(WarehouseSqlContract, InitFillsTheDaysOfAnOlderWarehouseAndFencesItsEngines) {
  start(1);
  const Contribution all{cell(kHour, 1, clicks(1, 1)), cell(kHour + 3, 1, clicks(2, 1)),
                         cell(kHour + 30, 2, clicks(1, 1))};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  database_->run("DROP TABLE hirestream_days");
  database_->run("UPDATE hirestream_meta SET value = '1' WHERE name = 'schema_version'");
  expect_ok(warehouse_->init());
  EXPECT_EQ(days(), events_by_day());
  EXPECT_EQ(days().size(), 2u);
  EXPECT_EQ(verdict(commit_of({change({0, 9}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kFenced);
  writers_ = take(warehouse_->take_epochs(source_, std::vector<int32_t>{0}, "test:2"));
  expect_ok(warehouse_->init());  // nothing to do again
  EXPECT_EQ(verdict(commit_of({change({0, 9}, 0, ChangeMode::kReplace, {})})),
            CommitVerdict::kCommitted);
}

// A warehouse of a version that kept no kinds can be looked at as it is; init gives it the table,
// and no engine of that version goes on beside it.
TEST_P(WarehouseSqlContract, InitForgetsRowHashesOfAnOlderVersionAndMovesRevisionsOnce) {
  start();
  SliceChange slice = change({0, 7}, 0, ChangeMode::kReplace, {cell(100, 1, {.clicks = 1})});
  slice.entry.digest = {1, 0xfeed};
  slice.entry.classes.counted = 1;
  Commit commit = commit_of({slice});
  add_cells(commit, {}, slice.contribution);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const int64_t before = entry({0, 7}).revision;
  // The source's fingerprint does not say what its hashes are made of.
  database_->run("UPDATE hirestream_meta SET value = '3' WHERE name = 'schema_version'");
  for (int start = 0; start < 2; ++start) {
    expect_ok(database_->open()->init());
    EXPECT_EQ(entry({0, 7}).digest.hash, 0u) << "it would look like another row's";
    EXPECT_EQ(entry({0, 7}).digest.rows, 1);
    EXPECT_EQ(entry({0, 7}).revision, before + 1) << "a repair begun before would be committed";
    database_->run("UPDATE hirestream_meta SET value = '3' WHERE name = 'schema_version'");
  }
  EXPECT_EQ(events(), slice.contribution);
}

// They would write companies of before beside those who compare.
TEST_P(WarehouseSqlContract, InitFencesEnginesThatDoNotCountStoredJobs) {
  fingerprint_[std::string(kRowDigest)] = kRowDigestNow;
  start(1);
  ASSERT_EQ(verdict(commit_of({change(kSlice, 0, ChangeMode::kAppend, {})})),
            CommitVerdict::kCommitted);
  database_->run("UPDATE hirestream_meta SET value = '5' WHERE name = 'schema_version'");
  expect_ok(warehouse_->init());
  EXPECT_EQ(verdict(commit_of({change(kSlice, 1, ChangeMode::kAppend, {})})),
            CommitVerdict::kFenced);
  EXPECT_EQ(entry(kSlice).revision, 1);
}

TEST_P(WarehouseSqlContract, InitGivesAnOlderWarehouseTheTableOfKinds) {
  fingerprint_[std::string(kRowDigest)] = kRowDigestNow;
  start(1);
  SliceChange slice = change(kSlice, 0, ChangeMode::kReplace, {});
  slice.entry.classes = {.other = 3};
  ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  database_->run("DROP TABLE hirestream_kinds");
  database_->run("UPDATE hirestream_meta SET value = '4' WHERE name = 'schema_version'");
  EXPECT_THAT(kinds(), IsEmpty());
  expect_ok(warehouse_->init());
  EXPECT_EQ(database_->value("SELECT value FROM hirestream_meta WHERE name = 'schema_version'"),
            "6");
  EXPECT_EQ(entry(kSlice).classes, (RowClasses{.other = 3}));
  EXPECT_EQ(entry(kSlice).revision, 1) << "what is known of its rows stays";
  slice.entry.revision = 1;
  slice.not_counted = {other_kind("alive", 3, 50)};
  EXPECT_EQ(verdict(commit_of({slice})), CommitVerdict::kFenced);
  writers_ = take(warehouse_->take_epochs(source_, std::vector<int32_t>{0}, "test:2"));
  EXPECT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  EXPECT_THAT(kinds(), ElementsAre(other_kind("alive", 3, 50)));
}

TEST_P(WarehouseSqlContract, InitRefusesTheTablesOfANewerVersionAndLeavesThemAlone) {
  start(1);
  database_->run("DROP TABLE hirestream_rejects");
  database_->run("UPDATE hirestream_meta SET value = '99' WHERE name = 'schema_version'");
  const auto refused = warehouse_->init();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().text(), HasSubstr("schema version 99"));
  EXPECT_THAT(refused.error().text(), HasSubstr("use a newer hirestream"));
  // Nor do verify and the like, which ask for the sources first.
  ASSERT_FALSE(warehouse_->sources().has_value());
  EXPECT_THAT(warehouse_->sources().error().text(), HasSubstr("schema version 99"));
  // What the newer version does without was not made again.
  EXPECT_FALSE(warehouse_->expire_rejects(INT64_MAX, 0).has_value());
}

// --- sums beyond 64 bits

TEST_P(WarehouseSqlContract, CountBeyond64BitsIsRefusedAndNothingIsApplied) {
  start(1);
  constexpr int64_t kHalf = 5'000'000'000'000'000'000;
  const Contribution one{cell(kHour, 1, {.impressions = kHalf})};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit.slices = {change({0, 9}, 0, ChangeMode::kReplace, one)};
  ++commit.token;
  const auto refused = warehouse_->commit(commit);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kRejected) << refused.error().text();
  EXPECT_THAT(refused.error().text(), HasSubstr("impressions"));
  EXPECT_EQ(events(), one);
  EXPECT_EQ(take(warehouse_->load_ledger(source_, {}, INT64_MIN)).size(), 1u);
}

// MySQL's amounts go beyond 64 bits of millionths: there the reader refuses. A wrapped or clamped
// number is never seen.
TEST_P(WarehouseSqlContract, SpendBeyond64BitsIsRefusedWhenItIsWrittenOrRead) {
  start(1);
  constexpr int64_t kHalf = 5'000'000'000'000'000'000;
  const Contribution one{cell(kHour, 1, {.clicks = 1, .bid_micros = kHalf})};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, one)});
  add_cells(commit, {}, one);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  commit.slices = {change({0, 9}, 0, ChangeMode::kReplace, one)};
  ++commit.token;
  const auto written = warehouse_->commit(commit);
  const auto ignore = [](const EventsRow&) -> Result<void> { return {}; };
  Result<void> done;
  if (!written) {
    done = forward(written.error());
    EXPECT_EQ(events(), one);
  } else {
    EXPECT_FALSE(warehouse_->read_days(ignore).has_value());
    done = warehouse_->read_events(ignore);
  }
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kRejected) << done.error().text();
  EXPECT_THAT(done.error().text(),
              testing::AnyOf(HasSubstr("spend_hour"), HasSubstr("bid_micros")));
  source_ = 0;  // nothing is compared in the end
}

// --- dimension

// Bytes that are no UTF-8, and more than is stored.
TEST_P(WarehouseContract, NamesThatCannotBeStoredAsTheyAreAreStoredOnce) {
  class Directory final : public JobDirectory {
   public:
    Result<Loaded<Job>> load() override {
      return Loaded<Job>{{{1, 2, 0, 0, "caf\xe9", std::string(2000, 'x'), "", ""}}, {"row 7"}};
    }
    Result<Loaded<Publisher>> load_publishers() override {
      return Loaded<Publisher>{{{3, std::string(1500, '\xe9')}}, {}};
    }
  };
  class Notes final : public NullObserver {
   public:
    void on_note(const std::string& level, const std::string& text) override {
      all.push_back(level + " " + text);
    }
    std::vector<std::string> all;
  };
  class FixedClock final : public Clock {
   public:
    int64_t now_us() override { return 1'700'000'000'000'000; }
  };
  start(1);
  Directory directory;
  Notes notes;
  FixedClock clock;
  simulation::World world(1, 1'700'000'000'000'000, false);
  const simulation::RawLog log({}, false);
  simulation::FakeEventSource source(world, log, "engine");
  CompanyDirectory companies({source, *warehouse_, &directory, clock, notes}, 30'000'000);
  expect_ok(companies.load());
  expect_ok(companies.refresh());
  EXPECT_EQ(companies.company_of(1), 2);
  const int64_t changes = take(warehouse_->changes());
  const std::vector<Job> stored = take(warehouse_->load_jobs());
  for (int i = 0; i < 3; ++i) {
    expect_ok(companies.refresh());
  }
  EXPECT_EQ(take(warehouse_->changes()), changes) << "stored again though nothing changed";
  EXPECT_EQ(take(warehouse_->load_jobs()), stored);
  EXPECT_THAT(stored,
              ElementsAre(Job{1, 2, 0, 0, "caf\xef\xbf\xbd", std::string(1000, 'x'), "", ""}));
  EXPECT_EQ(std::count(notes.all.begin(), notes.all.end(), "warning row 7"), 1);
}

TEST_P(WarehouseContract, JobsAreStoredAndTheirRowsRewritten) {
  start(1);
  Contribution all;
  for (int32_t hour = 0; hour < 300; ++hour) {
    for (int64_t job = 1; job <= 3; ++job) {
      all.push_back(cell(kHour + hour, job, clicks(1, 1)));
    }
  }
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  for (auto& cell : commit.cells) {
    cell.company_id = cell.key.job_id == 3 ? 30 : 0;
  }
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const std::vector<Job> jobs = {{2, 20, 5, 6, "It's\\ \xc3\xa9\xf0\x9f\x98\x80", "b", "c", "d"},
                                 {1, 10, 0, 0, "", "", "", ""},
                                 {3, 30, 0, 0, "", "", "", ""}};
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_ + 1'000'000)).rewritten, 600);
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_ + 2'000'000)).rewritten, 0)
      << "nothing to rewrite";
  EXPECT_THAT(take(warehouse_->load_jobs()), ElementsAre(jobs[1], jobs[0], jobs[2]));
  for (int64_t job = 1; job <= 3; ++job) {
    EXPECT_EQ(company_in_events(job), job * 10);
    EXPECT_EQ(company_in_days(job), job * 10);
  }
  if (database_->has_sql()) {
    EXPECT_EQ(database_->value("SELECT MAX(updated_at) FROM events WHERE job_id = 1"),
              format_timestamp_us(now_us_ + 1'000'000));
    EXPECT_EQ(database_->value("SELECT MAX(updated_at) FROM events WHERE job_id = 3"),
              format_timestamp_us(now_us_));
  }
  // A job moves, another loses its company.
  const std::vector<Job> moved = {{1, 11, 0, 0, "", "", "", ""}};
  EXPECT_EQ(take(warehouse_->store_jobs(moved, now_us_)).rewritten, 300);
  EXPECT_EQ(take(warehouse_->load_jobs()).at(0).company_id, 11);
  const std::vector<Job> lost = {{3, 0, 0, 0, "", "", "", ""}};
  EXPECT_EQ(take(warehouse_->store_jobs(lost, now_us_)).rewritten, 300);
  EXPECT_EQ(events(), all);
}

INSTANTIATE_TEST_SUITE_P(Warehouses, WarehouseContract,
                         testing::Values("simulated", "sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });
INSTANTIATE_TEST_SUITE_P(Warehouses, WarehouseSqlContract,
                         testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
