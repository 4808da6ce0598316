// What a rebuild of `events` must do on every SQL warehouse: afterwards `events` is what the ledger
// and frozen slices gave, whatever others commit meanwhile; killed, it changes nothing.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>

#include "adapters/sql/rebuild.h"
#include "adapters/sql/shadow_tables.h"
#include "warehouse_contract.h"

namespace hirestream::rebuild_contract {
namespace {

using testing::HasSubstr;

constexpr int32_t kHour = 473'352;  // 2024-01-01 00:00
constexpr int32_t kShards = 3;
constexpr int32_t kRecent = 60;           // hours from kHour on
constexpr int64_t kFirstNew = 1'000'000;  // bucket of slices that only a run has met
constexpr int32_t kFreezing = 20;  // hours from kHour on to which frozen slices may give something

Measures clicks(int64_t count, int64_t micros) {
  return {.clicks = count, .bid_micros = micros};
}

class TestClock final : public Clock {
 public:
  int64_t now_us() override { return ++now_us_; }

 private:
  int64_t now_us_ = 1'700'000'500'000'000;
};

class RebuildContract : public WarehouseContract {
 protected:
  using AtStep = std::function<void(std::string_view step)>;

  Result<RebuildReport> try_rebuild(RebuildOptions options = {}, const AtStep& at_step = nullptr) {
    options.run = fmt::format("run{}", ++runs_);
    options.wait = [](int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
    options.at_step = [&](std::string_view step) -> Result<void> {
      if (at_step) {
        at_step(step);
      }
      return {};
    };
    NullObserver observer;
    TestClock clock;
    return rebuild_events([this] { return open_backend(*database_, GetParam()); },
                          std::move(options), clock, observer);
  }
  RebuildReport rebuild(RebuildOptions options = {}, const AtStep& at_step = nullptr) {
    return take(try_rebuild(std::move(options), at_step));
  }
  // A rebuild that has an error at that step ends with it.
  void expect_failure_at(const std::string& at, RebuildOptions options = {}) {
    options.run = "failing";
    options.wait = [](int64_t) {};
    options.at_step = [&](std::string_view step) -> Result<void> {
      return step == at ? fail(ErrorKind::kTransient, "test", "step", at) : Result<void>();
    };
    NullObserver observer;
    TestClock clock;
    const auto done = rebuild_events([this] { return open_backend(*database_, GetParam()); },
                                     options, clock, observer);
    EXPECT_FALSE(done.has_value()) << at;
  }

  void count(const SliceKey& key, const Contribution& given) {
    int64_t rows = 0;
    for (const Cell& cell : given) {
      rows += cell.measures.clicks + cell.measures.impressions;
    }
    ASSERT_EQ(verdict(first_commit_of(key, given, rows)), CommitVerdict::kCommitted);
  }
  std::string events_table() const { return database_->is_sqlite() ? "events_micros" : "events"; }
  void expect_nothing_left() {
    const std::string prefix(sql::ShadowTables::kPrefix);
    expect_number(database_->is_sqlite()
                      ? "SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE '" + prefix + "%'"
                      : "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                        "DATABASE() AND table_name LIKE '" +
                            prefix + "%'",
                  0);
  }

 private:
  int runs_ = 0;
};

TEST_P(RebuildContract, PutsBackWhatIsLostAndKeepsTheRest) {
  start();
  const Contribution one{cell(kHour, 1, clicks(2, 5)), cell(kHour + 30, 2, clicks(1, 1))};
  const Contribution other{cell(kHour, 1, clicks(1, 7))};
  count({0, 100}, one);
  count({1, 100}, other);
  Job job;
  job.job_id = 1;
  job.company_id = 77;
  take(warehouse_->store_jobs(std::vector{job}, now_us_));
  const Contribution before = events();
  const std::string kept = "SELECT updated_at FROM events WHERE job_id = 2";
  const std::string updated_at = database_->value(kept);
  database_->run("DELETE FROM " + events_table() + " WHERE job_id = 1");
  const RebuildReport report = rebuild();
  EXPECT_EQ(events(), before);
  EXPECT_EQ(report.slices, 2);
  EXPECT_EQ(report.cells_put_back, 1);
  EXPECT_EQ(report.cells_taken_away, 0);
  EXPECT_EQ(company_in_events(1), 77);
  EXPECT_EQ(company_in_days(1), 77);
  EXPECT_EQ(database_->value("SELECT sources FROM events WHERE job_id = 1"), "Cassandra");
  EXPECT_EQ(database_->value(kept), updated_at);
  expect_nothing_left();
  // Goes on as ever.
  count({0, 101}, other);
  EXPECT_EQ(events(), merge(before, other));
}

TEST_P(RebuildContract, MakesAnEmptyTableWhole) {
  start();
  for (int32_t shard = 0; shard < 2; ++shard) {
    for (int64_t bucket = 0; bucket < 40; ++bucket) {
      count({shard, bucket}, {cell(kHour + static_cast<int32_t>(bucket), 1 + bucket % 3,
                                   clicks(1 + bucket, bucket))});
    }
  }
  const Contribution before = events();
  database_->empty_events();
  const RebuildReport report = rebuild({.cells_max = 8});  // in many parts
  EXPECT_EQ(events(), before);
  EXPECT_EQ(report.cells_put_back, static_cast<int64_t>(before.size()));
}

// So many that every connection has statements of its own, and days end in the midst of them.
TEST_P(RebuildContract, IsExactWithManyCells) {
  start();
  Contribution many;
  for (int32_t i = 0; i < 15'000; i += 1'000) {  // a slice's blob fits into a small packet
    Contribution some;
    for (int32_t k = i; k < i + 1'000; ++k) {
      some.push_back(cell(kHour + k / 150, 1 + k % 150, clicks(1 + k % 7, k)));
    }
    count({0, 100 + i}, some);
    many.insert(many.end(), some.begin(), some.end());
  }
  EXPECT_EQ(events(), many);
  database_->run("DELETE FROM " + events_table() + " WHERE job_id > 75");
  EXPECT_EQ(rebuild().cells_put_back, 7'500);
  EXPECT_EQ(events(), many);
  EXPECT_EQ(days(), events_by_day());
}

TEST_P(RebuildContract, TakesAwayOnlyWhereThatIsAllowed) {
  start();
  const Contribution one{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, one);
  database_->run("UPDATE " + events_table() + " SET clicks = clicks + 3");
  const auto refused = try_rebuild();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().hint, HasSubstr("--allow-shrink"));
  EXPECT_EQ(events().front().measures.clicks, 5);
  expect_nothing_left();
  EXPECT_EQ(rebuild({.allow_shrink = true}).cells_taken_away, 1);
  EXPECT_EQ(events(), one);
}

TEST_P(RebuildContract, HoursOfFrozenSlicesAreTakenOverAndChecked) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  const Contribution late{cell(kHour, 2, clicks(1, 1))};
  count({0, 100}, old);
  count({0, 200}, late);
  SliceChange gone = change({0, 100}, 1, ChangeMode::kFreeze, {});
  Commit freeze = commit_of({gone});
  freeze.frozen_days = {{0, 19723, 1, {2, 9}, {.counted = 2}}};
  freeze.frozen_hours = {{{.local_hour = kHour}, clicks(2, 5)}};
  freeze.frozen_marks = {{0, 101, FrozenMark::kAllHistory}};
  ASSERT_EQ(verdict(freeze), CommitVerdict::kCommitted);
  const Contribution before = events();
  RebuildReport report = rebuild();
  EXPECT_EQ(events(), before);
  EXPECT_EQ(report.cells_kept, 2);
  EXPECT_EQ(report.hours_unexplained, 0);
  database_->run("DELETE FROM " + events_table() + " WHERE job_id = 1");
  report = rebuild();
  EXPECT_EQ(report.hours_unexplained, 1);
}

TEST_P(RebuildContract, DamagedSlicesAreRefused) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  database_->damage_contributions();
  const Contribution before = events();
  const auto refused = try_rebuild();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().hint, HasSubstr("verify --repair"));
  EXPECT_EQ(events(), before);
  expect_nothing_left();
}

