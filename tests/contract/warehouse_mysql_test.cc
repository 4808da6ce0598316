// What only a server can do to a warehouse: lose the connection around every statement, make it
// wait, refuse it.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <regex>
#include <thread>

#include "adapters/mysql/backend.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/warehouse.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using mysql::StatementFault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int32_t kHour = 473'352;
const SliceKey kSlice{0, 100};

class MysqlWarehouseFaults : public WarehouseContract {
 protected:
  void SetUp() override {
    WarehouseContract::SetUp();
    ASSERT_NE(warehouse_, nullptr);
    config_ = server_config(GetParam());
    config_.database = database_->value("SELECT DATABASE()");
    auto other = mysql::Connection::open(config_);
    ASSERT_TRUE(other.has_value()) << other.error().text();
    other_ = std::move(*other);
  }

  MysqlBackend& backend() {
    return dynamic_cast<MysqlBackend&>(dynamic_cast<SqlWarehouse&>(*warehouse_).backend());
  }

  // The first statement from now on for which `chosen` is true meets `fault`; everything later goes
  // well.
  void break_at(std::function<bool(std::string_view)> chosen, StatementFault fault) {
    // Shared, since the warehouse hands copies of the hook to its sessions.
    backend().session().set_hook(
        [chosen = std::move(chosen), fault, done = std::make_shared<bool>(false)](
            std::string_view sql, uint64_t) {
          if (*done || !chosen(sql)) {
            return StatementFault::kNone;
          }
          *done = true;
          return fault;
        });
  }
  void break_at_commit(StatementFault fault) {
    break_at([](std::string_view sql) { return sql == "COMMIT"; }, fault);
  }
  // An administrator kills the session just before a statement with this beginning is sent, once.
  void kill_at(const std::string& start) {
    backend().session().set_hook(
        [this, start, done = std::make_shared<bool>(false)](std::string_view sql, uint64_t id) {
          if (!*done && sql.starts_with(start)) {
            *done = true;
            expect_ok(other_->execute(fmt::format("KILL CONNECTION {}", id)));
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
          return StatementFault::kNone;
        });
  }

  // Calls `action` before every COMMIT.
  void at_commit(const std::function<void()>& action) {
    backend().session().set_hook([action](std::string_view sql, uint64_t) {
      if (sql == "COMMIT") {
        action();
      }
      return StatementFault::kNone;
    });
  }
  template <typename T>
  static bool waits(const std::future<T>& future) {
    return future.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout;
  }

  // One that uses every kind of statement: new, appended, replaced and frozen slices, rejects,
  // cells that vanish.
  Commit rich_commit() {
    const Contribution one{cell(kHour, 1, {.clicks = 1, .bid_micros = 5})};
    const Contribution two{cell(kHour, 2, {.clicks = 2, .bid_micros = 5})};
    SliceChange first = change({0, 1}, 0, ChangeMode::kReplace, one);
    first.rejects = {reject(1, "ts_missing")};
    first.entry.classes.rejected = 1;
    Commit before = commit_of({first, change({0, 2}, 0, ChangeMode::kReplace, two),
                               change({0, 3}, 0, ChangeMode::kAppend, {})});
    add_cells(before, {}, merge(one, two));
    EXPECT_EQ(verdict(before), CommitVerdict::kCommitted);
    SliceChange replaced = change({0, 1}, 1, ChangeMode::kReplace, {});
    replaced.rejects = {reject(2, "ts_missing")};
    SliceChange frozen = change({0, 2}, 1, ChangeMode::kFreeze, {});
    Commit rich = commit_of({replaced, frozen, change({0, 3}, 1, ChangeMode::kAppend, one),
                             change({0, 4}, 0, ChangeMode::kReplace, two)});
    rich.cells = {{cell(kHour, 1, {}).key, {.clicks = -1, .bid_micros = -5}, 0},
                  {cell(kHour, 3, {}).key, {.clicks = 4}, 9}};
    rich.settled_until = {{0, 2}};
    rich.frozen_days = {{0, 19'000, 1, {2, 3}, {.counted = 2}}};
    rich.frozen_hours = {{{.local_hour = kHour}, {.clicks = 2, .bid_micros = 5}}};
    rich.frozen_marks = {{0, 3, FrozenMark::kAllHistory}};
    return rich;
  }
  // Everything that a commit may change, as one text.
  std::string everything() {
    std::string all;
    for (const std::string columns :
         {"CONCAT_WS(',', dates, hours, job_id, clicks, spend_hour, company_id) FROM events",
          "CONCAT_WS(',', bucket, revision, state, token, HEX(contribution)) FROM "
          "hirestream_slices",
          "CONCAT_WS(',', bucket, revision, HEX(contribution)) FROM hirestream_deltas",
          "CONCAT_WS(',', dates, hours, clicks) FROM hirestream_frozen",
          "CONCAT_WS(',', day, slices, row_count, counted) FROM hirestream_frozen_days",
          "CONCAT_WS(',', shard, frozen_until) FROM hirestream_frozen_marks",
          "CONCAT_WS(',', bucket, HEX(row_id)) FROM hirestream_rejects",
          "CONCAT_WS(',', shard, epoch, token, settled_until) FROM hirestream_writers"}) {
      auto rows = other_->query("SELECT " + columns + " ORDER BY 1");
      EXPECT_TRUE(rows.has_value());
      while (take(rows->next())) {
        all += std::string(rows->text(0)) + "\n";
      }
    }
    return all;
  }

  // Loses the connection at each of the commit's statements, before and behind it; then commits.
  void expect_nothing_of_it_when_lost(const Commit& commit) {
    const std::string before = everything();
    // Which statements does it send? Learnt from one that is lost at its COMMIT.
    std::vector<std::string> statements;
    backend().session().set_hook([&](std::string_view sql, uint64_t) {
      statements.emplace_back(sql.substr(0, 60));
      return sql == "COMMIT" ? StatementFault::kLoseBefore : StatementFault::kNone;
    });
    ASSERT_EQ(verdict(commit), CommitVerdict::kUnknown);
    EXPECT_FALSE(take(warehouse_->resolve(commit)));
    backend().session().set_hook({});
    const auto commit_at = std::find(statements.begin(), statements.end(), "COMMIT");
    ASSERT_NE(commit_at, statements.end());
    ASSERT_GE(commit_at - statements.begin(), 10);
    for (ptrdiff_t lost = 0; lost < commit_at - statements.begin(); ++lost) {
      for (const StatementFault fault :
           {StatementFault::kLoseBefore, StatementFault::kLoseAnswer}) {
        SCOPED_TRACE(statements[static_cast<size_t>(lost)]);
        break_at([lost, count = std::make_shared<ptrdiff_t>(0)](
                     std::string_view) { return (*count)++ == lost; },
                 fault);
        const auto outcome = warehouse_->commit(commit);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient) << outcome.error().text();
        EXPECT_FALSE(take(warehouse_->resolve(commit))) << "waits until the lost session has ended";
        EXPECT_EQ(everything(), before);
      }
    }
    backend().session().set_hook({});
    EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
    EXPECT_NE(everything(), before);
  }
  // Each of an hour, job and bid of its own, in four hours of two days.
  static Contribution many_cells(int64_t count) {
    Contribution cells;
    for (int64_t job = 1; job <= count; ++job) {
      cells.push_back(cell(kHour + 22 + static_cast<int32_t>(job % 4), job,
                           {.clicks = 1, .bid_micros = 1'000'003 * job}));
    }
    canonicalize(cells);
    return cells;
  }

  MysqlConfig config_;
  std::unique_ptr<mysql::Connection> other_;
};

TEST_P(MysqlWarehouseFaults, ConnectionLostAtAnyStatementAppliesNothingAndTheRetryCommits) {
  start(1);
  expect_nothing_of_it_when_lost(rich_commit());
  EXPECT_THAT(events(), ElementsAre(cell(kHour, 2, {.clicks = 2, .bid_micros = 5}),
                                    cell(kHour, 3, {.clicks = 4})));
}

TEST_P(MysqlWarehouseFaults, ConnectionLostWhereValuesComeAsBytesAppliesNothing) {
  start(1);
  const Contribution cells = many_cells(1100);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  expect_nothing_of_it_when_lost(commit);
  EXPECT_EQ(events(), cells);
}

TEST_P(MysqlWarehouseFaults, CommitWhoseAnswerIsLostIsFoundCommitted) {
  start(1);
  const Commit commit = rich_commit();
  break_at_commit(StatementFault::kLoseAnswer);
  ASSERT_EQ(verdict(commit), CommitVerdict::kUnknown);
  EXPECT_TRUE(take(warehouse_->resolve(commit)));
  EXPECT_EQ(entry({0, 4}).revision, 1);
}

TEST_P(MysqlWarehouseFaults, RepairWithoutWritersIsResolvedByItsSlices) {
  start(1);
  Commit commit = rich_commit();
  commit.writers.clear();
  break_at_commit(StatementFault::kLoseBefore);
  ASSERT_EQ(verdict(commit), CommitVerdict::kUnknown);
  EXPECT_FALSE(take(warehouse_->resolve(commit)));
  break_at_commit(StatementFault::kLoseAnswer);
  ASSERT_EQ(verdict(commit), CommitVerdict::kUnknown);
  EXPECT_TRUE(take(warehouse_->resolve(commit)));
}

TEST_P(MysqlWarehouseFaults, SessionKilledBeforeCommitIsFoundNotCommitted) {
  start(1);
  const Commit commit = rich_commit();
  const std::string before = everything();
  kill_at("COMMIT");
  ASSERT_EQ(verdict(commit), CommitVerdict::kUnknown);
  EXPECT_FALSE(take(warehouse_->resolve(commit)));
  EXPECT_EQ(everything(), before);
  kill_at("INSERT INTO events");
  const auto outcome = warehouse_->commit(commit);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

TEST_P(MysqlWarehouseFaults, KilledStatementRollsTheWholeTransactionBack) {
  start(1);
  const Commit commit = rich_commit();
  const std::string before = everything();
  // The statement waits for this lock when it is killed.
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(other_->execute("UPDATE events SET company_id = 1"));
  uint64_t session = 0;
  backend().session().set_hook([&](std::string_view, uint64_t id) {
    session = id;
    return StatementFault::kNone;
  });
  auto outcome = std::async(std::launch::async, [&] { return warehouse_->commit(commit); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  database_->run(fmt::format("KILL QUERY {}", session));
  const auto done = outcome.get();
  expect_ok(other_->execute("ROLLBACK"));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kTransient) << done.error().text();
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

TEST_P(MysqlWarehouseFaults, ResolveWaitsForTheOldTransaction) {
  start(1);
  const Commit commit = commit_of({change(kSlice, 0, ChangeMode::kAppend, {})});
  // The old transaction has done everything but COMMIT, and does that later.
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(other_->execute(fmt::format("UPDATE hirestream_writers SET token = {}", commit.token)));
  auto resolved = std::async(std::launch::async, [&] { return warehouse_->resolve(commit); });
  EXPECT_EQ(resolved.wait_for(std::chrono::milliseconds(700)), std::future_status::timeout);
  expect_ok(other_->execute("COMMIT"));
  EXPECT_TRUE(take(resolved.get()));
}

TEST_P(MysqlWarehouseFaults, SliceCreatedBySomebodyElseMeanwhileIsAConflict) {
  start(1);
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(
      other_->execute(fmt::format("INSERT INTO hirestream_slices VALUES ({}, 0, 100, '', '', 1, 0, "
                                  "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
                                  "0, 77, UTC_TIMESTAMP(6), NULL)",
                                  source_)));
  const Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, {})});
  auto outcome = std::async(std::launch::async, [&] { return warehouse_->commit(commit); });
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds(700)), std::future_status::timeout);
  expect_ok(other_->execute("COMMIT"));
  const auto done = take(outcome.get());
  EXPECT_EQ(done.verdict, CommitVerdict::kConflict);
  EXPECT_THAT(done.conflicts, ElementsAre(kSlice));
}

