// What every Warehouse must do, whatever database is behind it, the simulated one included. A test
// gets a fresh, empty database, and may look at it (and meddle with it) behind the warehouse's
// back.
//
// Servers: HIRESTREAM_TEST_MYSQL and HIRESTREAM_TEST_MARIADB (mysql://user:password@host:port). One
// that cannot be reached fails the test: `make services` starts them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/mysql/connection.h"
#include "adapters/sql/backend.h"
#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream {

class WarehouseDatabase {
 public:
  virtual ~WarehouseDatabase() = default;
  // Another object on the same database.
  virtual std::unique_ptr<Warehouse> open() = 0;
  // The rest but has_sql() is only for databases that have it.
  virtual bool has_sql() const { return true; }
  // First row and column as text; "NULL" for null, "" without a row.
  virtual std::string value(const std::string& sql) = 0;
  virtual void run(const std::string& sql) = 0;
  virtual bool is_sqlite() const = 0;

  // What somebody may do to it.
  virtual void damage_contributions();
  virtual void empty_events();
  virtual void forget_ledger();
  virtual void forget_writers();
  virtual void spoil_days();  // one row counts too much, another is gone
  // What migrate() leaves, without cells. The tables must be there.
  virtual void take_over(const MigratedHours& hours);

  int64_t number(const std::string& sql) { return std::stoll(value(sql)); }
};

// "simulated", "sqlite", "mysql" or "mariadb".
std::unique_ptr<WarehouseDatabase> make_database(const std::string& kind);
// A session of its own on a database with SQL; fails the test and throws where none can be had.
std::unique_ptr<sql::Session> open_session(WarehouseDatabase& database, const std::string& kind);
// A backend of its own on such a database.
Result<std::unique_ptr<sql::Backend>> open_backend(WarehouseDatabase& database,
                                                   const std::string& kind);
// Settings of a server's administrator, without a database. kind: "mysql" or "mariadb".
MysqlConfig server_config(const std::string& kind);

class WarehouseContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override;
  // After every test: the daily roll-up is the sum of `events`.
  void TearDown() override;

  // Fail the test and give a default when the result is an error.
  template <typename T>
  T take(Result<T> result) {
    if (!result) {
      ADD_FAILURE() << result.error().text();
      return T{};
    }
    return std::move(*result);
  }
  void expect_ok(const Result<void>& result) {
    EXPECT_TRUE(result.has_value()) << result.error().text();
  }

  // init() and a source "raw log" with shards 0 … shard_count − 1, whose epochs are taken.
  void start(int32_t shard_count = 2);
  // A commit of the started writers.
  Commit commit_of(std::vector<SliceChange> slices);
  CommitVerdict verdict(const Commit& commit);
  // A new slice of so many counted rows.
  Commit first_commit_of(const SliceKey& key, const Contribution& given, int64_t counted);
  // Adds what `after` has more than `before` to the commit's cells.
  static void add_cells(Commit& commit, const Contribution& before, const Contribution& after);
  Contribution events();
  Contribution days();
  // What days() must be.
  Contribution events_by_day();
  Contribution stored(const SliceKey& key);
  // Of the rows of a job; −1 if they do not agree.
  int64_t company_in_events(int64_t job_id);
  int64_t company_in_days(int64_t job_id);
  // Nothing is asked of a database without SQL.
  void expect_number(const std::string& sql, int64_t number);
  LedgerEntry entry(const SliceKey& key);
  // Of the source that start() registered.
  std::vector<NotCounted> kinds();
  FrozenMark mark_of(int32_t shard);

  std::unique_ptr<WarehouseDatabase> database_;
  std::unique_ptr<Warehouse> warehouse_;
  SourceId source_ = 0;
  Fingerprint fingerprint_ = {{"strategy", "tail"}, {"bucket", "60"}};
  std::vector<WriterEpoch> writers_;
  uint64_t next_token_ = 1000;
  int64_t now_us_ = 1'700'000'000'123'456;
};

// Schema, migration, rounding in views, concurrency: what only databases with SQL have.
class WarehouseSqlContract : public WarehouseContract {};

Cell cell(int32_t local_hour, int64_t job_id, Measures measures);
SliceChange change(SliceKey key, int64_t revision, ChangeMode mode, Contribution contribution);
// Of the newest row's time.
NotCounted other_kind(const std::string& kind, int64_t rows, int64_t newest_us);
NotCounted no_job(const std::string& kind, int64_t rows, int64_t newest_us);
RejectedRow reject(uint64_t id, const std::string& reason);

}  // namespace hirestream