// Its correction of a cell would be made twice.
TEST_P(RebuildContract, RepairPlannedByTheOldTableIsRefused) {
  start();
  const Contribution one{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, one);
  database_->empty_events();
  Commit repair = commit_of({});
  repair.writers = {};
  repair.based_on_changes = take(warehouse_->changes());
  repair.cells = {{one[0].key, one[0].measures, 0}};
  rebuild();
  EXPECT_EQ(verdict(repair), CommitVerdict::kConflict);
  EXPECT_EQ(events(), one);
}

TEST_P(RebuildContract, TablesOfOneThatWasKilledAreDropped) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  const std::string prefix(sql::ShadowTables::kPrefix);
  for (const char* name : {"dead_events", "dead_days", "dead_old_events"}) {
    database_->run("CREATE TABLE " + prefix + name + " (x INT)");
  }
  rebuild();
  expect_nothing_left();
}

TEST_P(RebuildContract, AnErrorAtAnyStepChangesNothing) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  const Contribution before = events();
  int64_t bucket = 200;
  for (const std::string at : {"filled", "keyed", "caught up", "locked", "ready"}) {
    expect_failure_at(at);
    EXPECT_EQ(events(), before) << at;
    expect_nothing_left();
    count({0, ++bucket}, {});
  }
}