// Rows have the company that holds when they are committed: never the one of before a move that
// happens meanwhile.
TEST_P(MysqlWarehouseFaults, CommitAndMoveOfAJobAreOneAfterTheOther) {
  start(1);
  const auto mover = database_->open();
  const std::vector<Job> moved{{1, 8, 0, 0, "", "", "", ""}};
  const Contribution one{cell(kHour, 1, {.clicks = 1, .bid_micros = 1})};
  Commit commit = commit_of({});
  add_cells(commit, {}, one);
  commit.jobs_version = take(warehouse_->jobs_version());
  // The job moves while the commit is at work.
  std::future<Result<StoredJobs>> move;
  at_commit([&] {
    move = std::async(std::launch::async, [&] { return mover->store_jobs(moved, now_us_); });
    EXPECT_TRUE(waits(move));
  });
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(take(move.get()).rewritten, 1) << "the commit's row is rewritten";
  EXPECT_EQ(database_->value("SELECT company_id FROM events"), "8");
  // The commit begins while the job moves.
  std::future<Result<CommitOutcome>> late;
  commit.jobs_version = take(mover->jobs_version());
  at_commit([&] {
    late = std::async(std::launch::async, [&] { return mover->commit(commit); });
    EXPECT_TRUE(waits(late));
  });
  take(warehouse_->store_jobs(moved, now_us_));
  EXPECT_EQ(take(late.get()).verdict, CommitVerdict::kJobsMoved);
}

