#include "pipeline/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/raw_columns.h"
#include "model/row_id.h"
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

std::string id_of_time(int64_t us) {
  return format_uuid(make_version_1(us * 10, 0, 0));
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
      rows.back().nodes = nodes;
    }
    return Poll{.more = given < ids.size(), .gap = std::exchange(gap, std::nullopt)};
  }
  std::string position() const override { return std::to_string(given); }
  Result<void> delete_before(const std::string& position) override {
    kept_from = position;
    return {};
  }

  std::vector<std::string> ids;
  std::shared_ptr<const std::vector<std::string>> nodes;
  std::optional<std::string> gap;
  bool start_gap = false;
  bool fail_next = false;
  size_t given = 0;
  std::string kept_from;
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

// Finds what it was told.
class ToldComparison : public TableComparison {
 public:
  void begin(int64_t from_us, int64_t until_us) override {
    ++begun;
    pages_left = pages;
    from = from_us;
    until = until_us;
  }
  Result<bool> next() override {
    if (during) {
      during();
    }
    if (std::exchange(fail_next, false)) {
      return fail(ErrorKind::kTransient, "read", "table", "not now");
    }
    return pages_left-- > 0;
  }
  std::vector<SliceKey> differing() const override { return differ; }
  int64_t rows_read() const override { return pages - pages_left; }

  std::vector<SliceKey> differ;
  std::function<void()> during;
  int64_t pages = 2;
  int64_t pages_left = 0;
  int64_t from = 0;
  int64_t until = 0;
  int begun = 0;
  bool fail_next = false;
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
  Result<std::vector<size_t>> find_lacking(std::span<const ChangedRow> rows) override {
    if (fail_lookups) {
      return fail(ErrorKind::kTransient, "look up", "mirror", "not now");
    }
    std::vector<size_t> lacking;
    looked_up += rows.size();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!written.contains(*rows[i].event[RawColumn::kCreateTime])) {
        lacking.push_back(i);
      }
    }
    return lacking;
  }
  // The slice of a UUID is the second of its time, of another id its length.
  std::optional<Place> place_of(const ChangedRow& row) const override {
    const auto arrival_us = arrival_of(row.event);
    const auto length = static_cast<int64_t>(row.event[RawColumn::kCreateTime]->size());
    const int64_t second = arrival_us ? *arrival_us / 1'000'000 : length;
    return Place{.slice = {.shard = 0, .bucket = second}, .end_us = second * 1'000'000};
  }
  Result<void> note_late(std::span<const SliceKey> slices, int64_t) override {
    if (fail_notes) {
      return fail(ErrorKind::kTransient, "note", "mirror", "not now");
    }
    for (const SliceKey& slice : slices) {
      noted.push_back(slice.bucket);
    }
    return {};
  }
  Result<void> note_late_anywhere(int64_t) override {
    noted.push_back(-1);
    return {};
  }
  Result<std::optional<MirrorState>> load() override { return state; }
  Result<void> store(const MirrorState& next) override {
    state = next;
    return {};
  }
  Result<std::map<std::string, std::string>> positions() override {
    ++heard;
    for (const std::string& node : at_work) {
      others[node] = std::to_string(heard);
    }
    return others;
  }

  std::map<std::string, int> written;
  std::optional<MirrorState> state;
  bool fail_writes = false;
  bool fail_lookups = false;
  size_t looked_up = 0;
  std::vector<std::string> at_work;  // nodes whose mirrors store another place each time
  std::map<std::string, std::string> others;
  int heard = 0;
  std::vector<int64_t> noted;
  bool fail_notes = false;
};

