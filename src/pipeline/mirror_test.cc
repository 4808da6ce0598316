#include "pipeline/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ports/event_source.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

ChangedRow row_of(const std::string& id) {
  ChangedRow row;
  row.event[RawColumn::kCreateTime] = id;
  return row;
}

class HandClock : public Clock {
 public:
  int64_t now_us() override { return now; }
  int64_t now = 1'000'000'000;
};

// What was written so far; a position is how much of it was given.
class ListedLog : public ChangeLog {
 public:
  Result<std::optional<std::string>> start(const std::optional<std::string>& position) override {
    given = 0;
    if (position && start_gap) {
      return std::optional<std::string>("gone");
    }
    given = position ? std::stoul(*position) : 0;
    return std::optional<std::string>();
  }
  Result<Poll> poll(size_t rows_max, std::vector<ChangedRow>& rows) override {
    if (fail_next) {
      fail_next = false;
      return fail(ErrorKind::kTransient, "poll", "log", "not now");
    }
    for (; given < ids.size() && rows.size() < rows_max; ++given) {
      rows.push_back(row_of(ids[given]));
    }
    return Poll{.more = given < ids.size(), .gap = std::exchange(gap, std::nullopt)};
  }
  std::string position() const override { return std::to_string(given); }

  std::vector<std::string> ids;
  std::optional<std::string> gap;
  bool start_gap = false;
  bool fail_next = false;
  size_t given = 0;
};

class ListedTable : public TableHistory {
 public:
  Result<void> read(uint64_t begin_place, uint64_t end_place, const Take& take) override {
    ++parts_read;
    if (before_part) {
      before_part(begin_place / (kRingPlaces / kMirrorCopyParts));
    }
    for (const auto& [place, id] : rows) {
      if (place >= begin_place && place < end_place) {
        const std::vector<ChangedRow> page{row_of(id)};
        HIRESTREAM_TRY(take(page));
      }
    }
    return {};
  }

  std::map<uint64_t, std::string> rows;
  std::function<void(uint64_t part)> before_part;
  int parts_read = 0;
};

class WrittenTable : public MirrorTable {
 public:
  Result<void> write(std::span<const ChangedRow> rows) override {
    if (fail_writes) {
      return fail(ErrorKind::kTransient, "write", "mirror", "not now");
    }
    for (const ChangedRow& row : rows) {
      if (row.event[RawColumn::kCreateTime] == "bad") {
        return fail(ErrorKind::kRejected, "write", "mirror", "bad");
      }
    }
    for (const ChangedRow& row : rows) {
      ++written[*row.event[RawColumn::kCreateTime]];
    }
    return {};
  }
  Result<std::optional<MirrorState>> load() override { return state; }
  Result<void> store(const MirrorState& next) override {
    state = next;
    return {};
  }

  std::map<std::string, int> written;
  std::optional<MirrorState> state;
  bool fail_writes = false;
};

class MirrorTest : public testing::Test {
 protected:
  Mirror make(MirrorPolicy policy = {.rows_max = 2}, bool with_log = true) {
    MirrorNotes notes;
    notes.on_gap = [this](const std::string& why) { gaps_.push_back(why); };
    return {policy, with_log ? &log_ : nullptr, table_, mirror_, clock_, std::move(notes)};
  }
  // Until there is nothing to do.
  void run(Mirror& mirror) {
    for (int i = 0; i < 1000; ++i) {
      clock_.now += 100'000;
      const auto step = mirror.step();
      ASSERT_TRUE(step) << step.error().text();
      if (*step == Mirror::Step::kIdle && !mirror.is_copying()) {
        return;
      }
    }
    FAIL() << "does not come to rest";
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const auto& [id, times] : mirror_.written) {
      ids.push_back(id);
    }
    return ids;
  }

  HandClock clock_;
  ListedLog log_;
  ListedTable table_;
  WrittenTable mirror_;
  std::vector<std::string> gaps_;
};

TEST_F(MirrorTest, CopiesTheTableOnceAndFollowsTheLog) {
  table_.rows = {{0, "a"}, {kRingPlaces / 2, "b"}, {kRingPlaces - 1, "c"}};
  log_.ids = {"c", "d", "e"};
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(mirror.counts().copies, 1);
  EXPECT_EQ(table_.parts_read, kMirrorCopyParts);
  EXPECT_THAT(gaps_, IsEmpty());

  ASSERT_TRUE(mirror.finish());
  log_.ids.push_back("f");
  Mirror again = make();
  ASSERT_TRUE(again.start());
  run(again);
  EXPECT_EQ(table_.parts_read, kMirrorCopyParts) << "what was copied is not copied again";
  EXPECT_EQ(mirror_.written["e"], 1);
  EXPECT_EQ(mirror_.written["f"], 1);
}

TEST_F(MirrorTest, TakesThePlaceInTheLogBeforeItCopiesAndWaitsALittle) {
  Mirror mirror = make({.rows_max = 2, .copy_delay_us = 5'000'000});
  ASSERT_TRUE(mirror.start());
  EXPECT_EQ(mirror_.state, (MirrorState{.position = "0"}));
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(table_.parts_read, 0);
  clock_.now += 5'000'000;
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(table_.parts_read, 1);
}