// Whoever is no engine counts its change before it locks rows; else the two would wait for each
// other.
TEST_P(MysqlWarehouseFaults, RejectsThatExpireAreLockedAfterTheCountOfChanges) {
  start(1);
  SliceChange slice = change(kSlice, 0, ChangeMode::kReplace, {});
  slice.entry.classes.rejected = 1;
  slice.rejects = {reject(1, "ts_missing")};
  ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(
      other_->execute("INSERT INTO hirestream_meta (name, value) VALUES ('changes', '1') ON "
                      "DUPLICATE KEY UPDATE value = value + 1"));
  auto expired =
      std::async(std::launch::async, [&] { return warehouse_->expire_rejects(now_us_ + 1, 100); });
  EXPECT_TRUE(waits(expired));
  expect_ok(other_->execute("UPDATE hirestream_rejects SET revision = revision"));
  expect_ok(other_->execute("COMMIT"));
  expect_ok(expired.get());
  EXPECT_THAT(take(warehouse_->load_rejects(source_, 10)), IsEmpty());
}

// A row that nobody has made cannot be locked.
TEST_P(MysqlWarehouseFaults, CommitThatFindsNoCountOfStoredJobsIsRefused) {
  start(1);
  database_->run("DELETE FROM hirestream_meta WHERE name = 'jobs'");
  Commit commit = commit_of({});
  add_cells(commit, {}, {cell(kHour, 1, {.clicks = 1, .bid_micros = 1})});
  commit.jobs_version = 0;
  EXPECT_EQ(verdict(commit), CommitVerdict::kJobsMoved);
  EXPECT_EQ(take(warehouse_->jobs_version()), 0);
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

// What lies below a shard's first mark is counted once more, but for what the ledger has by then.
TEST_P(MysqlWarehouseFaults, FirstMarkOfAShardAndSlicesBelowItAreOneAfterTheOther) {
  start(2);
  const auto other = database_->open();
  const auto repair_of = [&](const SliceKey& key) {
    Commit repair = commit_of({change(key, 0, ChangeMode::kReplace, {})});
    repair.writers = {};
    return repair;
  };
  const auto mark_of_shard = [&](int32_t shard) {
    Commit mark = commit_of({});
    mark.frozen_marks = {{shard, 200, 0}};
    return mark;
  };
  const auto meets = [&](const Commit& first, const Commit& second) {
    std::future<Result<CommitOutcome>> late;
    at_commit([&] {
      late = std::async(std::launch::async, [&] { return other->commit(second); });
      EXPECT_TRUE(waits(late));
    });
    EXPECT_EQ(verdict(first), CommitVerdict::kCommitted);
    backend().session().set_hook({});
    return take(late.get());
  };
  EXPECT_EQ(meets(repair_of({0, 100}), mark_of_shard(0)).verdict, CommitVerdict::kCommitted);
  EXPECT_EQ(entry({0, 100}).revision, 1);
  EXPECT_EQ(meets(mark_of_shard(1), repair_of({1, 100})).verdict, CommitVerdict::kConflict);
  EXPECT_EQ(entry({1, 100}).revision, 0);
}

TEST_P(MysqlWarehouseFaults, EnginesOfOtherShardsDoNotWait) {
  start(2);
  ASSERT_EQ(verdict(commit_of({change({0, 1}, 0, ChangeMode::kAppend, {}),
                               change({1, 1}, 0, ChangeMode::kAppend, {})})),
            CommitVerdict::kCommitted);
  expect_ok(other_->execute("START TRANSACTION"));
  for (const char* table : {"hirestream_writers", "hirestream_slices", "hirestream_deltas"}) {
    expect_ok(other_->execute(fmt::format(
        "SELECT * FROM {} FORCE INDEX (PRIMARY) WHERE source_id = {} AND shard = 0 FOR UPDATE",
        table, source_)));
  }
  Commit commit = commit_of(
      {change({1, 1}, 1, ChangeMode::kReplace, {}), change({1, 2}, 0, ChangeMode::kAppend, {})});
  commit.writers = {writers_[1]};
  commit.settled_until = {{1, 1}};
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
}

TEST_P(MysqlWarehouseFaults, LockedRowsAreTransient) {
  start(1);
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(other_->execute("UPDATE hirestream_writers SET owner = 'x'"));
  const auto outcome = warehouse_->commit(commit_of({change(kSlice, 0, ChangeMode::kAppend, {})}));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(outcome.error().message, HasSubstr("1205"));
  const auto resolved = warehouse_->resolve(commit_of({}));
  ASSERT_FALSE(resolved.has_value());
  EXPECT_EQ(resolved.error().kind, ErrorKind::kTransient);
}

TEST_P(MysqlWarehouseFaults, SessionTheServerEndedIsOpenedAnew) {
  start(1);
  uint64_t session = 0;
  backend().session().set_hook([&](std::string_view, uint64_t id) {
    session = id;
    return StatementFault::kNone;
  });
  EXPECT_THAT(take(warehouse_->load_jobs()), IsEmpty());
  database_->run(fmt::format("KILL CONNECTION {}", session));
  const auto first = warehouse_->load_jobs();
  EXPECT_TRUE(first.has_value() || first.error().kind == ErrorKind::kTransient);
  EXPECT_THAT(take(warehouse_->load_jobs()), IsEmpty());
}

// Within an encrypted connection the library tells every failure of the network as one of TLS.
TEST_P(MysqlWarehouseFaults, ASessionThatIsLostWhileRowsComeMayBeTriedAgain) {
  MysqlConfig encrypted = config_;
  encrypted.tls = MysqlTls::kPreferred;
  const auto connection = take(mysql::Connection::open(encrypted));
  auto rows = connection->stream(
      "SELECT REPEAT('x', 1000) FROM information_schema.columns a, information_schema.columns b");
  ASSERT_TRUE(rows.has_value());
  ASSERT_TRUE(take(rows->next()));
  expect_ok(other_->execute(fmt::format("KILL CONNECTION {}", connection->id())));
  for (;;) {
    const auto more = rows->next();
    if (!more) {
      EXPECT_EQ(more.error().kind, ErrorKind::kTransient) << more.error().text();
      break;
    }
    ASSERT_TRUE(*more);
  }
  EXPECT_TRUE(connection->lost());
}

// Longer than a server may give a session that says nothing by its own settings.
TEST_P(MysqlWarehouseFaults, PauseIsNoMatter) {
  start(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(verdict(rich_commit()), CommitVerdict::kCommitted);
}

// Whatever character set the server would like better.
TEST_P(MysqlWarehouseFaults, TextArrivesByteForByte) {
  start(1);
  const std::string title = "K\u1EBF to\u00E1n \U0001F389";
  take(warehouse_->store_jobs(std::vector<Job>{{1, 2, 3, 4, title, "", "", ""}}, now_us_));
  EXPECT_EQ(database_->value("SELECT HEX(title) FROM hirestream_jobs"),
            "4BE1BABF20746FC3A16E20F09F8E89");
  EXPECT_EQ(take(warehouse_->load_jobs()).at(0).title, title);
}

TEST_P(MysqlWarehouseFaults, SourcesOfAnOlderTableAreFoundInAnyCase) {
  start(1);
  database_->run(
      "ALTER TABLE events MODIFY sources VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
      "NOT NULL DEFAULT ''");
  ASSERT_EQ(verdict(rich_commit()), CommitVerdict::kCommitted);
  const std::string found = "SELECT COUNT(*) FROM events WHERE sources = 'CASSANDRA'";
  EXPECT_EQ(database_->number(found), 0);
  expect_ok(warehouse_->init());
  EXPECT_GT(database_->number(found), 0);
}

TEST_P(MysqlWarehouseFaults, OneRowBeyondThePacketNamesTheSetting) {
  start(1);
  SliceChange slice = change(kSlice, 0, ChangeMode::kReplace, {});
  slice.rejects = {reject(1, "ts_missing"), reject(2, "ts_missing")};
  slice.rejects[1].row = std::string(other_->max_allowed_packet() / 2, 'x');
  const auto outcome = warehouse_->commit(commit_of({slice}));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(outcome.error().hint, HasSubstr("max_allowed_packet"));
  EXPECT_THAT(take(warehouse_->load_rejects(source_, 9)), IsEmpty());
}

// --- errors of the server, by number

// A trigger answers every row that a commit adds to `events` with that error.
class RefusingEvents {
 public:
  RefusingEvents(WarehouseDatabase& database, unsigned code) : database_(database) {
    database_.run(
        fmt::format("CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW SIGNAL "
                    "SQLSTATE 'HY000' SET MESSAGE_TEXT = 'told to', MYSQL_ERRNO = {}",
                    code));
  }
  ~RefusingEvents() { database_.run("DROP TRIGGER refuse"); }

 private:
  WarehouseDatabase& database_;
};

TEST_P(MysqlWarehouseFaults, ErrorsThatPassOrMayPassAreToldFromThoseThatAreFinal) {
  struct Case {
    unsigned code;
    ErrorKind kind;
    bool may_pass;
  };
  constexpr auto kPasses = ErrorKind::kTransient;
  const std::vector<Case> cases = {
      // Read-only, after a failover.
      {1290, kPasses, false},
      {1792, kPasses, false},
      {1836, kPasses, false},
      // Group replication, before and in COMMIT; a server that is not there yet.
      {3100, kPasses, false},
      {3101, kPasses, false},
      {3168, kPasses, false},
      // What somebody else does to row or table.
      {1020, kPasses, false},
      {1412, kPasses, false},
      {1205, kPasses, false},
      {1213, kPasses, false},
      // Disk and limits.
      {1026, kPasses, false},
      {1021, kPasses, false},
      {1637, kPasses, false},
      // A table in a gap between two names, a host that is blocked, a database that is restored;
      // and one that nobody has foreseen.
      {1146, ErrorKind::kConfig, true},
      {1129, ErrorKind::kConfig, true},
      {1049, ErrorKind::kConfig, true},
      {1054, ErrorKind::kConfig, true},
      {59999, ErrorKind::kConfig, true},
      // Somebody must change something.
      {1044, ErrorKind::kConfig, false},
      {1045, ErrorKind::kConfig, false},
      {1142, ErrorKind::kConfig, false},
      {1143, ErrorKind::kConfig, false},
      {1227, ErrorKind::kConfig, false},
      {1130, ErrorKind::kConfig, false},
      // A value has no room.
      {1264, ErrorKind::kRejected, false},
      {1366, ErrorKind::kRejected, false},
      {1406, ErrorKind::kRejected, false},
      {1690, ErrorKind::kRejected, false},
      {1048, ErrorKind::kRejected, false},
      {1364, ErrorKind::kRejected, false},
      {3819, ErrorKind::kRejected, false},
      {4025, ErrorKind::kRejected, false},
      // The statement is ours.
      {1064, ErrorKind::kBug, false},
      {1136, ErrorKind::kBug, false},
  };
  start(1);
  const Commit commit = rich_commit();
  const std::string before = everything();
  for (const Case& wanted : cases) {
    SCOPED_TRACE(wanted.code);
    {
      const RefusingEvents refusing(*database_, wanted.code);
      const auto outcome = warehouse_->commit(commit);
      ASSERT_FALSE(outcome.has_value());
      const Error& error = outcome.error();
      EXPECT_EQ(error.kind, wanted.kind);
      EXPECT_EQ(error.may_pass, wanted.may_pass);
      // Operation, host and code.
      EXPECT_THAT(error.text(), HasSubstr("INSERT INTO events"));
      EXPECT_THAT(error.text(), HasSubstr(fmt::format("{}:{}", config_.host, config_.port)));
      EXPECT_THAT(error.text(), HasSubstr(fmt::format("({})", wanted.code)));
    }
    EXPECT_EQ(everything(), before);
  }
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

TEST_P(MysqlWarehouseFaults, AServerThatHasBecomeReadOnlyIsLookedUpAgain) {
  start(1);
  const Commit commit = rich_commit();
  std::vector<uint64_t> sessions;
  backend().session().set_hook([&](std::string_view, uint64_t id) {
    sessions.push_back(id);
    return StatementFault::kNone;
  });
  for (const unsigned code : {1290U, 1792U, 1836U}) {
    SCOPED_TRACE(code);
    {
      const RefusingEvents refusing(*database_, code);
      EXPECT_FALSE(warehouse_->commit(commit).has_value());
    }
    const uint64_t refused = sessions.back();
    expect_ok(warehouse_->expire_rejects(0, 1'000'000));
    EXPECT_NE(sessions.back(), refused) << "the session leads to the former primary";
  }
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

// Statements go to a session that has nothing of the transaction, and would be committed at once.
TEST_P(MysqlWarehouseFaults, ATransactionWhosePreparedStatementIsUnknownIsGivenUp) {
  start(1);
  const Contribution cells = many_cells(1100);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  std::vector<uint64_t> sessions;
  std::vector<std::string> statements;
  backend().session().set_hook([&](std::string_view sql, uint64_t id) {
    sessions.push_back(id);
    statements.emplace_back(sql.substr(0, 18));
    return StatementFault::kNone;
  });
  {
    const RefusingEvents refusing(*database_, 1243);
    const auto outcome = warehouse_->commit(commit);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient);
  }
  // Prepared and executed; as text from the start where a server takes small packets alone.
  const bool prepares =
      std::stoll(database_->value("SELECT @@GLOBAL.max_allowed_packet")) > 1'000'000;
  EXPECT_EQ(std::ranges::count(statements, "INSERT INTO events"), prepares ? 2 : 1);
  const uint64_t refused = sessions.back();
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_NE(sessions.back(), refused);
  EXPECT_EQ(events(), cells);
}

// As many rows as before, and yet others.
TEST_P(MysqlWarehouseFaults, ARowThatChangesWhileATableIsMigratedIsNoticed) {
  database_->run(
      "CREATE TABLE events (job_id INT, dates DATE, hours INT, disqualified_application INT, "
      "qualified_application INT, conversion INT, group_id INT, campaign_id INT, publisher_id INT, "
      "clicks INT, spend_hour DOUBLE)");
  database_->run(
      "INSERT INTO events (job_id, dates, hours, clicks) VALUES (1, '2024-01-01', 0, 1)");
  const std::string left =
      "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND "
      "(table_name LIKE 'hirestream_events%' OR table_name LIKE 'events_before%')";
  expect_ok(other_->execute("START TRANSACTION"));
  expect_ok(other_->execute("UPDATE events SET clicks = 5"));
  auto migrated =
      std::async(std::launch::async, [&] { return warehouse_->migrate(now_us_, std::nullopt); });
  EXPECT_EQ(migrated.wait_for(std::chrono::seconds(2)), std::future_status::timeout);
  expect_ok(other_->execute("COMMIT"));
  const auto refused = migrated.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(refused.error().message, HasSubstr("written meanwhile"));
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kAppendOnly);
  EXPECT_EQ(take(warehouse_->migrated_hours()), std::nullopt);
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM hirestream_days"), 0);
  EXPECT_EQ(database_->number(left), 0);
  EXPECT_EQ(take(warehouse_->migrate(now_us_, std::nullopt)).rows_before, 1);
  EXPECT_EQ(events().front().measures.clicks, 5);
  EXPECT_EQ(database_->number(left), 1);
}

// Two renames after each other, as tools that rebuild a table do.
TEST_P(MysqlWarehouseFaults, EventsThatIsReplacedIsWaitedForAndNeverMadeAnew) {
  start(1);
  const Commit commit = rich_commit();
  database_->run("UPDATE hirestream_slices SET counted = 1");
  database_->run("RENAME TABLE events TO events_gap");
  const auto outcome = warehouse_->commit(commit);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_TRUE(outcome.error().may_pass) << outcome.error().text();
  const auto other = database_->open();
  const auto done = other->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_TRUE(done.error().may_pass);
  EXPECT_THAT(done.error().text(), HasSubstr("no `events`"));
  EXPECT_EQ(take(other->events_table()), EventsTableState::kMissing);
  database_->run("RENAME TABLE events_gap TO events");
  expect_ok(other->init());
  EXPECT_EQ(verdict(commit), CommitVerdict::kCommitted);
}

// As a backup that is restored does.
TEST_P(MysqlWarehouseFaults, ADatabaseThatIsGoneIsWaitedForAndNeverMadeAnew) {
  MysqlConfig config = config_;
  config.create_database = true;
  warehouse_ = take(open_mysql_warehouse(config));
  start(1);
  expect_ok(other_->execute("DROP DATABASE " + config_.database));
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto jobs = warehouse_->load_jobs();
    ASSERT_FALSE(jobs.has_value());
    EXPECT_TRUE(jobs.error().may_pass) << jobs.error().text();
  }
  expect_ok(other_->execute("CREATE DATABASE " + config_.database));
  expect_ok(other_->execute("USE " + config_.database));
  database_->run("USE " + config_.database);
  for (const std::string& statement : warehouse_->schema_statements()) {
    database_->run(statement);
  }
  EXPECT_THAT(take(warehouse_->load_jobs()), IsEmpty());
}

TEST_P(MysqlWarehouseFaults, ColumnsWithoutRoomAreRefusedWithTheStatementThatMendsThem) {
  std::string narrow = std::regex_replace(mysql_events_table("events"), std::regex("job_id BIGINT"),
                                          "job_id INT UNSIGNED");
  narrow = std::regex_replace(narrow, std::regex("clicks BIGINT"), "clicks BIGINT UNSIGNED");
  database_->run(narrow);
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kForeign);
  const auto done = warehouse_->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_FALSE(done.error().may_pass);
  EXPECT_THAT(done.error().message, HasSubstr("job_id is int"));
  EXPECT_THAT(done.error().message, HasSubstr("clicks is bigint"));
  const size_t alter = done.error().hint.find("ALTER TABLE events");
  ASSERT_NE(alter, std::string::npos) << done.error().hint;
  database_->run(done.error().hint.substr(alter));
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kReady);
  start(1);
}