TEST_P(RebuildContract, IsInterruptedOnlyBeforeTheTablesChangePlaces) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  const Contribution before = events();
  for (const std::string at : {"filled", "caught up", "locked", "ready"}) {
    database_->empty_events();
    std::stop_source stop;
    const auto done = try_rebuild({.stop = stop.get_token()}, [&](std::string_view step) {
      if (step == at) {
        stop.request_stop();
      }
    });
    const bool in_time = at == "filled" || at == "caught up";
    ASSERT_EQ(done.has_value(), !in_time) << at;
    EXPECT_EQ(done ? "" : done.error().operation, in_time ? kInterrupt : "") << at;
    EXPECT_EQ(events(), in_time ? Contribution{} : before) << at;
    expect_nothing_left();
    rebuild();
  }
}

TEST_P(RebuildContract, WaitsForWhoeverReadsTheTable) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  auto reader = open_session(*database_, GetParam());
  std::optional<sql::Transaction> reading;
  std::jthread ends;
  rebuild({}, [&](std::string_view step) {
    if (step == "caught up") {
      auto begun = reader->begin_snapshot();
      ASSERT_TRUE(begun.has_value()) << begun.error().text();
      reading.emplace(std::move(*begun));
      ASSERT_TRUE(reader->number("SELECT COUNT(*) FROM events").has_value());
      ends = std::jthread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1500));
        reading.reset();
      });
    }
  });
  EXPECT_EQ(events().size(), 1u);
}

// --- whatever others commit meanwhile

// Others at work: an engine that appends, replaces, freezes and counts history, repairs, and jobs
// that move. Knows what `events` must be.
class Others {
 public:
  Others(Warehouse& warehouse, SourceId source, std::vector<WriterEpoch> writers, uint32_t seed)
      : warehouse_(warehouse), source_(source), writers_(std::move(writers)), random_(seed) {}