TEST_F(MirrorTest, FollowsWhileItCopies) {
  table_.rows = {{0, "a"}, {1, "b"}, {2, "c"}};
  table_.before_part = [&](uint64_t part) { log_.ids.push_back("during " + std::to_string(part)); };
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  clock_.now += 2'000'000;
  ASSERT_TRUE(mirror.step());
  EXPECT_TRUE(mirror.is_copying());
  EXPECT_EQ(mirror_.written["during 0"], 1);
}

TEST_F(MirrorTest, StoresAPlaceOnlyBehindWhatIsWritten) {
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  log_.ids = {"a", "b", "c"};
  mirror_.fail_writes = true;
  clock_.now += 3'600'000'000;
  EXPECT_FALSE(mirror.step());
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(mirror_.state->position, "0");
  mirror_.fail_writes = false;
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(mirror_.state->position, "3");
}

TEST_F(MirrorTest, CopiesAgainWhenTheLogHasAGap) {
  table_.rows = {{7, "only in the table"}};
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  log_.gap = "a segment went";
  run(mirror);
  EXPECT_THAT(gaps_, ElementsAre("a segment went"));
  EXPECT_EQ(mirror_.written["only in the table"], 2);
  EXPECT_EQ(mirror_.state->copied_parts, kMirrorCopyParts);
}

TEST_F(MirrorTest, CopiesAgainWhenItCannotGoOnWhereItWas) {
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  log_.start_gap = true;
  Mirror again = make();
  ASSERT_TRUE(again.start());
  EXPECT_EQ(mirror_.state->copied_parts, 0) << "killed now, it must not take the copy for done";
  run(again);
  EXPECT_EQ(again.counts().copies, 1);
  EXPECT_THAT(gaps_, ElementsAre("gone"));
}

TEST_F(MirrorTest, BeginsACopyAgainThatAGapMet) {
  table_.rows = {{0, "a"}, {kRingPlaces / 2, "b"}};
  bool met = false;
  table_.before_part = [&](uint64_t part) {
    if (part == kMirrorCopyParts / 2 && !std::exchange(met, true)) {
      log_.gap = "in the middle";
    }
  };
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_EQ(mirror_.written["a"], 2);
  EXPECT_EQ(mirror.counts().copies, 1);
}

TEST_F(MirrorTest, GoesOnWithACopyThatWasInterrupted) {
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  clock_.now += 2'000'000;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(mirror.step());
  }
  EXPECT_EQ(mirror_.state->copied_parts, 5);
  Mirror again = make();
  ASSERT_TRUE(again.start());
  run(again);
  EXPECT_EQ(table_.parts_read, kMirrorCopyParts);
}

TEST_F(MirrorTest, ForgetsNoGapThatAFailedPollHasSeen) {
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  log_.ids = {"a"};
  log_.given = 1;  // the poll that fails was behind the gap already
  log_.gap = "not told yet";
  log_.fail_next = true;
  clock_.now += 3'600'000'000;
  EXPECT_FALSE(mirror.step());
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(mirror_.state->position, "0");
}

TEST_F(MirrorTest, LeavesOutTheRowsAloneThatDoNotFit) {
  log_.ids = {"a", "bad", "b", "c", "bad", "d", "e"};
  Mirror mirror = make({.rows_max = 100});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(mirror.counts().rows_rejected, 2);
  EXPECT_EQ(mirror.counts().rows_followed, 5);
}

TEST_F(MirrorTest, ReconcilesEverySoOften) {
  table_.rows = {{7, "a"}};
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  table_.rows[8] = "no log showed it";
  clock_.now += 3'000'000'000;
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a"));
  clock_.now += 700'000'000;
  run(mirror);
  EXPECT_THAT(ids(), UnorderedElementsAre("a", "no log showed it"));
}

TEST_F(MirrorTest, LeavesOutOfLaterCopiesWhatArrivedLongAgo) {
  const std::string old_row = "91afd000-f924-11ec-8001-0242ac120002";  // 2022-07-01 10:00
  clock_.now = 1'656'669'600'000'000 + 10'000'000;
  table_.rows = {{7, old_row}, {8, "without a time"}};
  const MirrorPolicy policy{.copy_interval_us = 60'000'000, .keep_us = 3'600'000'000};
  Mirror mirror = make(policy);
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(mirror_.written, ElementsAre(Pair(old_row, 1), Pair("without a time", 1)));
  clock_.now += 60'000'000;
  run(mirror);
  EXPECT_THAT(mirror_.written, ElementsAre(Pair(old_row, 2), Pair("without a time", 2)));
  clock_.now += 3'600'000'000;
  run(mirror);
  EXPECT_THAT(mirror_.written, ElementsAre(Pair(old_row, 2), Pair("without a time", 3)));
}

TEST_F(MirrorTest, CopiesAloneWithoutALog) {
  table_.rows = {{7, "a"}};
  Mirror mirror = make({.copy_interval_us = 1'000'000}, false);
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a"));
  EXPECT_EQ(mirror_.state->position, std::nullopt);
  // With a log again it cannot know what it has missed.
  Mirror with_log = make();
  ASSERT_TRUE(with_log.start());
  run(with_log);
  EXPECT_EQ(with_log.counts().copies, 1);
}

}  // namespace
}  // namespace hirestream