TEST_P(MysqlWarehouseFaults, ARefusedCellIsNamed) {
  start(1);
  database_->run("ALTER TABLE events MODIFY clicks TINYINT NOT NULL");
  const Contribution cells{cell(kHour, 1, {.clicks = 1, .bid_micros = 5}),
                           cell(kHour, 4711, {.clicks = 1000, .bid_micros = 5})};
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  const auto outcome = warehouse_->commit(commit);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(outcome.error().message, HasSubstr("'clicks' at row 2"));
  EXPECT_THAT(outcome.error().message, HasSubstr("('2024-01-01',0,4711,"));
}

TEST_P(MysqlWarehouseFaults, ARefusedCellAmongManyIsNamed) {
  start(1);
  database_->run("ALTER TABLE events MODIFY clicks TINYINT NOT NULL");
  Contribution cells = many_cells(1100);
  cells[777].key.job_id = 4711;
  cells[777].measures.clicks = 1000;
  canonicalize(cells);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  const auto outcome = warehouse_->commit(commit);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(outcome.error().message, HasSubstr("'clicks' at row "));
  EXPECT_THAT(outcome.error().message, HasSubstr(",4711,"));
  EXPECT_THAT(outcome.error().message, HasSubstr(",1000,"));
}

TEST_P(MysqlWarehouseFaults, AServerThatPreparesNoStatementsTakesManyCells) {
  start(1);
  const std::string before = database_->value("SELECT @@GLOBAL.max_prepared_stmt_count");
  if (!other_->execute("SET GLOBAL max_prepared_stmt_count = 0")) {
    GTEST_SKIP() << "this account may not forbid prepared statements";
  }
  const Contribution cells = many_cells(1100);
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, cells)});
  add_cells(commit, {}, cells);
  const auto outcome = warehouse_->commit(commit);
  database_->run("SET GLOBAL max_prepared_stmt_count = " + before);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().text();
  EXPECT_EQ(events(), cells);
}