  void work(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (at_most(9)) {
        case 0:
        case 1:
        case 2:
          begin_slice(some_cells(at_most(1) == 0));
          break;
        case 3:
        case 4:
          append();
          break;
        case 5:
        case 6:
          replace(at_most(1) == 0);
          break;
        case 7:
          freeze();
          break;
        case 8:
          count_history();
          break;
        default:
          move_job();
      }
    }
  }
  Contribution expected() const {
    Contribution all = frozen_;
    for (const auto& [key, slice] : slices_) {
      all = merge(all, slice.contribution);
    }
    return all;
  }
  // Slices of hours in which nothing ever freezes.
  void begin_recent() {
    for (int i = 0; i < 3; ++i) {
      begin_slice(recent_cells());
    }
  }
  // What slices are to become, in a copy of the ledger: some of those that are there, and a new
  // one.
  Result<ReplacedSlices> replace_in(Warehouse& copy) {
    ReplacedSlices made{"raw log", {}};
    planned_.clear();
    for (const auto& [key, slice] : slices_) {
      if (at_most(2) == 0) {
        planned_[key] = {slice.revision, 0, some_cells(is_old(slice.contribution))};
      } else if (is_recent(slice.contribution)) {
        planned_[key] = {slice.revision, 0, recent_cells()};
      }
    }
    planned_[{0, kFirstNew + ++replacements_}] = {0, 0, some_cells(false)};
    planned_[{1, kFirstNew + replacements_}] = {0, 0, recent_cells()};
    for (auto& [key, slice] : planned_) {
      slice.rows = rows_of(slice.contribution);
      Commit replaced = commit_of(key, {slice.revision, 0, {}}, slice.contribution,
                                  ChangeMode::kReplace, slice.contribution, false);
      replaced.slices[0].rejects = {reject(static_cast<uint64_t>(slice.rows), "bid")};
      HIRESTREAM_ASSIGN(const CommitOutcome outcome, copy.commit(replaced));
      EXPECT_EQ(outcome.verdict, CommitVerdict::kCommitted);
      made.slices.push_back(key);
      ++slice.revision;
    }
    return made;
  }
  // They have taken their places.
  void adopt(const std::vector<SliceKey>& replaced) {
    for (const SliceKey& key : replaced) {
      const auto known = slices_.find(key);
      if (known == slices_.end() || known->second.revision < planned_.at(key).revision) {
        slices_[key] = planned_.at(key);
      }
    }
  }
  // The ledger has them so.
  void expect_stored() {
    for (const auto& [key, slice] : slices_) {
      const auto stored = warehouse_.load_contributions(source_, {&key, 1});
      ASSERT_TRUE(stored.has_value()) << stored.error().text();
      EXPECT_EQ(stored->front().entry.revision, slice.revision);
      EXPECT_EQ(stored->front().contribution, slice.contribution);
    }
  }
  int64_t company_of(int64_t job) const {
    const auto company = companies_.find(job);
    return company == companies_.end() ? 0 : company->second;
  }

 private:
  struct Slice {
    int64_t revision = 0;
    int64_t rows = 0;
    Contribution contribution;
  };

  int64_t at_most(int64_t most) { return std::uniform_int_distribution<int64_t>(0, most)(random_); }
  // Hours that may freeze, or that follow on them and overlap.
  Contribution some_cells(bool old) {
    Contribution cells;
    for (int64_t i = at_most(5); i >= 0; --i) {
      const auto hour = static_cast<int32_t>(old ? at_most(kFreezing - 1) : 10 + at_most(30));
      cells.push_back(cell(kHour + hour, 1 + at_most(4), clicks(1 + at_most(3), at_most(900))));
    }
    canonicalize(cells);
    return cells;
  }
  Contribution recent_cells() {
    Contribution cells;
    for (int64_t i = at_most(3); i >= 0; --i) {
      cells.push_back(cell(kHour + kRecent + static_cast<int32_t>(at_most(5)), 1 + at_most(4),
                           clicks(1 + at_most(3), at_most(900))));
    }
    canonicalize(cells);
    return cells;
  }
  static bool is_recent(const Contribution& cells) {
    return !cells.empty() && cells.front().key.local_hour >= kHour + kRecent;
  }
  static bool is_old(const Contribution& cells) {
    return cells.empty() || cells.back().key.local_hour < kHour + kFreezing;
  }
  static int64_t rows_of(const Contribution& cells) {
    int64_t rows = 0;
    for (const Cell& cell : cells) {
      rows += cell.measures.clicks;
    }
    return rows;
  }
  std::map<SliceKey, Slice>::iterator some_slice() {
    auto slice = slices_.begin();
    if (slice != slices_.end()) {
      std::advance(slice, at_most(static_cast<int64_t>(slices_.size()) - 1));
    }
    return slice;
  }
  Commit commit_of(const SliceKey& key, const Slice& was, const Contribution& is, ChangeMode mode,
                   const Contribution& stored, bool as_engine) {
    Commit commit;
    commit.source = source_;
    if (as_engine) {
      commit.writers = writers_;
    }
    commit.token = ++token_;
    commit.now_us = 1'700'000'000'000'000 + static_cast<int64_t>(token_);
    SliceChange made = change(key, was.revision, mode, stored);
    made.entry.classes.counted = rows_of(is);
    made.entry.digest.rows = rows_of(is);
    commit.slices = {made};
    for (const Cell& cell : difference(is, was.contribution)) {
      commit.cells.push_back({cell.key, cell.measures, company_of(cell.key.job_id)});
    }
    return commit;
  }
  // Replaced by the rebuild meanwhile: known as it is now.
  bool met_replaced(const Commit& commit) {
    const SliceKey key = commit.slices.empty() ? SliceKey{} : commit.slices[0].entry.key;
    const auto planned = planned_.find(key);
    if (planned == planned_.end() ||
        commit.slices[0].entry.revision + 1 != planned->second.revision) {
      return false;
    }
    const auto stored = warehouse_.load_contributions(source_, {&key, 1});
    EXPECT_TRUE(stored.has_value());
    if (!stored || stored->front().contribution != planned->second.contribution ||
        stored->front().entry.revision != planned->second.revision) {
      return false;
    }
    slices_[key] = planned->second;
    return true;
  }
  // False: another one has replaced its slice, nothing is committed.
  bool commit(Commit commit) {
    bool committed = false;
    try_commit(std::move(commit), committed);
    return committed;
  }
  void try_commit(Commit commit, bool& committed) {
    for (int tries = 0; tries < 100; ++tries) {
      if (commit.writers.empty()) {
        const auto changes = warehouse_.changes();
        ASSERT_TRUE(changes.has_value()) << changes.error().text();
        commit.based_on_changes = *changes;
      }
      const auto outcome = warehouse_.commit(commit);
      committed = outcome && outcome->verdict == CommitVerdict::kCommitted;
      if (committed ||
          (outcome && outcome->verdict == CommitVerdict::kConflict && met_replaced(commit))) {
        return;
      }
      // A table that is locked for too long, or a count that moved.
      ASSERT_TRUE(outcome.has_value() ? outcome->verdict == CommitVerdict::kConflict
                                      : outcome.error().kind == ErrorKind::kTransient)
          << (outcome ? "fenced" : outcome.error().text());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "cannot commit";
  }
  void begin_slice(const Contribution& given) {
    const SliceKey key{static_cast<int32_t>(at_most(kShards - 1)), ++next_bucket_};
    if (commit(commit_of(key, {}, given, ChangeMode::kReplace, given, true))) {
      slices_[key] = {1, rows_of(given), given};
    }
  }
  void append() {
    const auto at = some_slice();
    if (at == slices_.end()) {
      return;
    }
    const Contribution more = some_cells(is_old(at->second.contribution));
    const Contribution is = merge(at->second.contribution, more);
    if (commit(commit_of(at->first, at->second, is, ChangeMode::kAppend, more, true))) {
      at->second = {at->second.revision + 1, rows_of(is), is};
    }
  }
  void replace(bool as_engine) {
    const auto at = some_slice();
    if (at == slices_.end()) {
      return;
    }
    const Contribution is = some_cells(is_old(at->second.contribution));
    if (commit(commit_of(at->first, at->second, is, ChangeMode::kReplace, is, as_engine))) {
      at->second = {at->second.revision + 1, rows_of(is), is};
    }
  }
  void add_frozen(Commit& commit, int32_t shard, const Contribution& given) {
    commit.frozen_days = {{shard, 19723, 1, {rows_of(given), 1}, {.counted = rows_of(given)}}};
    for (Cell hour : given) {
      hour.key = {.local_hour = hour.key.local_hour};
      commit.frozen_hours.push_back(hour);
    }
    canonicalize(commit.frozen_hours);
  }
  void freeze() {
    const auto at = some_slice();
    if (at == slices_.end() || !is_old(at->second.contribution)) {
      return;
    }
    Commit frozen =
        commit_of(at->first, at->second, at->second.contribution, ChangeMode::kFreeze, {}, true);
    add_frozen(frozen, at->first.shard, at->second.contribution);
    if (commit(std::move(frozen))) {
      frozen_ = merge(frozen_, at->second.contribution);
      slices_.erase(at);
    }
  }
  void count_history() {
    const Contribution given = some_cells(true);
    Commit history = commit_of({0, -1}, {}, given, ChangeMode::kReplace, given, true);
    history.slices.clear();
    add_frozen(history, 0, given);
    if (commit(std::move(history))) {
      frozen_ = merge(frozen_, given);
    }
  }
  void move_job() {
    Job job;
    job.job_id = 1 + at_most(4);
    job.company_id = companies_[job.job_id] = 1 + at_most(50);
    for (int tries = 0; tries < 100; ++tries) {
      const auto stored = warehouse_.store_jobs(std::vector{job}, 1'700'000'000'000'000);
      if (stored) {
        return;
      }
      ASSERT_EQ(stored.error().kind, ErrorKind::kTransient) << stored.error().text();
    }
    ADD_FAILURE() << "cannot store jobs";
  }

  Warehouse& warehouse_;
  SourceId source_;
  std::vector<WriterEpoch> writers_;
  std::mt19937 random_;
  uint64_t token_ = 1;
  int64_t next_bucket_ = 0;
  std::map<SliceKey, Slice> slices_;
  std::map<SliceKey, Slice> planned_;
  int64_t replacements_ = 0;
  Contribution frozen_;
  std::map<int64_t, int64_t> companies_;
};

TEST_P(RebuildContract, IsExactWhateverOthersCommitMeanwhile) {
  start(kShards);
  const uint32_t seeds = GetParam() == "sqlite" ? 12 : 5;
  Others others(*warehouse_, source_, writers_, 1);
  others.work(30);
  for (uint32_t seed = 1; seed <= seeds; ++seed) {
    std::mt19937 random(seed);
    if (seed % 3 == 0) {  // in hours that do not freeze
      database_->run("DELETE FROM " + events_table() +
                     " WHERE job_id = 2 AND hours >= " + std::to_string(kFreezing));
    }
    std::vector<std::jthread> working;
    const auto join = [&working] { working.clear(); };
    const auto done =
        try_rebuild({.allow_shrink = true, .cells_max = seed % 2 == 0 ? 30u : 100'000u},
                    [&](std::string_view step) {
                      const int steps = static_cast<int>(random() % 12);
                      if (step != "locked" && step != "ready") {
                        others.work(steps);
                      } else if (working.empty()) {
                        // Waits for the swap.
                        working.emplace_back([&others, steps] { others.work(steps); });
                        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
                      }
                    });
    join();
    ASSERT_TRUE(done.has_value()) << done.error().text();
    ASSERT_EQ(done->hours_unexplained, 0) << "seed " << seed;
    ASSERT_EQ(events(), others.expected()) << "seed " << seed;
    ASSERT_EQ(days(), events_by_day()) << "seed " << seed;
    for (int64_t job = 1; job <= 5; ++job) {
      ASSERT_EQ(company_in_events(job), others.company_of(job)) << "seed " << seed;
    }
  }
  expect_nothing_left();
}

// --- slices that are replaced in the same step

class ReplacingRebuild : public RebuildContract {};

TEST_P(ReplacingRebuild, LedgerAndEventsChangeTogether) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5)), cell(kHour + 1, 1, clicks(1, 1))};
  const Contribution other{cell(kHour, 1, clicks(1, 7))};
  const Contribution better{cell(kHour, 1, clicks(3, 6)), cell(kHour + 30, 4, clicks(1, 2))};
  count({0, 100}, old);
  count({1, 100}, other);
  RebuildOptions options;
  options.replace = [&](Warehouse& copy) -> Result<ReplacedSlices> {
    SliceChange replaced = change({0, 100}, 1, ChangeMode::kReplace, better);
    replaced.entry.classes.counted = 4;
    replaced.entry.digest.rows = 4;
    replaced.not_counted = {other_kind("alive", 3, 9)};
    Commit commit = commit_of({replaced, change({0, 200}, 0, ChangeMode::kReplace, {})});
    commit.writers = {};
    add_cells(commit, old, better);
    EXPECT_EQ(take(copy.commit(commit)).verdict, CommitVerdict::kCommitted);
    return ReplacedSlices{"raw log", {{0, 100}, {0, 200}}};
  };
  const RebuildReport report = rebuild(options, [&](std::string_view step) {
    if (step != "locked" && step != "ready") {
      EXPECT_EQ(events(), merge(old, other)) << step;
      EXPECT_EQ(stored({0, 100}), old) << step;
    }
  });
  EXPECT_EQ(report.slices_replaced, (std::vector<SliceKey>{{0, 100}, {0, 200}}));
  EXPECT_EQ(report.cells_put_back + report.cells_taken_away, 0);
  EXPECT_EQ(events(), merge(better, other));
  EXPECT_EQ(stored({0, 100}), better);
  EXPECT_EQ(stored({1, 100}), other);
  EXPECT_EQ(entry({0, 200}).revision, 1);
  EXPECT_EQ(kinds().size(), 1u);
  expect_nothing_left();
  count({0, 300}, other);
  EXPECT_EQ(events(), merge(merge(better, other), other));
}

