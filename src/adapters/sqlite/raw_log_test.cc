#include "adapters/sqlite/raw_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "adapters/sqlite/raw_log_writer.h"
#include "ports/drain_sweep_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string uuid(int64_t number) {
  return format_uuid(make_version_1(16'566'768'000'000'000 + number, 1, 1));
}

RawEvent event(int64_t number) {
  RawEvent event;
  event[RawColumn::kCreateTime] = uuid(number);
  event[RawColumn::kTs] = "2022-07-01 12:00:00";
  event[RawColumn::kJobId] = std::to_string(number);
  return event;
}

struct FoundRows {
  std::vector<int64_t> buckets;
  std::vector<int64_t> positions;
  std::vector<int64_t> jobs;
  std::vector<std::string> bad_texts;

  void add(const SweepPage& page) {
    for (size_t row = 0; row < page.rows.rows(); ++row) {
      buckets.push_back(page.slice->bucket);
      positions.push_back(page.rows.position(row).value);
      jobs.push_back(page.rows.integer(Column::kJobId, row));
    }
    for (const auto& bad : page.rows.bad_cells()) bad_texts.push_back(bad.reason + " " + bad.text);
  }
};

class SqliteRawLogTest : public ::testing::Test {
 protected:
  SqliteRawLogTest() {
    std::string name = (std::filesystem::temp_directory_path() / "hirestream_test_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~SqliteRawLogTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name = "raw.db") const { return (folder_ / name).string(); }

  std::unique_ptr<SqliteRawLogWriter> writer() {
    auto writer = SqliteRawLogWriter::open(path());
    EXPECT_TRUE(writer) << writer.error().text();
    return std::move(*writer);
  }
  std::unique_ptr<SqliteRawLog> open(int64_t block_rows = 10) {
    auto log = SqliteRawLog::open({.path = path(), .block_rows = block_rows, .rules = {}});
    EXPECT_TRUE(log) << log.error().text();
    return std::move(*log);
  }
  void write(int64_t from, int64_t to) {
    std::vector<RawEvent> events;
    for (int64_t number = from; number < to; ++number) events.push_back(event(number));
    const auto outcome = writer()->write(events);
    ASSERT_TRUE(outcome) << outcome.error().text();
  }
  void execute(const std::string& sql) {
    auto database = sqlite::Database::open({.path = path()});
    ASSERT_TRUE(database);
    const auto outcome = database->execute(sql);
    ASSERT_TRUE(outcome) << outcome.error().text();
  }
  FoundRows read(SqliteRawLog& log, std::vector<SliceRead> reads) {
    FoundRows found;
    const auto outcome = drain_sweep(log, {.what = std::move(reads)},
                                     [&](const SweepPage& page) { found.add(page); });
    EXPECT_TRUE(outcome) << outcome.error().text();
    return found;
  }
  std::vector<int64_t> buckets(SqliteRawLog& log) {
    const auto slices = log.discover({});
    EXPECT_TRUE(slices) << slices.error().text();
    std::vector<int64_t> buckets;
    for (const SliceListing& slice : *slices) buckets.push_back(slice.key.bucket);
    return buckets;
  }

  std::filesystem::path folder_;
};

TEST_F(SqliteRawLogTest, ListsBlocksOfSequenceNumbersThatHaveRows) {
  write(1, 36);  // seq 1 … 35
  auto log = open();
  EXPECT_THAT(buckets(*log), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(log->newest_bucket(0).value(), 3);
  execute("DELETE FROM tracking WHERE seq BETWEEN 10 AND 29");
  EXPECT_THAT(buckets(*log), ElementsAre(0, 3));
  EXPECT_EQ(log->description().strategy, Strategy::kFollow);
  EXPECT_EQ(log->description().kind, "sqlite");
  EXPECT_FALSE(log->description().bucket_width.is_time());
  EXPECT_EQ(log->description().bucket_width.number(), 10);
}

TEST_F(SqliteRawLogTest, ReadsABlockFromAPositionOn) {
  write(1, 36);
  auto log = open();
  const FoundRows found = read(*log, {{{0, 1}, Position{17}}, {{0, 3}, {}}, {{0, 9}, {}}});
  EXPECT_THAT(found.positions, ElementsAre(17, 18, 19, 30, 31, 32, 33, 34, 35));
  EXPECT_THAT(found.jobs, ElementsAre(17, 18, 19, 30, 31, 32, 33, 34, 35));
  EXPECT_THAT(found.buckets, ElementsAre(1, 1, 1, 3, 3, 3, 3, 3, 3));
}

TEST_F(SqliteRawLogTest, SeesRowsThatAreWrittenWhileItIsOpen) {
  write(1, 3);
  auto log = open();
  EXPECT_EQ(read(*log, {{{0, 0}, {}}}).positions.size(), 2U);
  write(3, 15);
  EXPECT_EQ(log->newest_bucket(0).value(), 1);
  EXPECT_THAT(read(*log, {{{0, 0}, Position{3}}}).positions, ElementsAre(3, 4, 5, 6, 7, 8, 9));
}

TEST_F(SqliteRawLogTest, SeesOneStateOfTheDatabaseDuringASweep) {
  write(1, 16);
  auto log = open();
  FoundRows found;
  const std::vector<SliceRead> both = {{{0, 0}, {}}, {{0, 1}, {}}};
  const auto outcome = drain_sweep(*log, {.what = both}, [&](const SweepPage& page) {
    found.add(page);
    if (page.slice->bucket == 0) {
      execute("DELETE FROM tracking WHERE seq > 12");
      write(101, 103);
    }
  });
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(found.positions.size(), 15U);
  EXPECT_THAT(read(*log, {{{0, 1}, {}}}).positions, ElementsAre(10, 11, 12, 16, 17));
}

TEST_F(SqliteRawLogTest, LeavesNothingBehindWhenASweepIsEndedEarly) {
  write(1, 10'000);
  auto log = open(50'000);
  {
    const auto sweep = log->sweep({.what = std::vector<SliceRead>{{{0, 0}, {}}}});
    ASSERT_TRUE(sweep) << sweep.error().text();
    const auto page = (*sweep)->next();
    ASSERT_TRUE(page) << page.error().text();
    EXPECT_LT((*page)->rows.rows(), 9'999U) << "there is more to come";
    write(10'000, 10'001);
  }
  // The write-ahead log can be emptied only if nobody reads an old state any more.
  auto database = sqlite::Database::open({.path = path()});
  ASSERT_TRUE(database);
  auto checkpoint = database->prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_TRUE(checkpoint);
  ASSERT_TRUE(checkpoint->step());
  EXPECT_EQ(checkpoint->integer(0), 0) << "somebody still reads";
  EXPECT_EQ(read(*log, {{{0, 0}, {}}}).positions.size(), 10'000U);
}

TEST_F(SqliteRawLogTest, ServesOnAfterASweepThatFailed) {
  write(1, 4);
  auto log = open();
  execute("ALTER TABLE tracking RENAME TO elsewhere");
  const auto failed = drain_sweep(*log, {.what = std::vector<SliceRead>{{{0, 0}, {}}}},
                                  [](const SweepPage&) { FAIL() << "there is no table"; });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kConfig) << failed.error().text();
  execute("ALTER TABLE elsewhere RENAME TO tracking");
  EXPECT_THAT(read(*log, {{{0, 0}, {}}}).positions, ElementsAre(1, 2, 3));
}

TEST_F(SqliteRawLogTest, OverwrittenRowsKeepTheirPlaceAndLoseTheirOldValues) {
  write(1, 5);
  RawEvent changed = event(2);
  changed[RawColumn::kJobId] = "77";
  changed[RawColumn::kTs].reset();
  std::transform(changed[RawColumn::kCreateTime]->begin(), changed[RawColumn::kCreateTime]->end(),
                 changed[RawColumn::kCreateTime]->begin(),
                 [](char c) { return static_cast<char>(std::toupper(c)); });
  ASSERT_TRUE(writer()->write({&changed, 1}));
  auto log = open();
  const FoundRows found = read(*log, {{{0, 0}, {}}});
  EXPECT_THAT(found.positions, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(found.jobs, ElementsAre(1, 77, 3, 4));
}

TEST_F(SqliteRawLogTest, NeverUsesTheNumberOfADeletedRowAgain) {
  write(1, 4);
  execute("DELETE FROM tracking WHERE seq = 3");
  write(5, 6);
  EXPECT_THAT(read(*open(), {{{0, 0}, {}}}).positions, ElementsAre(1, 2, 4));
}

TEST_F(SqliteRawLogTest, TakesCellsOfAnyTypeAsTheirText) {
  write(1, 2);
  execute("INSERT INTO tracking (create_time, ts, job_id, group_id, bid, custom_track) VALUES ('" +
          uuid(2) +
          "', 1656676800, 7.0, x'3132', 1.5, 5), ('x', '2022-07-01', 'seven', 1.25, x'ff', null)");
  const FoundRows found = read(*open(), {{{0, 0}, {}}});
  EXPECT_THAT(found.jobs, ElementsAre(1, 7, 0));
  EXPECT_THAT(found.bad_texts, ElementsAre("create_time_unreadable x", "job_id_unreadable seven",
                                           "group_id_unreadable 1.25", "bid_unreadable \xFF"));
}

TEST_F(SqliteRawLogTest, ServesATableOfSomebodyElse) {
  execute(
      "CREATE TABLE tracking (Seq INTEGER PRIMARY KEY, create_time, ts, job_id, publisher_id, "
      "campaign_id, group_id, BID REAL, custom_track, ev INTEGER, ed, extra);"
      "INSERT INTO tracking (seq, create_time, job_id, bid, ev) VALUES (5, '" +
      uuid(1) + "', 3, 1.4, 1)");
  auto log = open();
  EXPECT_THAT(read(*log, {{{0, 0}, {}}}).jobs, ElementsAre(3));
  EXPECT_THAT(log->description().identity, HasSubstr(path()));
}

TEST_F(SqliteRawLogTest, IsKnownByAnIdOfItsOwnWhereverItLies) {
  write(1, 2);
  const std::string first = open()->description().identity;
  EXPECT_EQ(open()->description().identity, first);
  std::filesystem::rename(path(), path("moved.db"));
  const auto moved = SqliteRawLog::open({.path = path("moved.db"), .rules = {}});
  ASSERT_TRUE(moved);
  EXPECT_EQ((*moved)->description().identity, first);
  std::filesystem::rename(path("moved.db"), path());
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path() + ending);
  write(1, 2);
  EXPECT_NE(open()->description().identity, first);
}

TEST_F(SqliteRawLogTest, NoticesThatItsFileWasReplacedOrRemoved) {
  write(1, 2);
  auto log = open();
  std::filesystem::rename(path(), path("old.db"));
  EXPECT_EQ(log->newest_bucket(0).error().kind, ErrorKind::kConfig);
  std::filesystem::copy(path("old.db"), path());
  const auto slices = log->discover({});
  ASSERT_FALSE(slices);
  EXPECT_EQ(slices.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(slices.error().message, HasSubstr("another file"));
}

TEST_F(SqliteRawLogTest, SaysWhatIsWrongWithWhatItCannotRead) {
  const auto refusal = [&](const std::string& name) {
    auto log = SqliteRawLog::open({.path = path(name), .rules = {}});
    EXPECT_FALSE(log);
    EXPECT_EQ(log.error().kind, ErrorKind::kConfig);
    return log.error().text();
  };
  EXPECT_THAT(refusal("nothing.db"), HasSubstr("hirestream generate"));
  EXPECT_FALSE(std::filesystem::exists(path("nothing.db")));
  std::ofstream(path("text.db")) << std::string(5000, 'x');
  EXPECT_THAT(refusal("text.db"), HasSubstr("not a database"));
  execute("CREATE TABLE other (x)");
  EXPECT_THAT(refusal("raw.db"), HasSubstr("no table `tracking`"));
  execute("CREATE TABLE tracking (create_time, ts, job_id)");
  EXPECT_THAT(refusal("raw.db"), HasSubstr("lacks seq; it has create_time, ts, job_id"));
  execute("ALTER TABLE tracking ADD COLUMN seq");
  EXPECT_THAT(refusal("raw.db"), HasSubstr("no column custom_track; there is create_time, ts"));
}

TEST_F(SqliteRawLogTest, WritesAllRowsOfACallOrNone) {
  std::vector<RawEvent> events = {event(1), event(2), RawEvent()};
  const auto outcome = writer()->write(events);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(outcome.error().text(), HasSubstr("create_time is null"));
  EXPECT_TRUE(buckets(*open()).empty());
}

TEST_F(SqliteRawLogTest, WriterRefusesATableWithOtherColumns) {
  execute("CREATE TABLE tracking (create_time TEXT UNIQUE, ts)");
  const auto writer = SqliteRawLogWriter::open(path());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(writer.error().text(), HasSubstr("no column named bid"));
}

}  // namespace
}  // namespace hirestream
