#include "adapters/cassandra/commit_log/commit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/cassandra/commit_log/segment_writer_test.h"

namespace hirestream {
namespace {

using test::SegmentBytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

LogTable table_of(char id, std::string name) {
  LogTable table;
  table.id.fill(static_cast<uint8_t>(id));
  table.keyspace = "logs";
  table.name = std::move(name);
  table.partition_key = {"k"};
  table.columns["k"] = {cell_layout("text"), "text"};
  table.columns["v"] = {cell_layout("text"), "text"};
  return table;
}

// An update of one column of one row. `node`: its clustering value; empty: it has none.
std::string update(char id, const std::string& key, const std::string& column = "v",
                   const std::string& node = "", uint64_t written = 0) {
  test::Bytes clustering;
  if (!node.empty()) {
    clustering.integer(0, 1).integer(node.size(), 1).text(node);
  }
  return test::Bytes()
      .text(std::string(16, id))
      .integer(key.size(), 1)
      .text(key)
      .integer(0x10, 1)
      .integer(5, 1)
      .integer(0, 1)
      .integer(0, 1)
      .integer(1, 1)
      .integer(column.size(), 1)
      .text(column)
      .integer(1, 1)
      .integer(0x24, 1)  // a row marker, all columns
      .text(clustering.str())
      .integer(written, 1)
      .integer(8, 1)
      .integer(1, 1)
      .text("x")
      .integer(1, 1)
      .str();
}
std::string mutation(char id, const std::string& key, const std::string& column = "v") {
  return "\1" + update(id, key, column);
}

class CommitLogTest : public testing::Test {
 protected:
  static constexpr int64_t kFirst = 1'700'000'000'000;

  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    tables_ = {table_of('T', "tracking"), table_of('O', "other")};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<CommitLog>> try_open(LogVisibility visibility = LogVisibility::kMarker) {
    return CommitLog::open({.folder = folder_,
                            .keyspace = "logs",
                            .table = "tracking",
                            .own_keyspace = "logs",
                            .own_table = "state",
                            .own_row = "mine",
                            .visibility = visibility,
                            .is_cdc_raw = is_cdc_raw_,
                            .load_schema = [this]() -> Result<LogSchema> {
                              ++loads_;
                              if (server_down_) {
                                return fail(ErrorKind::kTransient, "load", "schema", "down");
                              }
                              LogSchema schema;
                              for (const LogTable& table : tables_) {
                                schema.add(table);
                              }
                              return schema;
                            }});
  }
  // Opened and started.
  std::unique_ptr<CommitLog> follow(const std::optional<LogPosition>& position = std::nullopt,
                                    LogVisibility visibility = LogVisibility::kMarker) {
    auto log = try_open(visibility);
    EXPECT_TRUE(log) << log.error().text();
    const auto gap = (*log)->start(position);
    EXPECT_TRUE(gap) << gap.error().text();
    start_gap_ = *gap;
    return std::move(*log);
  }
  // Keys of the rows until nothing more comes; "!" where a gap was told.
  std::vector<std::string> rest(CommitLog& log, size_t rows_max = 100) {
    std::vector<std::string> keys;
    for (bool more = true; more;) {
      const auto poll = log.poll(rows_max, [&](const LogRow& row) {
        keys.emplace_back(row.partition_key[0].begin(), row.partition_key[0].end());
      });
      EXPECT_TRUE(poll) << poll.error().text();
      if (!poll) {
        return keys;
      }
      if (poll->gap) {
        gap_ = *poll->gap;
        keys.emplace_back("!");
      }
      more = poll->more;
    }
    return keys;
  }
  // A segment with these rows of the table, marked.
  SegmentBytes& segment(int64_t id, const std::vector<std::string>& keys = {}) {
    SegmentBytes& bytes = segments_.try_emplace(id, id).first->second;
    for (const std::string& key : keys) {
      bytes.add(mutation('T', key));
    }
    if (!keys.empty()) {
      bytes.close_section();
    }
    bytes.write(folder_);
    return bytes;
  }
  void remove(int64_t id) { std::filesystem::remove(segments_.at(id).path(folder_)); }