TEST_P(ReplacingRebuild, ShrinkIsMeasuredByTheLedgerAsItWas) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, old);
  RebuildOptions options;
  options.replace = [&](Warehouse& copy) -> Result<ReplacedSlices> {
    Commit commit = commit_of({change({0, 100}, 1, ChangeMode::kReplace, {})});
    commit.writers = {};
    EXPECT_EQ(take(copy.commit(commit)).verdict, CommitVerdict::kCommitted);
    return ReplacedSlices{"raw log", {{0, 100}}};
  };
  database_->run("UPDATE events SET clicks = clicks + 1");
  EXPECT_THAT(try_rebuild(options).error().hint, HasSubstr("--allow-shrink"));
  EXPECT_EQ(stored({0, 100}), old);
  database_->run("UPDATE events SET clicks = clicks - 1");
  rebuild(options);
  EXPECT_EQ(events(), Contribution{});
  EXPECT_EQ(stored({0, 100}), Contribution{});
}

// An engine that is late must not write to the ledger of before, not even where no cell changes.
TEST_P(ReplacingRebuild, CommitsWithoutCellsWaitForTheSwap) {
  start();
  count({0, 100}, {cell(kHour, 1, clicks(2, 5))});
  RebuildOptions options;
  options.replace = [&](Warehouse&) -> Result<ReplacedSlices> {
    return ReplacedSlices{"raw log", {}};
  };
  auto engine = database_->open();
  std::jthread late;
  std::atomic<bool> committed = false;
  rebuild(options, [&](std::string_view step) {
    if (step == "locked") {
      late = std::jthread([&] {
        const auto outcome =
            engine->commit(commit_of({change({0, 500}, 0, ChangeMode::kReplace, {})}));
        EXPECT_TRUE(outcome.has_value() && outcome->verdict == CommitVerdict::kCommitted);
        committed = true;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      EXPECT_FALSE(committed);
    }
  });
  late.join();
  EXPECT_EQ(entry({0, 500}).revision, 1);
}

// Its engine counts what lies below a shard's first mark, but for what the ledger has by then.
TEST_P(ReplacingRebuild, WhatAFirstMarkHasPassedMeanwhileIsLeftToTheEngine) {
  start(4);
  const Contribution known{cell(kHour, 1, clicks(1, 7))};
  const Contribution history{cell(kHour, 1, clicks(2, 5)), cell(kHour + 30, 3, clicks(1, 1))};
  const Contribution newer{cell(kHour + 60, 4, clicks(1, 2))};
  const auto whole = [](const SliceKey& key, int64_t revision, const Contribution& given) {
    SliceChange made = change(key, revision, ChangeMode::kReplace, given);
    for (const Cell& cell : given) {
      made.entry.classes.counted += cell.measures.clicks;
    }
    made.entry.digest.rows = made.entry.classes.counted;
    return made;
  };
  Contribution expected;
  int32_t shard = 0;
  for (const std::string at : {"replaced", "filled", "keyed", "caught up"}) {
    const SliceKey counted{shard, 50};
    const SliceKey passed{shard, 100};
    const SliceKey kept{shard, 300};
    count(counted, known);
    RebuildOptions options;
    options.replace = [&](Warehouse& copy) -> Result<ReplacedSlices> {
      Commit commit =
          commit_of({whole(counted, 1, newer), whole(passed, 0, history), whole(kept, 0, newer)});
      commit.writers = {};
      EXPECT_EQ(take(copy.commit(commit)).verdict, CommitVerdict::kCommitted);
      return ReplacedSlices{"raw log", {counted, passed, kept}};
    };
    const RebuildReport report = rebuild(options, [&](std::string_view step) {
      if (step == at) {
        Commit mark = commit_of({});
        mark.frozen_marks = {{shard, 200, 0}};
        EXPECT_EQ(verdict(mark), CommitVerdict::kCommitted);
      }
    });
    EXPECT_EQ(report.slices_replaced, (std::vector<SliceKey>{counted, kept})) << at;
    EXPECT_EQ(entry(passed).revision, 0) << at;
    EXPECT_EQ(entry(kept).revision, 1) << at;
    expected = merge(expected, merge(newer, newer));
    EXPECT_EQ(events(), expected) << at;
    EXPECT_EQ(days(), events_by_day()) << at;
    ++shard;
  }
  expect_nothing_left();
}

TEST_P(ReplacingRebuild, AnErrorAtAnyStepChangesNothing) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, old);
  for (const std::string at : {"replaced", "filled", "keyed", "caught up", "locked", "ready"}) {
    RebuildOptions options;
    options.replace = [&](Warehouse& copy) -> Result<ReplacedSlices> {
      Commit commit = commit_of({change({0, 100}, 1, ChangeMode::kReplace, {})});
      commit.writers = {};
      EXPECT_EQ(take(copy.commit(commit)).verdict, CommitVerdict::kCommitted);
      return ReplacedSlices{"raw log", {{0, 100}}};
    };
    expect_failure_at(at, options);
    EXPECT_EQ(events(), old) << at;
    EXPECT_EQ(stored({0, 100}), old) << at;
    expect_nothing_left();
  }
}