// --- settings that are wrong

TEST_P(MysqlWarehouseFaults, WrongSettingsSayWhatToChangeAndNoPassword) {
  const auto expect_failure = [](const MysqlConfig& config, ErrorKind kind,
                                 const std::string& text) {
    const auto opened = open_mysql_warehouse(config);
    ASSERT_FALSE(opened.has_value()) << text;
    EXPECT_EQ(opened.error().kind, kind) << opened.error().text();
    EXPECT_THAT(opened.error().text(), HasSubstr(text));
    EXPECT_THAT(opened.error().text(), Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(opened.error().subject, HasSubstr(config.host));
    EXPECT_THAT(opened.error().subject, HasSubstr(config.user));
    EXPECT_FALSE(opened.error().hint.empty());
  };
  MysqlConfig wrong = config_;
  wrong.password = "wrong-s3cr3t";
  expect_failure(wrong, ErrorKind::kConfig, "Access denied");
  wrong = config_;
  wrong.database = "no_such_database";
  expect_failure(wrong, ErrorKind::kConfig, "CREATE DATABASE no_such_database");
  wrong = config_;
  wrong.host = "no-such-host.invalid";
  expect_failure(wrong, ErrorKind::kTransient, "no-such-host.invalid");
  wrong = config_;
  wrong.port = 1;
  expect_failure(wrong, ErrorKind::kTransient, "is the server running");
}

class Account {
 public:
  Account(mysql::Connection& root, const std::string& name, const std::string& grants)
      : root_(root), name_(name) {
    run("DROP USER IF EXISTS '" + name + "'@'%'");
    run("CREATE USER '" + name + "'@'%' IDENTIFIED BY 'pw-1'");
    if (!grants.empty()) {
      run("GRANT " + grants + " TO '" + name + "'@'%'");
    }
  }
  ~Account() { run("DROP USER IF EXISTS '" + name_ + "'@'%'"); }
  MysqlConfig config(MysqlConfig config) const {
    config.user = name_;
    config.password = "pw-1";
    return config;
  }

 private:
  void run(const std::string& sql) {
    const auto done = root_.execute(sql);
    EXPECT_TRUE(done.has_value()) << done.error().text();
  }
  mysql::Connection& root_;
  std::string name_;
};

// The accounts that init makes have one name on a server: one test at a time has them.
class InitAccounts {
 public:
  explicit InitAccounts(mysql::Connection& root) : root_(root) {
    run("DO GET_LOCK('hirestream accounts', 120)");
    drop();
  }
  ~InitAccounts() {
    drop();
    run("DO RELEASE_LOCK('hirestream accounts')");
  }

 private:
  void drop() {
    for (const char* user : {"hirestream", "hirestream_reader"}) {
      run(fmt::format("DROP USER IF EXISTS '{}'@'%'", user));
    }
  }
  void run(const std::string& sql) {
    const auto done = root_.execute(sql);
    EXPECT_TRUE(done.has_value()) << done.error().text();
  }
  mysql::Connection& root_;
};

TEST_P(MysqlWarehouseFaults, InitWithoutPrivilegeNamesThePrintedDdl) {
  const Account account(*other_, "hs_test_no_ddl",
                        "SELECT, INSERT, UPDATE, DELETE ON `" + config_.database + "`.*");
  auto warehouse = take(open_mysql_warehouse(account.config(config_)));
  const auto done = warehouse->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(done.error().hint, HasSubstr("--print"));
  // The tables made by somebody else are enough.
  expect_ok(warehouse_->init());
  expect_ok(warehouse->init());
  EXPECT_EQ(take(warehouse->events_table()), EventsTableState::kReady);
}

TEST_P(MysqlWarehouseFaults, AccountsOfInitDoTheirWorkAndNoMore) {
  const InitAccounts accounts(*other_);
  start(1);
  const std::string password = "it's \\ \"quoted\" -- 1";
  for (const char* table : {"jobs", "publishers", "payroll"}) {
    database_->run(fmt::format("CREATE TABLE {} (id BIGINT, company_id BIGINT)", table));
  }
  expect_ok(backend().create_account(MysqlAccount::kEngine, "an older one"));
  expect_ok(backend().create_account(MysqlAccount::kEngine, password));
  expect_ok(backend().create_account(MysqlAccount::kReader, password));
  MysqlConfig engine = config_;
  engine.user = "hirestream";
  engine.password = password;
  MysqlConfig reader = engine;
  reader.user = "hirestream_reader";

  warehouse_ = take(open_mysql_warehouse(engine));
  expect_ok(warehouse_->init());
  EXPECT_THAT(take(backend().missing_privileges()), IsEmpty());
  writers_ = take(warehouse_->take_epochs(source_, std::vector<int32_t>{0}, "x"));
  EXPECT_EQ(verdict(rich_commit()), CommitVerdict::kCommitted);
  EXPECT_TRUE(
      warehouse_->store_jobs(std::vector<Job>{{1, 2, 3, 4, "", "", "", ""}}, 1).has_value());
  expect_ok(warehouse_->expire_rejects(0, 0));
  for (const char* allowed :
       {"SELECT * FROM jobs", "SELECT * FROM publishers", "SELECT * FROM hirestream_accounting"}) {
    EXPECT_TRUE(backend().session().execute(fmt::format("DO EXISTS ({})", allowed)).has_value())
        << allowed;
  }
  for (const char* denied :
       {"DROP TABLE events", "ALTER TABLE events ADD COLUMN x INT", "CREATE TABLE x (id INT)",
        "DO EXISTS (SELECT * FROM payroll)", "DELETE FROM jobs",
        "INSERT INTO payroll VALUES (1, 2)", "GRANT SELECT ON events TO hirestream_reader",
        "TRUNCATE TABLE events"}) {
    EXPECT_FALSE(backend().session().execute(denied).has_value()) << denied;
  }
  const auto refused = backend().create_account(MysqlAccount::kReader, password);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().hint, HasSubstr("CREATE USER"));
  EXPECT_THAT(refused.error().text(), Not(HasSubstr("quoted")));

  const auto reading = take(mysql::Session::open(reader));
  EXPECT_TRUE(reading->number("SELECT COUNT(*) FROM events").has_value());
  EXPECT_FALSE(reading->execute("DELETE FROM events").has_value());
}