  std::filesystem::path folder_;
  std::vector<LogTable> tables_;
  std::map<int64_t, SegmentBytes> segments_;
  std::optional<std::string> start_gap_;
  std::string gap_;
  int loads_ = 0;
  bool server_down_ = false;
  bool is_cdc_raw_ = false;
};

// The folder is cdc_raw.
class CdcRawTest : public CommitLogTest {
 protected:
  CdcRawTest() { is_cdc_raw_ = true; }

  void index(int64_t id, const std::string& text) {
    std::ofstream(SegmentReader::index_path(segments_.at(id).path(folder_))) << text;
  }
  bool has(int64_t id) const { return std::filesystem::exists(segments_.at(id).path(folder_)); }
  bool has_index(int64_t id) const {
    return std::filesystem::exists(SegmentReader::index_path(segments_.at(id).path(folder_)));
  }
};

TEST_F(CdcRawTest, SegmentsAreDeletedThatAreCompletedAndLieBeforeAStoredPosition) {
  for (int64_t id = kFirst; id < kFirst + 5; ++id) {
    segment(id, {std::to_string(id - kFirst)});
    index(id, "100\nCOMPLETED");
  }
  const auto log = follow(LogPosition{.segments = {{kFirst, {}}}});
  const LogPosition before = log->position();
  EXPECT_THAT(rest(*log), ElementsAre("0", "1", "2", "3", "4"));
  ASSERT_TRUE(log->delete_before(before));
  EXPECT_TRUE(has(kFirst)) << "what was stored needs it";

  index(kFirst + 1, "100");
  ASSERT_TRUE(log->delete_before(log->position()));
  EXPECT_FALSE(has(kFirst) || has_index(kFirst));
  EXPECT_TRUE(has(kFirst + 1) && has_index(kFirst + 1)) << "Cassandra writes to it";
  EXPECT_FALSE(has(kFirst + 2));
  EXPECT_TRUE(has(kFirst + 3) && has(kFirst + 4)) << "those are followed";

  index(kFirst, "100\nCOMPLETED");  // killed between the two
  index(kFirst + 1, "100\nCOMPLETED");
  ASSERT_TRUE(log->delete_before(log->position()));
  EXPECT_FALSE(has_index(kFirst) || has(kFirst + 1) || has_index(kFirst + 1));
  EXPECT_THAT(follow(log->position()), testing::NotNull());
  EXPECT_EQ(start_gap_, std::nullopt);
}

TEST_F(CdcRawTest, ASpareSegmentIsDeletedWhenItsServerIsGone) {
  segment(kFirst, {"a"});
  segment(kFirst + 1);  // never written to
  constexpr int64_t kRestarted = kFirst + 5'000;
  const auto log = follow(LogPosition{.segments = {{kFirst, {}}}});
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  ASSERT_TRUE(log->delete_before(LogPosition{.segments = {{kFirst + 2, {}}}}));
  EXPECT_TRUE(has(kFirst + 1));
  segment(kRestarted, {"b"});
  ASSERT_TRUE(log->delete_before(LogPosition{.segments = {{kRestarted, {}}}}));
  EXPECT_FALSE(has(kFirst + 1));
  EXPECT_TRUE(has(kRestarted));
}

TEST_F(CdcRawTest, SegmentsWithoutRowsOfSuchTablesAreNoGap) {
  segment(kFirst, {"a"});
  const auto log = follow(LogPosition{.segments = {{kFirst, {}}}});
  segment(kFirst + 3, {"b"});
  EXPECT_THAT(rest(*log), ElementsAre("a", "b"));
  is_cdc_raw_ = false;
  follow(LogPosition{.segments = {{kFirst, {}}}});
  EXPECT_THAT(start_gap_, Optional(HasSubstr("unseen")));
}

// Of its own row alone, and as it was read last.
TEST_F(CommitLogTest, KnowsWhenItsOwnRowWasWritten) {
  tables_.push_back(table_of('S', "state"));
  tables_.back().clustering = {cell_layout("text")};
  tables_.back().clustering_names = {"node"};
  SegmentBytes& bytes = segment(kFirst, {"a"});
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  EXPECT_EQ(log->counts().own_written_us, 0);
  const auto add = [&](const std::string& entry) {
    bytes.add(entry);
    bytes.close_section();
    bytes.write(folder_);
    EXPECT_THAT(rest(*log), IsEmpty());
  };
  add("\1" + update('S', "state", "v", "another", 7));
  EXPECT_EQ(log->counts().own_written_us, 0);
  add("\1" + update('S', "state", "v", "mine", 9));
  const int64_t written_us = log->counts().own_written_us;
  EXPECT_NE(written_us, 0);
  add("\1" + update('S', "state", "v", "mine", 8));
  EXPECT_EQ(log->counts().own_written_us, written_us - 1);
  add(mutation('O', "other"));
  EXPECT_EQ(log->counts().own_written_us, written_us - 1);
}

TEST_F(CommitLogTest, NothingIsDeletedInTheLogItself) {
  segment(kFirst, {"a"});
  segment(kFirst + 1, {"b"});
  const auto log = follow();
  ASSERT_TRUE(log->delete_before(LogPosition{.segments = {{kFirst + 9'000, {}}}}));
  EXPECT_TRUE(std::filesystem::exists(segments_.at(kFirst).path(folder_)));
}

TEST_F(CommitLogTest, BeginsOneSegmentBeforeTheOneThatIsWritten) {
  segment(kFirst, {"old"});
  segment(kFirst + 1, {"before"});
  segment(kFirst + 2, {"now"});
  segment(kFirst + 3);  // made ahead
  const auto log = follow();
  EXPECT_EQ(start_gap_, std::nullopt);
  EXPECT_THAT(rest(*log), ElementsAre("before", "now"));
  segment(kFirst + 3, {"next"});
  segment(kFirst + 2, {"late in the segment before"});
  EXPECT_THAT(rest(*log), ElementsAre("late in the segment before", "next"));
}

TEST_F(CommitLogTest, GoesOnBehindAPosition) {
  segment(kFirst, {"a", "b"});
  segment(kFirst + 1, {"c"});
  const auto first = follow();
  std::vector<std::string> keys;
  ASSERT_TRUE(first->poll(1, [&](const LogRow&) { keys.emplace_back("one"); }));
  const LogPosition position = first->position();
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_THAT(rest(*follow(position)), ElementsAre("b", "c"));
  EXPECT_THAT(rest(*first, 1), ElementsAre("b", "c"));
  const auto level = follow(first->position());
  EXPECT_THAT(rest(*level), IsEmpty());
  segment(kFirst + 1, {"d"});
  EXPECT_THAT(rest(*level), ElementsAre("d"));
}

TEST_F(CommitLogTest, RetiresASegmentWhenTheNextButOneIsBegun) {
  segment(kFirst, {"a"});
  segment(kFirst + 1, {"b"});
  segment(kFirst + 2);
  const auto log = follow();
  rest(*log);
  EXPECT_EQ(log->position().segments.size(), 3U) << "the first may still get entries";
  segment(kFirst + 2, {"c"});
  rest(*log);
  EXPECT_EQ(log->position().segments.front().id, kFirst + 1);
  remove(kFirst);
  EXPECT_THAT(rest(*follow(log->position())), IsEmpty());
  EXPECT_EQ(start_gap_, std::nullopt);
}

TEST_F(CommitLogTest, ReadsASegmentToItsEndThatWasRemovedMeanwhile) {
  segment(kFirst, {"a"});
  const auto log = follow();
  segment(kFirst, {"b"});
  remove(kFirst);
  EXPECT_THAT(rest(*log), ElementsAre("a", "b"));
  segment(kFirst + 1, {"c"});
  EXPECT_THAT(rest(*log), ElementsAre("c"));
  EXPECT_EQ(log->position().segments.size(), 1U);
}

TEST_F(CommitLogTest, TellsAGapWhenASegmentWentBeforeItWasRead) {
  segment(kFirst, {"a"});
  const LogPosition position = [&] {
    const auto log = follow();
    rest(*log);
    return log->position();
  }();
  segment(kFirst + 1, {"b"});
  remove(kFirst);
  const auto log = follow(position);
  EXPECT_THAT(start_gap_, Optional(HasSubstr("1700000000000 went")));
  EXPECT_THAT(rest(*log), ElementsAre("b"));
}

TEST_F(CommitLogTest, TellsAGapWhenSegmentsCameAndWentUnseen) {
  segment(kFirst, {"a"});
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  segment(kFirst + 2, {"c"});
  EXPECT_THAT(rest(*log), ElementsAre("c", "!"));
  EXPECT_THAT(gap_, HasSubstr("1 segment(s)"));
  segment(kFirst + 3, {"d"});
  EXPECT_THAT(rest(*log), ElementsAre("d"));
}

// A node that is started again numbers its segments from the time on.
TEST_F(CommitLogTest, TellsARestartAndTakesTheUnmarkedRestForDead) {
  SegmentBytes& killed = segment(kFirst, {"a"});
  const auto log = follow(std::nullopt, LogVisibility::kTail);
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  segment(kFirst + 60'000, {"b"});
  EXPECT_THAT(rest(*log), ElementsAre("b", "!"));
  EXPECT_THAT(gap_, HasSubstr("started again"));
  killed.add(mutation('T', "never marked"));
  killed.write(folder_);
  EXPECT_THAT(rest(*log), IsEmpty());
}

TEST_F(CommitLogTest, PassesOverOtherTables) {
  SegmentBytes& bytes = segment(kFirst);
  bytes.add(mutation('O', "other"));
  bytes.add("\2" + update('O', "other") + update('T', "in one batch"));
  bytes.add("\2" + update('O', "T as a value is no table") + update('O', "o"));
  bytes.close_section();
  bytes.write(folder_);
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("in one batch"));
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(log->counts().entries, 3);
  EXPECT_EQ(log->counts().rows, 1);
}

// Two writes of one row in one batch: the cells keep the times of their own.
TEST_F(CommitLogTest, GivesEachCellItsOwnTimeAndLife) {
  tables_[0].columns["w"] = {cell_layout("int"), "int"};
  const std::string row = test::Bytes()
                              .integer(1, 1)
                              .text(std::string(16, 'T'))
                              .integer(1, 1)
                              .text("a")
                              .integer(0x10, 1)
                              .integer(100, 1)  // least timestamp since 2015-09-22
                              .integer(0, 1)
                              .integer(60, 1)  // least time to live
                              .integer(2, 1)
                              .integer(1, 1)
                              .text("v")
                              .integer(1, 1)
                              .text("w")
                              .integer(1, 1)
                              .integer(0x24, 1)  // a row marker, all columns
                              .integer(7, 1)
                              .integer(0x08, 1)  // the row's time
                              .integer(1, 1)
                              .text("x")
                              .integer(0x02, 1)  // its own, and it expires
                              .integer(9, 1)
                              .integer(5, 1)
                              .integer(17, 1)
                              .integer(3, 4)
                              .integer(1, 1)
                              .str();
  SegmentBytes& bytes = segment(kFirst);
  bytes.add(row);
  bytes.close_section();
  bytes.write(folder_);
  constexpr int64_t kEpochUs = 1'442'880'000'000'000;
  size_t rows = 0;
  ASSERT_TRUE(follow()->poll(10, [&](const LogRow& seen) {
    ++rows;
    EXPECT_EQ(seen.inserted_us, kEpochUs + 107);
    ASSERT_EQ(seen.cells.size(), 2U);
    EXPECT_EQ(seen.cells[0].written_us, kEpochUs + 107);
    EXPECT_EQ(seen.cells[0].ttl_s, 0);
    EXPECT_EQ(seen.cells[1].written_us, kEpochUs + 109);
    EXPECT_EQ(seen.cells[1].ttl_s, 77);
  }));
  EXPECT_EQ(rows, 1U);
}

TEST_F(CommitLogTest, AsksForTheSchemaWhenItMeetsWhatItDoesNotKnow) {
  SegmentBytes& bytes = segment(kFirst);
  const auto log = follow();
  bytes.add(mutation('N', "of a new table"));
  bytes.add(mutation('N', "again"));
  bytes.add(mutation('T', "of a new column", "w"));
  bytes.close_section();
  bytes.write(folder_);
  tables_.push_back(table_of('N', "new"));
  tables_[0].columns["w"] = {cell_layout("text"), "text"};
  EXPECT_THAT(rest(*log), ElementsAre("of a new column"));
  EXPECT_EQ(loads_, 2);
}

TEST_F(CommitLogTest, AsksOnceForATableThatIsGone) {
  SegmentBytes& bytes = segment(kFirst);
  bytes.add(mutation('G', "of a table that was dropped"));
  bytes.add(mutation('G', "again"));
  bytes.add(mutation('T', "a"));
  bytes.close_section();
  bytes.write(folder_);
  EXPECT_THAT(rest(*follow()), ElementsAre("a"));
  EXPECT_EQ(loads_, 2);
}

TEST_F(CommitLogTest, NeverGuessesAtAnEntryOfTheTable) {
  SegmentBytes& bytes = segment(kFirst);
  bytes.add(mutation('T', "a"));
  bytes.add(mutation('T', "a column that never was", "z"));
  bytes.add(mutation('T', "b") + "left over");
  bytes.add("\2" + update('T', "c") + update('G', "of a table that is gone"));
  bytes.add(mutation('T', "d"));
  bytes.close_section();
  bytes.write(folder_);
  const auto log = follow();
  EXPECT_THAT(rest(*log, 1), ElementsAre("a", "d", "!"));
  EXPECT_THAT(gap_, HasSubstr("no column 'z'"));
}

TEST_F(CommitLogTest, TellsAGapWhenTheTableWasMadeAnew) {
  segment(kFirst, {"a"});
  const auto log = follow();
  rest(*log);
  tables_[0] = table_of('U', "tracking");
  SegmentBytes& bytes = segment(kFirst);
  bytes.add(mutation('U', "of the new one"));
  bytes.add(mutation('T', "of the old one"));
  bytes.close_section();
  bytes.write(folder_);
  EXPECT_THAT(rest(*log), ElementsAre("of the new one", "!"));
  EXPECT_THAT(gap_, HasSubstr("created again"));
}

TEST_F(CommitLogTest, GivesAnEntryAgainAfterAnError) {
  SegmentBytes& bytes = segment(kFirst, {"a"});
  const auto log = follow();
  bytes.add(mutation('T', "b", "w"));
  bytes.close_section();
  bytes.write(folder_);
  tables_[0].columns["w"] = {cell_layout("text"), "text"};
  server_down_ = true;
  std::vector<std::string> keys;
  const auto failed = log->poll(100, [&](const LogRow&) { keys.emplace_back("row"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(keys.size(), 1U);
  const LogPosition position = log->position();
  server_down_ = false;
  EXPECT_THAT(rest(*log), ElementsAre("b"));
  EXPECT_THAT(rest(*follow(position)), ElementsAre("b"));
}

TEST_F(CommitLogTest, TellsADamagedSectionAndGoesOn) {
  SegmentBytes& bytes = segment(kFirst, {"a"});
  const size_t at = bytes.bytes.size();
  segment(kFirst, {"b"});
  segment(kFirst, {"c"});
  bytes.bytes[at + 20] ^= 1;
  bytes.write(folder_);
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  EXPECT_THAT(rest(*log), ElementsAre("c", "!"));
}

TEST_F(CommitLogTest, TellsAGapWhenAMarkerIsDamaged) {
  SegmentBytes& bytes = segment(kFirst, {"a"});
  const size_t marker = bytes.bytes.size() - 8;
  segment(kFirst, {"b"});
  bytes.bytes[marker + 5] ^= 1;
  bytes.write(folder_);
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a")) << "it may be half written";
  segment(kFirst + 1, {"c"});
  EXPECT_THAT(rest(*log), ElementsAre("c"));
  segment(kFirst + 2, {"d"});
  EXPECT_THAT(rest(*log), ElementsAre("d", "!"));
  EXPECT_THAT(gap_, HasSubstr("damaged marker"));
  EXPECT_EQ(log->position().segments.front().id, kFirst + 1);
}

TEST_F(CommitLogTest, TellsAGapWhenAHeaderIsDamaged) {
  SegmentBytes& bytes = segment(kFirst, {"a"});
  bytes.bytes[12] ^= 1;
  bytes.write(folder_);
  segment(kFirst + 1, {"b"});
  segment(kFirst + 2);
  const auto log = follow(LogPosition{{{kFirst, {}}}});
  EXPECT_THAT(rest(*log), ElementsAre("b"));
  segment(kFirst + 2, {"c"});
  EXPECT_THAT(rest(*log), ElementsAre("c", "!"));
  EXPECT_THAT(gap_, HasSubstr("header"));
}

TEST_F(CommitLogTest, KeepsASegmentThatGotEntriesWhileLaterOnesWereRead) {
  segment(kFirst, {"a"});
  segment(kFirst + 1, {"b"});
  segment(kFirst + 2);
  const auto log = follow();
  const auto poll = log->poll(100, [&](const LogRow& row) {
    if (row.partition_key[0][0] == 'b') {
      segment(kFirst, {"late"});
      segment(kFirst + 2, {"c"});
    }
  });
  ASSERT_TRUE(poll);
  EXPECT_EQ(poll->gap, std::nullopt);
  EXPECT_THAT(rest(*log), ElementsAre("late"));
  EXPECT_EQ(log->position().segments.front().id, kFirst + 1);
}

TEST_F(CommitLogTest, APositionThatNamesNoSegmentIsAGap) {
  segment(kFirst, {"a"});
  const auto log = follow(LogPosition());
  EXPECT_THAT(start_gap_, Optional(HasSubstr("no segment")));
  EXPECT_THAT(rest(*log), ElementsAre("a"));
}

TEST_F(CommitLogTest, WaitsForASegmentThatCannotBeOpenedYet) {
  segment(kFirst, {"a"});
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  segment(kFirst + 1, {"b"});
  const std::string path = segment(kFirst + 2, {"c"}).path(folder_);
  std::filesystem::rename(path, folder_ / "aside");
  std::filesystem::create_symlink(path, path);  // to itself: whoever runs this, it does not open
  for (int look = 0; look < 2; ++look) {
    const auto poll = log->poll(100, [](const LogRow&) {});
    ASSERT_FALSE(poll);
    EXPECT_EQ(poll.error().kind, ErrorKind::kTransient);
  }
  std::filesystem::rename(folder_ / "aside", path);
  EXPECT_THAT(rest(*log), ElementsAre("b", "c")) << gap_;
}

TEST_F(CommitLogTest, AFolderThatWasReadableMayBeAgain) {
  segment(kFirst, {"a"});
  const auto log = follow();
  EXPECT_THAT(rest(*log), ElementsAre("a"));
  const std::filesystem::path aside = folder_.string() + "_aside";
  std::filesystem::rename(folder_, aside);
  const auto poll = log->poll(100, [](const LogRow&) {});
  std::filesystem::rename(aside, folder_);
  ASSERT_FALSE(poll);
  EXPECT_TRUE(poll.error().may_pass);
  segment(kFirst + 1, {"b"});
  EXPECT_THAT(rest(*log), ElementsAre("b")) << gap_;
}

TEST_F(CommitLogTest, SaysWhatIsMissing) {
  tables_[0].name = "renamed";
  EXPECT_THAT(try_open().error().text(), HasSubstr("no such table"));
  tables_[0].name = "tracking";
  folder_ /= "nowhere";
  const auto log = try_open();
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(log.error().hint, HasSubstr("commitlog_directory"));
}

}  // namespace
}  // namespace hirestream