TEST_P(ReplacingRebuild, IsExactWhateverOthersCommitMeanwhile) {
  start(kShards);
  Others others(*warehouse_, source_, writers_, 7);
  others.work(30);
  size_t replaced = 0;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    others.begin_recent();
    RebuildOptions options;
    options.cells_max = seed % 2 == 0 ? 30u : 100'000u;
    options.replace = [&](Warehouse& copy) { return others.replace_in(copy); };
    std::vector<std::jthread> working;
    const auto done = try_rebuild(options, [&](std::string_view step) {
      const int steps = static_cast<int>(random() % 12);
      if (step != "locked" && step != "ready") {
        others.work(steps);
      } else if (working.empty()) {
        working.emplace_back([&others, steps] { others.work(steps); });
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
      }
    });
    working.clear();
    ASSERT_TRUE(done.has_value()) << done.error().text();
    others.adopt(done->slices_replaced);
    replaced += done->slices_replaced.size();
    ASSERT_EQ(done->hours_unexplained, 0) << "seed " << seed;
    ASSERT_EQ(events(), others.expected()) << "seed " << seed;
    ASSERT_EQ(days(), events_by_day()) << "seed " << seed;
    others.expect_stored();
  }
  EXPECT_GT(replaced, 12u);
  expect_nothing_left();
}