class MirrorTest : public testing::Test {
 protected:
  Mirror make(MirrorPolicy policy = {.rows_max = 2}, bool with_log = true) {
    MirrorNotes notes;
    notes.on_gap = [this](const std::string& why) { gaps_.push_back(why); };
    return {policy,          with_log ? &log_ : nullptr, table_, comparison_, mirror_, clock_,
            std::move(notes)};
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
  ToldComparison comparison_;
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

TEST_F(MirrorTest, LetsTheLogGoWhenItsPlaceIsStoredAndNothingIsCopied) {
  log_.ids = {"a", "b", "c"};
  Mirror mirror = make({.rows_max = 2});
  ASSERT_TRUE(mirror.start());
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(log_.kept_from, "") << "a copy is under way";
  run(mirror);
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(log_.kept_from, "3");
  EXPECT_EQ(mirror_.state->position, "3");
  log_.ids.push_back("d");
  log_.gap = "a section is damaged";
  ASSERT_TRUE(mirror.step());
  EXPECT_TRUE(mirror.is_copying());
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(mirror_.state->position, "4");
  EXPECT_EQ(log_.kept_from, "3") << "what could not be read tells why it is copied";
}

TEST_F(MirrorTest, MayLackRowsUntilItHasReadWhatCameWhileItWasDown) {
  log_.ids = {"a"};
  Mirror first = make({});
  run(first);
  ASSERT_FALSE(first.may_lack_rows());
  log_.ids.insert(log_.ids.end(), {"b", "c", "d"});
  Mirror again = make({.rows_max = 2});
  ASSERT_TRUE(again.start());
  EXPECT_TRUE(again.may_lack_rows());
  ASSERT_TRUE(again.step());
  EXPECT_TRUE(again.may_lack_rows()) << "there is more in the log";
  ASSERT_TRUE(again.step());
  ASSERT_TRUE(again.step());
  EXPECT_FALSE(again.may_lack_rows());
}

TEST_F(MirrorTest, KnowsWhenItWasLevelAndWhetherItMayLackRows) {
  table_.rows = {{0, "a"}};
  log_.ids = {"b", "c", "d"};
  Mirror mirror = make({.rows_max = 2, .copy_delay_us = 5'000'000});
  ASSERT_TRUE(mirror.start());
  EXPECT_TRUE(mirror.may_lack_rows()) << "nothing was copied yet";
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror.counts().level_us, 0) << "there is more in the log";
  run(mirror);
  EXPECT_FALSE(mirror.may_lack_rows());
  EXPECT_EQ(mirror.counts().level_us, clock_.now);
  const int64_t level_us = mirror.counts().level_us;
  log_.ids.push_back("e");
  mirror_.fail_writes = true;
  clock_.now += 1'000'000;
  EXPECT_FALSE(mirror.step());
  EXPECT_EQ(mirror.counts().level_us, level_us);
  mirror_.fail_writes = false;
  log_.gap = "a segment went";
  ASSERT_TRUE(mirror.step());
  EXPECT_TRUE(mirror.may_lack_rows());
  run(mirror);
  EXPECT_FALSE(mirror.may_lack_rows());
}

TEST_F(MirrorTest, IsWholeWhileItReconciles) {
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  clock_.now += 3'600'000'000;
  ASSERT_TRUE(mirror.step());
  EXPECT_TRUE(mirror.is_copying());
  EXPECT_FALSE(mirror.may_lack_rows());
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

TEST_F(MirrorTest, NotesSlicesThatItWroteLateIntoBeforeItStoresItsPlace) {
  clock_.now = 40'000'000;
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  mirror_.noted.clear();
  const int64_t late = clock_.now / 1'000'000 - 30;
  log_.ids = {std::string(static_cast<size_t>(late), 'a'), "b", "c",
              std::string(static_cast<size_t>(late) + 10, 'd')};
  mirror_.fail_notes = true;
  clock_.now += 3'600'000'000;
  log_.ids.push_back(std::string(4000, 'e'));
  EXPECT_FALSE(mirror.step());
  EXPECT_EQ(mirror_.state->position, "0");
  mirror_.fail_notes = false;
  run(mirror);
  ASSERT_TRUE(mirror.finish());
  EXPECT_THAT(mirror_.noted, UnorderedElementsAre(1, late, late + 10));
  EXPECT_EQ(mirror_.state->position, "5");
}

TEST_F(MirrorTest, NotesAfterACopyThatAnySliceMayHaveChanged) {
  table_.rows = {{0, "a"}, {kRingPlaces / 2, "b"}};
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(mirror_.noted, ElementsAre(-1));
}

TEST_F(MirrorTest, CopiesAgainWhenTheLogHasAGap) {
  table_.rows = {{7, "only in the table"}};
  Mirror mirror = make();
  ASSERT_TRUE(mirror.start());
  run(mirror);
  log_.gap = "a segment went";
  comparison_.differ = {{.shard = 0, .bucket = 17}};
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

TEST_F(MirrorTest, CopiesNothingWhereNothingDiffers) {
  table_.rows = {{7, "a"}};
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_EQ(comparison_.begun, 0) << "a table that was never copied";
  mirror_.noted.clear();
  clock_.now += 3'700'000'000;
  const int64_t now_us = clock_.now;
  run(mirror);
  EXPECT_EQ(comparison_.begun, 1);
  EXPECT_EQ(comparison_.until, now_us + 100'000 - MirrorPolicy().recent_us);
  EXPECT_EQ(table_.parts_read, kMirrorCopyParts);
  EXPECT_EQ(mirror.counts().copies, 2);
  EXPECT_EQ(mirror_.state->copied_us, clock_.now - 100'000);
  EXPECT_THAT(mirror_.noted, IsEmpty());
}

TEST_F(MirrorTest, CopiesAndNotesTheSlicesThatDiffer) {
  clock_.now = 1'788'000'000'000'000;
  const int64_t day_us = 86'400'000'000;
  const std::string same = id_of_time(clock_.now - day_us);
  const std::string differs = id_of_time(clock_.now - 2 * day_us);
  const std::string recent = id_of_time(clock_.now + 3'600'000'000);
  table_.rows = {{7, same}, {kRingPlaces - 1, differs}};
  Mirror mirror = make({.copy_interval_us = 3'600'000'000, .keep_us = 5 * day_us});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  mirror_.noted.clear();
  table_.rows[8] = recent;
  table_.rows[9] = id_of_time(clock_.now - 6 * day_us);
  const int64_t second = 1'788'000'000 - 2 * 86'400;
  comparison_.differ = {{.shard = 0, .bucket = second}};
  clock_.now += 3'700'000'000;
  run(mirror);
  EXPECT_EQ(mirror_.written[same], 1);
  EXPECT_EQ(mirror_.written[differs], 2);
  EXPECT_EQ(mirror_.written[recent], 0) << "the log has it";
  EXPECT_EQ(mirror.counts().slices_differed, 1);
  EXPECT_THAT(mirror_.noted, ElementsAre(second)) << "when all are copied, once";
}

TEST_F(MirrorTest, CopiesWhatIsTooRecentToBeComparedWhereNoLogHasIt) {
  clock_.now = 1'788'000'000'000'000;
  const std::string before = id_of_time(clock_.now);
  table_.rows = {{7, before}};
  Mirror mirror = make({.copy_interval_us = 3'600'000'000}, false);
  ASSERT_TRUE(mirror.start());
  run(mirror);
  const std::string recent = id_of_time(clock_.now + 3'600'000'000);
  table_.rows[8] = recent;
  clock_.now += 3'700'000'000;
  run(mirror);
  EXPECT_EQ(mirror_.written[recent], 1);
  EXPECT_EQ(mirror_.written[before], 1);
}

TEST_F(MirrorTest, ComparesAnewAfterAnErrorAndAfterAGap) {
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  clock_.now += 3'700'000'000;
  comparison_.fail_next = true;
  EXPECT_FALSE(mirror.step());
  bool met = false;
  comparison_.during = [&] {
    if (!std::exchange(met, true)) {
      log_.gap = "in the middle";
    }
  };
  run(mirror);
  EXPECT_EQ(comparison_.begun, 3);
  EXPECT_EQ(table_.parts_read, 2 * kMirrorCopyParts) << "what is recent is not in the log";
}

// Which slices the first run copied nobody knows any more.
TEST_F(MirrorTest, NotesAnySliceAfterACopyThatAnotherRunBegan) {
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  clock_.now += 3'700'000'000;
  comparison_.differ = {{.shard = 0, .bucket = 1}};
  while (mirror.state().copied_parts != 3) {
    ASSERT_TRUE(mirror.step());
  }
  mirror_.noted.clear();
  Mirror again = make();
  ASSERT_TRUE(again.start());
  run(again);
  EXPECT_EQ(comparison_.begun, 1);
  EXPECT_THAT(mirror_.noted, ElementsAre(-1));
}

// Rows that a run wrote late, and had no time to note, are in both tables: nothing differs.
TEST_F(MirrorTest, NotesAnySliceWhenTheLogLostWhatAnotherRunMayHaveWritten) {
  {
    Mirror first = make();
    ASSERT_TRUE(first.start());
    run(first);
  }
  mirror_.noted.clear();
  Mirror next = make();
  ASSERT_TRUE(next.start());
  log_.gap = "segments went";
  run(next);
  clock_.now += 2'000'000;
  run(next);
  EXPECT_THAT(mirror_.noted, ElementsAre(-1));
  mirror_.noted.clear();
  log_.gap = "segments went";
  run(next);
  clock_.now += 2'000'000;
  run(next);
  EXPECT_THAT(mirror_.noted, IsEmpty()) << "it had followed all that was before";
}

TEST_F(MirrorTest, TheNextRunKnowsOfEveryCopyThatWasBegun) {
  Mirror mirror = make({.rows_max = 2, .copy_interval_us = 60'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  ASSERT_EQ(mirror_.state->copied_parts, kMirrorCopyParts);
  int looked = 0;
  const auto is_known = [&] {
    ++looked;
    EXPECT_LT(mirror_.state->copied_parts, kMirrorCopyParts);
  };
  comparison_.differ = {{.shard = 0, .bucket = 1}};
  comparison_.during = is_known;
  table_.before_part = [&](uint64_t) { is_known(); };
  clock_.now += 60'000'000;
  run(mirror);
  EXPECT_GT(looked, kMirrorCopyParts);
}

TEST_F(MirrorTest, ReconcilesEverySoOften) {
  table_.rows = {{7, "a"}};
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  table_.rows[8] = "no log showed it";
  comparison_.differ = {{.shard = 0, .bucket = 16}};
  clock_.now += 3'000'000'000;
  run(mirror);
  EXPECT_THAT(ids(), ElementsAre("a"));
  clock_.now += 700'000'000;
  run(mirror);
  EXPECT_THAT(ids(), UnorderedElementsAre("a", "no log showed it"));
}

TEST_F(MirrorTest, ReconcilesThoughTheClockWasSetBack) {
  table_.rows = {{7, "a"}};
  clock_.now += 30 * 86'400'000'000;
  Mirror mirror = make({.copy_interval_us = 3'600'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  table_.rows[8] = "no log showed it";
  comparison_.differ = {{.shard = 0, .bucket = 16}};
  clock_.now -= 29 * 86'400'000'000;
  run(mirror);
  EXPECT_THAT(ids(), UnorderedElementsAre("a", "no log showed it"));
  EXPECT_EQ(mirror.counts().copies, 2);
  clock_.now += 600'000'000;
  run(mirror);
  EXPECT_EQ(mirror.counts().copies, 2) << "only once for that";
}

TEST_F(MirrorTest, CopiesAfterAGapThoughTheClockWasSetBack) {
  Mirror mirror = make({.copy_delay_us = 5'000'000});
  ASSERT_TRUE(mirror.start());
  run(mirror);
  clock_.now += 86'400'000'000;
  run(mirror);
  log_.gap = "a segment went";
  const int64_t copies = mirror.counts().copies;
  ASSERT_TRUE(mirror.step());
  clock_.now -= 3'600'000'000;
  run(mirror);
  EXPECT_EQ(mirror.counts().copies, copies + 1);
}

TEST_F(MirrorTest, LeavesOutOfLaterCopiesWhatArrivedLongAgo) {
  const std::string old_row = "91afd000-f924-11ec-8001-0242ac120002";  // 2022-07-01 10:00
  clock_.now = 1'656'669'600'000'000 + 10'000'000;
  table_.rows = {{7, old_row}, {8, "without a time"}};
  const MirrorPolicy policy{
      .copy_interval_us = 60'000'000, .keep_us = 3'600'000'000, .recent_us = 0};
  Mirror mirror = make(policy);
  ASSERT_TRUE(mirror.start());
  run(mirror);
  EXPECT_THAT(mirror_.written, ElementsAre(Pair(old_row, 1), Pair("without a time", 1)));
  comparison_.differ = {{.shard = 0, .bucket = 1'656'669'600}, {.shard = 0, .bucket = 14}};
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

// Two nodes have each row; the mirror of the other one goes first.
class SharedLogTest : public MirrorTest {
 protected:
  static constexpr int64_t kHoldUs = 2'000'000;

  SharedLogTest() {
    clock_.now = 1'788'000'000'000'000;
    log_.nodes = std::make_shared<std::vector<std::string>>(std::vector<std::string>{"b", "a"});
    mirror_.at_work = {"b"};
  }
  MirrorPolicy policy() const {
    return {.rows_max = 100, .node = "a", .hold_us = kHoldUs, .held_rows_max = 10};
  }
  // It has heard of the other one.
  void begin(Mirror& mirror) {
    ASSERT_TRUE(mirror.start());
    run(mirror);
    written_by_b(give());
    ASSERT_TRUE(mirror.step());
    EXPECT_TRUE(mirror.held_since_us());
    wait(mirror, kHoldUs);
    ASSERT_EQ(mirror.counts().rows_left, 1);
    mirror_.looked_up = 0;
  }
  void written_by_b(const std::string& id) { ++mirror_.written[id]; }
  // A row of now, which no slice's end makes late.
  std::string give() {
    log_.ids.push_back(id_of_time(clock_.now + ++given_));
    return log_.ids.back();
  }
  void wait(Mirror& mirror, int64_t us) {
    for (int64_t waited = 0; waited <= us; waited += 100'000) {
      ASSERT_TRUE(mirror.step());
      clock_.now += 100'000;
    }
  }
  int64_t given_ = 0;
};

TEST_F(SharedLogTest, LeavesARowToTheMirrorThatGoesFirstAndSeesThatItIsThere) {
  Mirror mirror = make(policy());
  begin(mirror);
  const std::string id = give();
  ASSERT_TRUE(mirror.step());
  EXPECT_TRUE(mirror.held_since_us());
  written_by_b(id);
  wait(mirror, kHoldUs);
  EXPECT_FALSE(mirror.held_since_us());
  EXPECT_EQ(mirror_.written[id], 1);
  EXPECT_EQ(mirror_.looked_up, 1);
  EXPECT_EQ(mirror.counts().rows_left, 2);
  EXPECT_EQ(mirror.counts().rows_taken_over, 0);
}

TEST_F(SharedLogTest, WritesAtOnceWhatIsItsOwnFirst) {
  Mirror mirror = make(policy());
  begin(mirror);
  log_.nodes = std::make_shared<std::vector<std::string>>(std::vector<std::string>{"a", "b"});
  const std::string id = give();
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.written[id], 1);
  EXPECT_FALSE(mirror.held_since_us());
}

TEST_F(SharedLogTest, WritesWhatTheOtherHasNotWrittenAndThenAtOnce) {
  Mirror mirror = make(policy());
  begin(mirror);
  const std::string id = give();
  wait(mirror, kHoldUs - 200'000);
  EXPECT_EQ(mirror_.written.count(id), 0);
  wait(mirror, 200'000);
  EXPECT_EQ(mirror_.written[id], 1);
  EXPECT_EQ(mirror.counts().rows_taken_over, 1);
  const std::string next = give();
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.written[next], 1) << "b is silent: nothing is left to it";
}

TEST_F(SharedLogTest, StoresThePlaceBeforeWhatItHolds) {
  Mirror mirror = make(policy());
  begin(mirror);
  ASSERT_TRUE(mirror.finish());
  const std::string before = *mirror_.state->position;
  const std::string held = give();
  ASSERT_TRUE(mirror.step());
  ASSERT_TRUE(mirror.finish());
  EXPECT_EQ(mirror_.state->position, before);
  Mirror again = make(policy());
  ASSERT_TRUE(again.start());
  wait(again, kHoldUs);
  EXPECT_EQ(mirror_.written[held], 1);
}

TEST_F(SharedLogTest, ForgetsNothingThatItCannotLookFor) {
  Mirror mirror = make(policy());
  begin(mirror);
  const std::string id = give();
  ASSERT_TRUE(mirror.step());
  mirror_.fail_lookups = true;
  clock_.now += 60 * kHoldUs;
  EXPECT_FALSE(mirror.step());
  mirror_.fail_lookups = false;
  mirror_.fail_writes = true;
  EXPECT_FALSE(mirror.step());
  mirror_.fail_writes = false;
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.written[id], 1);
}

TEST_F(SharedLogTest, LooksAtOnceWhenTheClockWasSetBack) {
  Mirror mirror = make(policy());
  begin(mirror);
  const std::string id = give();
  ASSERT_TRUE(mirror.step());
  clock_.now -= 3'600'000'000;
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.written[id], 1);
}

TEST_F(SharedLogTest, WritesAndNotesWhatIsLateThoughAnotherHasWrittenIt) {
  Mirror mirror = make(policy());
  begin(mirror);
  mirror_.noted.clear();
  const std::string early = give();
  const int64_t slice = clock_.now / 1'000'000;
  ASSERT_TRUE(mirror.step());
  written_by_b(early);
  clock_.now += 40'000'000;
  log_.ids.push_back(early);
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.written[early], 3) << "the one that it held, and the one that came again";
  ASSERT_TRUE(mirror.finish());
  EXPECT_THAT(mirror_.noted, ElementsAre(slice));
}

TEST_F(SharedLogTest, LooksSoonerWhenItHoldsTooMuchAndBlamesNobody) {
  Mirror mirror = make(policy());
  begin(mirror);
  for (int i = 0; i < 11; ++i) {
    give();
  }
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.looked_up, 0);
  const std::string next = give();
  ASSERT_TRUE(mirror.step());
  EXPECT_EQ(mirror_.looked_up, 11);
  EXPECT_EQ(mirror.counts().rows_taken_over, 11);
  EXPECT_EQ(mirror_.written.count(next), 0) << "it was too soon to say that b is behind";
}

TEST_F(SharedLogTest, WhatItHoldsIsNotSaidToBeMirrored) {
  Mirror mirror = make(policy());
  begin(mirror);
  const int64_t given_us = clock_.now;
  give();
  wait(mirror, kHoldUs / 2);
  EXPECT_EQ(mirror.counts().level_us, given_us);
}

}  // namespace
}  // namespace hirestream