TEST_P(MysqlWarehouseFaults, AccountsThatRequireTlsDoNotLogInWithoutIt) {
  const InitAccounts accounts(*other_);
  start(1);
  const std::string password = "pw-1";
  expect_ok(backend().create_account(MysqlAccount::kEngine, password, {.engine_tls = true}));
  expect_ok(backend().create_account(MysqlAccount::kReader, password, {.engine_tls = true}));
  MysqlConfig config = config_;
  config.password = password;
  config.user = "hirestream_reader";
  config.tls = MysqlTls::kOff;
  EXPECT_TRUE(mysql::Session::open(config).has_value());
  config.user = "hirestream";
  const auto refused = mysql::Session::open(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().hint, HasSubstr("REQUIRE SSL"));
  if (std::string(GetParam()) == "mysql") {  // the other one has no certificate
    config.tls = MysqlTls::kRequired;
    EXPECT_TRUE(mysql::Session::open(config).has_value());
  }
  // Another password changes nothing of that.
  expect_ok(backend().create_account(MysqlAccount::kEngine, password));
  config.tls = MysqlTls::kOff;
  EXPECT_FALSE(mysql::Session::open(config).has_value());
}

TEST_P(MysqlWarehouseFaults, LeastPrivilegeGrantsAreEnough) {
  start(1);
  database_->run("CREATE TABLE jobs (id BIGINT, company_id BIGINT)");
  const std::string host =
      "hs-test.invalid";  // nobody comes from there: only the statements are tried
  std::string script =
      least_privilege_grants({.database = config_.database, .jobs_table = "jobs", .host = host});
  script = std::regex_replace(script, std::regex("<password>"), "Pw-1-placeholder");
  script = std::regex_replace(script, std::regex("--[^\n]*\n"), "");
  for (size_t begin = 0, end = script.find(';'); end != std::string::npos;
       begin = end + 1, end = script.find(';', begin)) {
    database_->run(script.substr(begin, end - begin));
  }
  for (const char* user : {"hirestream", "hirestream_reader", "hirestream_jobs"}) {
    database_->run(fmt::format("DROP USER '{}'@'{}'", user, host));
  }
}