class OneLedger : public RebuildContract {};

TEST_P(OneLedger, WhatIsSomebodyElsesIsNotDroppedWithTheOldTables) {
  start();
  const Contribution one{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, one);
  rebuild();
  struct Case {
    std::string make;
    std::string name;
    std::string drop;
  };
  for (const Case& theirs :
       {Case{"ALTER TABLE events_micros ADD COLUMN note TEXT", "column note",
             "ALTER TABLE events_micros DROP COLUMN note"},
        Case{"CREATE INDEX by_clicks ON events_micros (clicks)", "index by_clicks",
             "DROP INDEX by_clicks"},
        Case{"CREATE TRIGGER told AFTER INSERT ON hirestream_days BEGIN SELECT 1; END",
             "trigger told", "DROP TRIGGER told"}}) {
    database_->run(theirs.make);
    const auto refused = try_rebuild();
    ASSERT_FALSE(refused.has_value()) << theirs.name;
    EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(refused.error().message, testing::EndsWith(": " + theirs.name));
    expect_nothing_left();
    database_->run(theirs.drop);
  }
  rebuild();
  EXPECT_EQ(events(), one);
}

TEST_P(OneLedger, IsSaid) {
  start();
  RebuildOptions options;
  options.replace = [](Warehouse&) -> Result<ReplacedSlices> { return ReplacedSlices{}; };
  const auto refused = try_rebuild(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().hint, HasSubstr("hirestream publish"));
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Rebuild, ReplacingRebuild, testing::Values("mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });
INSTANTIATE_TEST_SUITE_P(Rebuild, OneLedger, testing::Values("sqlite"),
                         [](const auto& tested) { return tested.param; });
INSTANTIATE_TEST_SUITE_P(Rebuild, RebuildContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream::rebuild_contract
