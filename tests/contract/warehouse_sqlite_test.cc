// What is special about a warehouse that is a file: foreign locks, readers, permissions, kill -9.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "adapters/sqlite/backend.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using testing::HasSubstr;

class SqliteWarehouseFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("hirestream_file_{}", getpid());
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "warehouse.db").string();
    warehouse_ = open();
    ASSERT_TRUE(warehouse_->init().has_value());
    source_ = *warehouse_->register_source({"raw log", "sqlite", {}});
    writers_ = *warehouse_->take_epochs(source_, std::vector<int32_t>{0}, "test");
  }
  void TearDown() override {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Warehouse> open() {
    auto opened =
        open_sqlite_warehouse({.path = path_, .busy_timeout = std::chrono::milliseconds(50)});
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return std::move(*opened);
  }
  // One click more in one slice, by append.
  Commit click(int64_t revision) {
    const Contribution one{cell(473'352, 1, {.clicks = 1, .bid_micros = 7})};
    Commit commit;
    commit.source = source_;
    commit.writers = writers_;
    commit.token = static_cast<uint64_t>(revision) + 1;
    commit.slices = {change({0, 1}, revision, ChangeMode::kAppend, one)};
    commit.cells = {{one[0].key, one[0].measures, 0}};
    return commit;
  }
  static int64_t clicks_in(Warehouse& warehouse) {
    int64_t clicks = 0;
    EXPECT_TRUE(warehouse
                    .read_events([&](const EventsRow& row) -> Result<void> {
                      clicks += row.measures.clicks;
                      return {};
                    })
                    .has_value());
    return clicks;
  }

  std::filesystem::path folder_;
  std::string path_;
  std::unique_ptr<Warehouse> warehouse_;
  SourceId source_ = 0;
  std::vector<WriterEpoch> writers_;
};

TEST_F(SqliteWarehouseFile, LockHeldBySomebodyElseIsTransient) {
  auto other = *sqlite::Database::open({.path = path_});
  {
    auto lock = sqlite::Transaction::begin(other, sqlite::TransactionMode::kWrite);
    ASSERT_TRUE(lock.has_value());
    const auto outcome = warehouse_->commit(click(0));
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient);
    EXPECT_EQ(outcome.error().subject, path_);
  }
  EXPECT_EQ(warehouse_->commit(click(0))->verdict, CommitVerdict::kCommitted);
}

TEST_F(SqliteWarehouseFile, ReaderSeesOneStateWhileCommitsGoOn) {
  ASSERT_EQ(warehouse_->commit(click(0))->verdict, CommitVerdict::kCommitted);
  auto reader = *sqlite::Database::open({.path = path_, .mode = sqlite::OpenMode::kReadOnly});
  auto snapshot = sqlite::Transaction::begin(reader, sqlite::TransactionMode::kRead);
  auto clicks = *reader.prepare("SELECT clicks FROM events");
  ASSERT_TRUE(*clicks.step());
  EXPECT_EQ(clicks.integer(0), 1);
  clicks.reset();
  EXPECT_EQ(warehouse_->commit(click(1))->verdict, CommitVerdict::kCommitted);
  ASSERT_TRUE(*clicks.step());
  EXPECT_EQ(clicks.integer(0), 1);
  clicks.reset();
  snapshot->rollback();
  ASSERT_TRUE(*clicks.step());
  EXPECT_EQ(clicks.integer(0), 2);
}

TEST_F(SqliteWarehouseFile, FileOfSomebodyElseIsAConfigError) {
  if (geteuid() == 0) {
    // Permissions do not bind root: an immutable place does the same.
    const auto opened = open_sqlite_warehouse({.path = "/proc/warehouse.db"});
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().kind, ErrorKind::kConfig) << opened.error().text();
    return;
  }
  warehouse_.reset();
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read);
  auto opened = open_sqlite_warehouse({.path = path_});
  const auto done = opened ? (*opened)->commit(click(0)).map([](const CommitOutcome&) {})
                           : tl::expected<void, Error>(tl::unexpect, opened.error());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig) << done.error().text();
}