// Of a version that did not know a table.
TEST_P(MysqlWarehouseFaults, MissingGrantsAreNamedByTable) {
  const InitAccounts accounts(*other_);
  start(1);
  expect_ok(backend().create_account(MysqlAccount::kEngine, "pw-1"));
  database_->run(
      fmt::format("REVOKE DELETE ON `{}`.hirestream_days FROM 'hirestream'@'%'", config_.database));
  MysqlConfig engine = config_;
  engine.user = "hirestream";
  engine.password = "pw-1";
  warehouse_ = take(open_mysql_warehouse(engine));
  EXPECT_THAT(take(backend().missing_privileges()), ElementsAre("DELETE on hirestream_days"));
}

TEST_P(MysqlWarehouseFaults, ExistingEventsWithPlainBidSetIsRefused) {
  std::string ddl = mysql_events_table("events");
  ddl = std::regex_replace(ddl, std::regex("GENERATED ALWAYS AS[^;]*VIRTUAL"), "NULL");
  database_->run(ddl);
  EXPECT_EQ(take(warehouse_->events_table()), EventsTableState::kForeign);
  const auto done = warehouse_->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("bid_set is not generated"));
}

TEST_P(MysqlWarehouseFaults, ProbeTellsWhatDoctorShows) {
  std::map<std::string, std::string> found;
  for (const auto& [name, finding] : take(backend().probe())) {
    found[name] += finding;
  }
  EXPECT_THAT(found["server"], HasSubstr(GetParam()));
  EXPECT_THAT(found["isolation"], HasSubstr("READ-COMMITTED"));
  EXPECT_THAT(found["user"], HasSubstr(config_.user));
  EXPECT_LT(std::abs(std::stod(found["clock difference"])), 5.0);
  EXPECT_EQ(found["max_allowed_packet"], std::to_string(other_->max_allowed_packet()));
  start(1);
  EXPECT_THAT(take(backend().missing_privileges()), IsEmpty());
}

