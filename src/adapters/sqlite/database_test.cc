#include "adapters/sqlite/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <thread>

namespace hirestream::sqlite {
namespace {

using testing::HasSubstr;

Database in_memory() {
  return *Database::open({.path = ":memory:"});
}

TEST(SqliteDatabase, BindsAndReadsEveryType) {
  Database database = in_memory();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER, b TEXT, c BLOB, d REAL, e TEXT)"));
  Statement insert = *database.prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)");
  insert.bind(1, INT64_MIN).bind(2, std::string_view("it's \xff")).bind_blob(3, {"\0x", 2});
  ASSERT_TRUE(insert.bind_real(4, 1.5).bind_null(5).run());
  ASSERT_TRUE(insert.bind(2, std::string_view()).bind_blob(3, {}).run());
  EXPECT_EQ(database.changes(), 1);
  EXPECT_EQ(database.last_insert_row_id(), 2);
  Statement rows = *database.prepare("SELECT * FROM t");
  ASSERT_TRUE(*rows.step());
  EXPECT_EQ(rows.column_name(1), "b");
  EXPECT_EQ(rows.integer(0), INT64_MIN);
  EXPECT_EQ(rows.text(1), "it's \xff");
  EXPECT_EQ(rows.blob(2), std::string_view("\0x", 2));
  EXPECT_EQ(rows.real(3), 1.5);
  EXPECT_TRUE(rows.is_null(4));
  ASSERT_TRUE(*rows.step());
  EXPECT_FALSE(rows.is_null(1)) << "an empty text is not null";
  EXPECT_FALSE(rows.is_null(2)) << "an empty blob is not null";
  EXPECT_FALSE(*rows.step());
}

TEST(SqliteDatabase, BindBeyondTheParametersIsReportedByRun) {
  Database database = in_memory();
  Statement statement = *database.prepare("SELECT ?1");
  statement.bind(2, int64_t{1});
  EXPECT_FALSE(statement.run().has_value());
  EXPECT_TRUE(statement.run().has_value()) << "reported once";
}

TEST(SqliteDatabase, SaysThatAFileIsNotThere) {
  for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
    const auto opened = Database::open({.path = "/no/such/file.db", .mode = mode});
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().message, "there is no such file");
  }
  const auto made = Database::open({.path = "/no/such/file.db", .mode = OpenMode::kCreate});
  EXPECT_THAT(made.error().hint, HasSubstr("folder must exist"));
}

TEST(SqliteDatabase, SaysWhatADamagedFileCanBeMadeFrom) {
  const std::string path = testing::TempDir() + "damaged.db";
  std::filesystem::remove(path);
  {
    Database database = *Database::open({.path = path});
    ASSERT_TRUE(database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
  }
  constexpr int64_t kFirstTree = 100;  // behind the file's header
  std::fstream(path, std::ios::in | std::ios::out).seekp(kFirstTree) << std::string(8, 'x');
  const auto opened = Database::open({.path = path, .mode = OpenMode::kReadOnly});
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().hint, HasSubstr("raw log only by its writers"));
}

TEST(SqliteDatabase, SameTextGivesTheSameStatement) {
  Database database = in_memory();
  Statement* first = *database.cached("SELECT 1");
  ASSERT_TRUE(*first->step());
  Statement* second = *database.cached("SELECT 1");
  EXPECT_EQ(first, second);
  EXPECT_TRUE(*second->step()) << "it was reset";
}

TEST(SqliteDatabase, TransactionRollsBackUnlessCommitted) {
  Database database = in_memory();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a)"));
  for (const bool commit : {false, true}) {
    auto transaction = Transaction::begin(database, TransactionMode::kWrite);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
    if (commit) {
      ASSERT_TRUE(transaction->commit());
    }
  }
  EXPECT_FALSE(database.in_transaction());
  Statement count = *database.prepare("SELECT COUNT(*) FROM t");
  ASSERT_TRUE(*count.step());
  EXPECT_EQ(count.integer(0), 1);
}

TEST(SqliteDatabase, FullDatabaseIsTransientAndSaysWhereSpaceIsNeeded) {
  Database database = in_memory();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a); PRAGMA max_page_count = 3"));
  const auto done = database.execute("INSERT INTO t VALUES (zeroblob(100000))");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(done.error().text(), HasSubstr("database or disk is full"));
  EXPECT_THAT(done.error().text(), HasSubstr("free space at :memory:"));
}

TEST(SqliteDatabase, ConstraintIsRejectedAndMissingTableIsConfig) {
  Database database = in_memory();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)"));
  EXPECT_EQ(database.execute("INSERT INTO t VALUES (1)").error().kind, ErrorKind::kRejected);
  EXPECT_EQ(database.execute("INSERT INTO u VALUES (1)").error().kind, ErrorKind::kConfig);
  EXPECT_THAT(database.prepare("SELECT * FROM u").error().hint, HasSubstr("hirestream init"));
}

// The same answers where a table is being replaced, or the process has no descriptor left.
TEST(SqliteDatabase, WhatIsMissingOrCannotBeOpenedMayPass) {
  Database database = in_memory();
  EXPECT_TRUE(database.execute("INSERT INTO u VALUES (1)").error().may_pass);
  const auto opened = Database::open({.path = "/nowhere/a.db"});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(opened.error().may_pass) << opened.error().text();
  const auto other = Database::open({.path = "/proc/self/exe", .mode = OpenMode::kReadOnly});
  ASSERT_FALSE(other.has_value());
  EXPECT_FALSE(other.error().may_pass) << other.error().text();
}

TEST(SqliteDatabase, FileThatIsNoDatabaseIsConfig) {
  const auto opened = Database::open({.path = "/proc/self/exe", .mode = OpenMode::kReadOnly});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().kind, ErrorKind::kConfig) << opened.error().text();
}

constexpr const char* kEndless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

TEST(SqliteDatabase, StatementThatTakesTooLongEndsAndOthersWorkOn) {
  OpenOptions options;
  options.path = ":memory:";
  options.statement_time_max = std::chrono::milliseconds(50);
  Database database = *Database::open(options);
  const auto begin = std::chrono::steady_clock::now();
  Statement* endless = *database.cached(kEndless);
  const auto stepped = endless->step();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  ASSERT_FALSE(stepped.has_value());
  EXPECT_EQ(stepped.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(stepped.error().hint, HasSubstr("longer"));
  Statement* quick = *database.cached("SELECT 7");
  ASSERT_TRUE(*quick->step());
  EXPECT_EQ(quick->integer(0), 7);
}

TEST(SqliteDatabase, StopEndsAStatementThatIsUnderWay) {
  std::stop_source stop;
  OpenOptions options;
  options.path = ":memory:";
  options.statement_time_max = std::chrono::hours(1);
  options.stop = stop.get_token();
  Database database = *Database::open(options);
  const std::jthread stopping([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  EXPECT_FALSE((*database.cached(kEndless))->step().has_value());
}

}  // namespace
}  // namespace hirestream::sqlite