TEST_F(SqliteWarehouseFile, ColumnsOfOtherTypesAreRefused) {
  const std::string path = (folder_ / "by hand.db").string();
  auto warehouse = *open_sqlite_warehouse({.path = path});
  ASSERT_TRUE(warehouse->init());
  warehouse.reset();
  auto other = *sqlite::Database::open({.path = path});
  ASSERT_TRUE(other.execute("DROP TABLE events_micros"));
  ASSERT_TRUE(
      other.execute("CREATE TABLE events_micros (days INTEGER, hours INTEGER, job_id TEXT, "
                    "publisher_id INTEGER, campaign_id INTEGER, group_id INTEGER, company_id "
                    "INTEGER, impressions INTEGER, clicks INTEGER, conversions INTEGER, qualified "
                    "INTEGER, unqualified INTEGER, bid_micros INTEGER, sources TEXT, updated_at_us "
                    "INTEGER, PRIMARY KEY (days, hours, job_id, publisher_id, campaign_id, "
                    "group_id))"));
  warehouse = *open_sqlite_warehouse({.path = path});
  const auto done = warehouse->init();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(done.error().message, HasSubstr("column job_id of events_micros is TEXT"));
}

TEST_F(SqliteWarehouseFile, MissingFileIsNotCreatedUnlessWanted) {
  const std::string path = (folder_ / "typo.db").string();
  const auto opened = open_sqlite_warehouse({.path = path, .create = false});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().kind, ErrorKind::kConfig);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SqliteWarehouseFile, WorkBeforeInitSaysToRunInit) {
  auto opened = open_sqlite_warehouse({.path = (folder_ / "empty.db").string()});
  const auto all = (*opened)->sources();
  ASSERT_FALSE(all.has_value());
  EXPECT_EQ(all.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(all.error().hint, HasSubstr("hirestream init"));
}

TEST_F(SqliteWarehouseFile, ProbeTellsWhatDoctorShows) {
  const auto backend = SqliteBackend::open({.path = path_});
  ASSERT_TRUE(backend.has_value());
  const auto findings = (*backend)->probe();
  ASSERT_TRUE(findings.has_value()) << findings.error().text();
  EXPECT_THAT(*findings, testing::Contains(testing::Pair("journal_mode", "wal")));
  EXPECT_THAT(*findings, testing::Contains(testing::Pair("write lock", "ok")));
}

// A start stores all jobs: it must not read the rows that have their company.
TEST_F(SqliteWarehouseFile, RowsOfOtherCompaniesAreFoundByAnIndex) {
  auto database = *sqlite::Database::open({.path = path_});
  for (const auto& [table, index] : {std::pair{"events_micros", "events_micros_job_company"},
                                     std::pair{"hirestream_days", "hirestream_days_job_company"}}) {
    for (const char* comparison : {"<", ">"}) {
      auto plan = *database.prepare(
          fmt::format("EXPLAIN QUERY PLAN {}", sqlite_rewrite_companies(table, "", comparison)));
      ASSERT_TRUE(*plan.step());
      EXPECT_THAT(std::string(plan.text(3)),
                  HasSubstr(fmt::format("{} (job_id=? AND company_id{}?)", index, comparison)));
      EXPECT_FALSE(*plan.step());
    }
  }
}

// Killed at any instant, a process leaves whole commits behind and nothing else.
TEST_F(SqliteWarehouseFile, KilledProcessLeavesWholeCommits) {
  warehouse_.reset();
  int64_t revision = 0;
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto warehouse = open();
      for (int64_t next = revision;; ++next) {
        if (!warehouse->commit(click(next))) {
          _exit(1);
        }
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 37 * round));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child's commits failed";
    auto warehouse = open();
    const auto stored = *warehouse->load_contributions(source_, std::vector<SliceKey>{{0, 1}});
    EXPECT_GE(stored[0].entry.revision, revision);
    revision = stored[0].entry.revision;
    const int64_t in_ledger =
        stored[0].contribution.empty() ? 0 : stored[0].contribution[0].measures.clicks;
    EXPECT_EQ(in_ledger, revision);
    EXPECT_EQ(clicks_in(*warehouse), revision);
  }
  EXPECT_GT(revision, 0);
}

}  // namespace
}  // namespace hirestream