// A start stores all jobs: it must not read the rows that have their company.
TEST_P(MysqlWarehouseFaults, RowsOfOtherCompaniesAreFoundByAnIndex) {
  start(1);
  constexpr int64_t kJobs = 40;
  constexpr int64_t kRows = kJobs * 500;
  Contribution all;
  for (int32_t hour = 0; hour < kRows / kJobs; ++hour) {
    for (int64_t job = 1; job <= kJobs; ++job) {
      all.push_back(cell(kHour + hour, job, {.clicks = 1}));
    }
  }
  Commit commit = commit_of({change(kSlice, 0, ChangeMode::kReplace, all)});
  add_cells(commit, {}, all);
  std::vector<Job> jobs;
  for (int64_t job = 1; job <= kJobs; ++job) {
    jobs.push_back({job, 7, 0, 0, "", "", "", ""});
  }
  for (CellChange& cell : commit.cells) {
    // One row of another company, below or above the right one.
    const bool stale = cell.key.local_hour == kHour + 99 && cell.key.job_id <= 2;
    cell.company_id = stale ? cell.key.job_id * 5 : 7;
  }
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const auto rows_read = [&] {
    int64_t sum = 0;
    expect_ok(backend().session().each("SHOW SESSION STATUS LIKE 'Handler_read%'",
                                       [&](const sql::Row& row) { sum += row.integer(1); }));
    return sum;
  };
  const int64_t before = rows_read();
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_)).rewritten, 2);
  EXPECT_LT(rows_read() - before, kRows / 20);
  EXPECT_EQ(company_in_events(1), 7);
  EXPECT_EQ(company_in_events(2), 7);
  EXPECT_EQ(company_in_days(1), 7);
}

TEST_P(MysqlWarehouseFaults, IndexesOfJobAndCompanyAreAddedToAnOlderWarehouseByWhoMay) {
  start(1);
  for (const auto& [table, index] : {std::pair{"events", "events_job_company"},
                                     std::pair{"hirestream_days", "hirestream_days_job_company"}}) {
    database_->run(fmt::format("ALTER TABLE {} DROP KEY {}", table, index));
  }
  const std::string count =
      "SELECT COUNT(DISTINCT index_name) FROM information_schema.statistics WHERE table_schema = "
      "DATABASE() AND index_name LIKE '%job\\_company'";
  const Account account(*other_, "hs_test_no_index",
                        "SELECT, INSERT, UPDATE, DELETE ON `" + config_.database + "`.*");
  expect_ok(take(open_mysql_warehouse(account.config(config_)))->init());
  EXPECT_EQ(database_->number(count), 0);
  const std::vector<Job> jobs = {{1, 8, 0, 0, "", "", "", ""}};
  EXPECT_EQ(take(warehouse_->store_jobs(jobs, now_us_)).rewritten, 0) << "works without them";
  expect_ok(warehouse_->init());
  EXPECT_EQ(database_->number(count), 2);
}

TEST_P(MysqlWarehouseFaults, NamesOfJobsThatAreNoUtf8AreStoredReadably) {
  start(1);
  const std::vector<Job> jobs = {
      {1, 2, 0, 0, "caf\xe9 \xed\xa0\x80 ok", std::string(2000, 'x'), "", ""}};
  EXPECT_TRUE(warehouse_->store_jobs(jobs, now_us_).has_value());
  const auto stored = take(warehouse_->load_jobs());
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_THAT(stored[0].title, HasSubstr("caf\xef\xbf\xbd "));
  EXPECT_THAT(stored[0].title, HasSubstr(" ok"));
  EXPECT_EQ(stored[0].company_name.size(), 1000u);
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlWarehouseFaults, testing::Values("mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
