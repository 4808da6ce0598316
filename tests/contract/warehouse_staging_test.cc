// What every SQL warehouse's staging must do, and publishing from it, with the pipeline's own
// decision in between.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sql/staging.h"
#include "pipeline/publish.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

constexpr int64_t kStagedMinuteUs = 60'000'000;
constexpr int64_t kRunBegunUs = 1'700'000'000'000'000;
constexpr int64_t kStagedBucket = kRunBegunUs / kStagedMinuteUs - 100;
constexpr int32_t kStagedHour = 472'222;
constexpr SliceKey kSliceA = {0, kStagedBucket};
constexpr SliceKey kSliceB = {1, kStagedBucket};
constexpr SliceKey kSliceC = {1, kStagedBucket + 1};

class StagingClock final : public Clock {
 public:
  int64_t now_us() override { return kRunBegunUs + 5 * kStagedMinuteUs; }
};

// Fails where it is told to, as a process that is killed there.
class DyingStaging final : public Staging {
 public:
  explicit DyingStaging(Staging& inner) : inner_(inner) {}
  int drops_left = 1'000'000;
  // After the ledger was looked at, and before anything is committed.
  std::function<void()> on_load = [] {};

  Result<void> begin(const StagedRun& run) override { return inner_.begin(run); }
  Result<StagedRun> find(const std::string& run) override { return inner_.find(run); }
  Result<void> stage(const std::string& run, int64_t attempt,
                     std::span<const SlicePart> parts) override {
    return inner_.stage(run, attempt, parts);
  }
  Result<void> accept(const std::string& run, std::span<const int64_t> attempts) override {
    return inner_.accept(run, attempts);
  }
  Result<StagedCounts> counts(const std::string& run) override { return inner_.counts(run); }
  Result<std::vector<SliceKey>> slices(const std::string& run, const std::optional<SliceKey>& after,
                                       size_t limit) override {
    return inner_.slices(run, after, limit);
  }
  Result<std::vector<StagedSlice>> load(const std::string& run,
                                        std::span<const SliceKey> keys) override {
    on_load();
    return inner_.load(run, keys);
  }
  Result<void> drop(const std::string& run, std::span<const SliceKey> keys) override {
    if (drops_left-- <= 0) {
      return fail(ErrorKind::kTransient, "drop", run, "killed");
    }
    return inner_.drop(run, keys);
  }
  Result<void> finish(const std::string& run, int64_t published_us) override {
    return inner_.finish(run, published_us);
  }
  Result<void> forget(const std::string& run) override { return inner_.forget(run); }
  Result<void> expire(int64_t before_us) override { return inner_.expire(before_us); }

 private:
  Staging& inner_;
};

// `clicks` rows of job 1, and of job 2 as many.
SlicePart clicked_part(const SliceKey& key, int64_t clicks, uint64_t hash = 77) {
  return {
      .key = key,
      .digest = {2 * clicks + 1, hash},
      .classes = {.counted = 2 * clicks, .other = 1},
      .contribution = {{{kStagedHour, 1, 2, 3, 4}, {.clicks = clicks, .bid_micros = clicks * 1000}},
                       {{kStagedHour, 2, 2, 3, 4}, {.clicks = clicks}}},
      .not_counted = {{.why = WhyNotCounted::kOtherKind, .kind = "alive", .rows = 1}}};
}

class StagingContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    database_ = make_database(GetParam());
    warehouse_ = database_->open();
    const auto made = warehouse_->init();
    ASSERT_TRUE(made.has_value()) << made.error().text();
    staging_ = std::make_unique<SqlStaging>(open_session(*database_, GetParam()));
  }

  static void ok(const Result<void>& result) {
    EXPECT_TRUE(result.has_value()) << result.error().text();
  }
  static StagedRun run_of(const std::string& id, bool strongest = false) {
    return {.id = id,
            .source = {.name = "raw log",
                       .kind = "cassandra",
                       .fingerprint = {{"strategy", "tail"}, {"bucket_width_s", "60"}}},
            .shard_count = 2,
            .strongest = strongest,
            .begun_us = kRunBegunUs};
  }
  void stage(const std::string& run, int64_t attempt, std::vector<SlicePart> parts) {
    ok(staging_->stage(run, attempt, parts));
  }
  void accept(const std::string& run, std::vector<int64_t> attempts) {
    ok(staging_->accept(run, attempts));
  }
  Result<PublishReport> compare(const std::string& run) {
    PublishOptions options;
    options.run = run;
    options.compare = true;
    options.whole = true;
    return publish(
        {.staging = *staging_, .warehouse = *warehouse_, .clock = clock_, .observer = observer_},
        options);
  }
  Result<PublishReport> try_publish(const std::string& run, Staging& staging,
                                    bool allow_shrink = false) {
    PublishOptions options;
    options.run = run;
    options.slices_per_commit = 1;
    options.engine.allow_shrink = allow_shrink;
    options.engine.allow_shrink_expired = allow_shrink;
    return publish(
        {.staging = staging, .warehouse = *warehouse_, .clock = clock_, .observer = observer_},
        options);
  }
  PublishReport publish_run(const std::string& run, bool allow_shrink = false) {
    auto report = try_publish(run, *staging_, allow_shrink);
    EXPECT_TRUE(report.has_value()) << report.error().text();
    return report ? std::move(*report) : PublishReport();
  }
  // Stages and publishes at once.
  PublishReport count(const std::string& run, std::vector<SlicePart> parts) {
    ok(staging_->begin(run_of(run)));
    stage(run, 1, std::move(parts));
    accept(run, {1});
    return publish_run(run);
  }
  int64_t clicks() {
    return database_->number("SELECT COALESCE(SUM(clicks), 0) FROM " +
                             std::string(database_->is_sqlite() ? "events_micros" : "events"));
  }
  int64_t clicks_of_ledger() {
    int64_t sum = 0;
    const auto known = warehouse_->sources();
    const std::array<SliceKey, 3> keys = {kSliceA, kSliceB, kSliceC};
    const auto stored = warehouse_->load_contributions(known->front().id, keys);
    for (const StoredContribution& slice : *stored) {
      for (const Cell& cell : slice.contribution) {
        sum += cell.measures.clicks;
      }
    }
    return sum;
  }
  LedgerEntry entry(const SliceKey& key) {
    const auto known = warehouse_->sources();
    const auto stored = warehouse_->load_contributions(known->front().id, std::array{key});
    return stored->front().entry;
  }

  std::unique_ptr<WarehouseDatabase> database_;
  std::unique_ptr<Warehouse> warehouse_;
  std::unique_ptr<SqlStaging> staging_;
  StagingClock clock_;
  NullObserver observer_;
};

TEST_P(StagingContract, KeepsARunAsItWasBegun) {
  StagedRun run = run_of("june", true);
  run.lifetime_us = 1'000'000;
  ok(staging_->begin(run));
  const auto found = staging_->find("june");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->source.name, run.source.name);
  EXPECT_EQ(found->source.fingerprint, run.source.fingerprint);
  EXPECT_EQ(found->shard_count, 2);
  EXPECT_EQ(found->lifetime_us, run.lifetime_us);
  EXPECT_TRUE(found->strongest);
  EXPECT_EQ(found->begun_us, kRunBegunUs);
  EXPECT_FALSE(staging_->begin(run).has_value());
  EXPECT_EQ(staging_->find("july").error().kind, ErrorKind::kConfig);
}

TEST_P(StagingContract, OnlyAcceptedAttemptsCount) {
  ok(staging_->begin(run_of("june")));
  stage("june", 7, {clicked_part(kSliceA, 5), clicked_part(kSliceB, 1)});
  stage("june", 8, {clicked_part(kSliceA, 5)});
  stage("june", 9, {});
  accept("june", {8, 9});
  const auto counts = staging_->counts("june");
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->slices, 1);
  EXPECT_EQ(counts->attempts_accepted, 2);
  EXPECT_EQ(counts->attempts_discarded, 1);
  EXPECT_EQ(*staging_->slices("june", std::nullopt, 10), std::vector<SliceKey>{kSliceA});
  const std::array<SliceKey, 2> keys = {kSliceA, kSliceB};
  const auto loaded = staging_->load("june", keys);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  EXPECT_EQ((*loaded)[0].parts, std::vector<SlicePart>{clicked_part(kSliceA, 5)});
  EXPECT_TRUE((*loaded)[1].parts.empty());
}

TEST_P(StagingContract, AReceiptOfAnAttemptThatStagedNothingIsRefused) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 5)});
  const std::array<int64_t, 2> attempts = {1, 2};
  EXPECT_EQ(staging_->accept("june", attempts).error().kind, ErrorKind::kConfig);
  EXPECT_EQ(staging_->counts("june")->attempts_accepted, 0);
}

TEST_P(StagingContract, AnAttemptThatStagesAgainReplacesItself) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 5), clicked_part(kSliceB, 5)});
  stage("june", 1, {clicked_part(kSliceA, 6)});
  accept("june", {1});
  EXPECT_EQ(publish_run("june").slices_published, 1);
  EXPECT_EQ(clicks(), 12);
}

TEST_P(StagingContract, SlicesComeInPagesInTheOrderOfTheirKeys) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceC, 1), clicked_part(kSliceA, 1)});
  stage("june", 2, {clicked_part(kSliceB, 1), clicked_part(kSliceA, 1)});
  accept("june", {1, 2});
  EXPECT_EQ(*staging_->slices("june", std::nullopt, 2), (std::vector<SliceKey>{kSliceA, kSliceB}));
  EXPECT_EQ(*staging_->slices("june", kSliceB, 2), std::vector<SliceKey>{kSliceC});
  EXPECT_TRUE(staging_->slices("june", kSliceC, 2)->empty());
}

TEST_P(StagingContract, NothingIsStagedOfARunThatIsNotThereOrIsPublished) {
  const std::vector<SlicePart> parts = {clicked_part(kSliceA, 1)};
  EXPECT_EQ(staging_->stage("june", 1, parts).error().kind, ErrorKind::kConfig);
  count("june", parts);
  EXPECT_EQ(staging_->stage("june", 2, parts).error().kind, ErrorKind::kConfig);
}

TEST_P(StagingContract, WhatNobodyPublishesExpires) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 1)});
  ok(staging_->expire(kRunBegunUs));
  EXPECT_TRUE(staging_->find("june").has_value());
  ok(staging_->expire(kRunBegunUs + 1));
  EXPECT_FALSE(staging_->find("june").has_value());
  for (const char* table : {"runs", "attempts", "revisions", "slices"}) {
    EXPECT_EQ(database_->number(fmt::format("SELECT COUNT(*) FROM hirestream_staged_{}", table)), 0)
        << table;
  }
}

TEST_P(StagingContract, PublishingAddsUpPartsAndRegistersASourceThatIsNew) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 5, 100), clicked_part(kSliceB, 1)});
  stage("june", 2, {clicked_part(kSliceA, 2, 23)});
  accept("june", {1, 2});
  const PublishReport report = publish_run("june");
  EXPECT_EQ(report.slices_published, 2);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.rows, 11 + 5 + 3);
  EXPECT_EQ(clicks(), 2 * (5 + 2 + 1));
  EXPECT_EQ(entry(kSliceA).digest, (RowDigest{16, 123}));
  EXPECT_EQ(entry(kSliceA).state, SliceState::kSettled);
  EXPECT_EQ(entry(kSliceA).classes.other, 2);
  const auto known = warehouse_->sources();
  EXPECT_EQ(warehouse_->load_not_counted(known->front().id, 10)->front().rows, 3);
}

TEST_P(StagingContract, PublishedTwiceNothingIsCountedTwice) {
  EXPECT_EQ(count("june", {clicked_part(kSliceA, 5)}).slices_published, 1);
  const PublishReport again = publish_run("june");
  EXPECT_EQ(again.slices_published, 0);
  EXPECT_NE(again.run.published_us, 0);
  const PublishReport recounted = count("july", {clicked_part(kSliceA, 5)});
  EXPECT_EQ(recounted.slices_unchanged, 1);
  EXPECT_EQ(recounted.slices_published, 0);
  EXPECT_EQ(clicks(), 10);
}

TEST_P(StagingContract, GoesOnWhereItWasKilledBetweenCommitAndDrop) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 5), clicked_part(kSliceB, 3), clicked_part(kSliceC, 1)});
  accept("june", {1});
  for (int killed = 0; killed < 3; ++killed) {
    DyingStaging dying(*staging_);
    dying.drops_left = killed == 0 ? 0 : 1;
    EXPECT_FALSE(try_publish("june", dying).has_value());
    EXPECT_EQ(clicks(), clicks_of_ledger());
  }
  const PublishReport last = publish_run("june");
  EXPECT_TRUE(last.complete());
  EXPECT_EQ(clicks(), 2 * 9);
  EXPECT_EQ(clicks_of_ledger(), 2 * 9);
}

TEST_P(StagingContract, ASliceThatSomebodyElseReplacedMeanwhileIsLeftAlone) {
  count("june", {clicked_part(kSliceA, 5), clicked_part(kSliceB, 5)});
  ok(staging_->begin(run_of("july")));
  stage("july", 1, {clicked_part(kSliceA, 6), clicked_part(kSliceB, 6), clicked_part(kSliceC, 6)});
  accept("july", {1});
  count("august", {clicked_part(kSliceA, 8), clicked_part(kSliceC, 8)});
  const PublishReport report = publish_run("july");
  EXPECT_EQ(report.slices_moved, 2);
  EXPECT_EQ(report.recount, (std::vector<SliceKey>{kSliceA, kSliceC}));
  EXPECT_EQ(report.slices_published, 1);
  EXPECT_EQ(clicks(), 2 * (8 + 6 + 8));
}

TEST_P(StagingContract, OneThatSomebodyElseReplacesAtThatMomentIsLeftAlone) {
  count("june", {clicked_part(kSliceA, 5)});
  ok(staging_->begin(run_of("july")));
  stage("july", 1, {clicked_part(kSliceA, 6)});
  accept("july", {1});
  DyingStaging beside(*staging_);
  beside.on_load = [this, done = false]() mutable {
    if (!std::exchange(done, true)) {
      count("august", {clicked_part(kSliceA, 8)});
    }
  };
  const auto report = try_publish("july", beside);
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->slices_published, 0);
  EXPECT_EQ(report->recount, std::vector<SliceKey>{kSliceA});
  EXPECT_EQ(clicks(), 16);
}

TEST_P(StagingContract, OneThatWasReplacedByTheSameNumbersIsNoConflict) {
  count("june", {clicked_part(kSliceA, 5)});
  ok(staging_->begin(run_of("july")));
  stage("july", 1, {clicked_part(kSliceA, 6)});
  accept("july", {1});
  count("august", {clicked_part(kSliceA, 6)});
  const PublishReport report = publish_run("july");
  EXPECT_EQ(report.slices_unchanged, 1);
  EXPECT_TRUE(report.complete());
}

TEST_P(StagingContract, NothingIsTakenAwayUnlessItIsProvedOrAllowed) {
  count("june", {clicked_part(kSliceA, 5)});
  const PublishReport held = count("july", {clicked_part(kSliceA, 4)});
  EXPECT_EQ(held.slices_held, 1);
  EXPECT_EQ(held.recount, std::vector<SliceKey>{kSliceA});
  EXPECT_EQ(clicks(), 10);
  ok(staging_->begin(run_of("august", true)));
  stage("august", 1, {clicked_part(kSliceA, 4)});
  accept("august", {1});
  EXPECT_EQ(publish_run("august", true).slices_published, 1);
  EXPECT_EQ(clicks(), 8);
}

TEST_P(StagingContract, ComparingWritesNothingAndTellsWhatDiffersAndWhatIsMissing) {
  count("june", {clicked_part(kSliceA, 5), clicked_part(kSliceB, 5)});
  ok(staging_->begin(run_of("july")));
  stage("july", 1, {clicked_part(kSliceA, 6), clicked_part(kSliceC, 1)});
  accept("july", {1});
  const auto report = compare("july");
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->slices_different, 2);
  EXPECT_EQ(report->slices_missing, 1);
  EXPECT_FALSE(report->complete());
  EXPECT_EQ(clicks(), 20);
  EXPECT_EQ(publish_run("july").slices_published, 2);
}

TEST_P(StagingContract, ComparingDoesNotMakeASourceKnown) {
  ok(staging_->begin(run_of("july")));
  stage("july", 1, {clicked_part(kSliceA, 6)});
  accept("july", {1});
  const auto report = compare("july");
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->slices_different, 1);
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM hirestream_sources"), 0);
  // What would be refused is refused here, too.
  StagedRun other = run_of("august");
  other.source.name = "another";
  other.source.fingerprint["timezone"] = "Asia/Tokyo";
  count("june", {clicked_part(kSliceA, 5)});
  database_->run("UPDATE hirestream_sources SET fingerprint = '{\"timezone\":\"UTC\"}'");
  ok(staging_->begin(other));
  EXPECT_FALSE(compare("august").has_value());
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM hirestream_sources"), 1);
}

TEST_P(StagingContract, AnOpenSliceStaysOpen) {
  count("june", {clicked_part({0, kRunBegunUs / kStagedMinuteUs}, 5)});
  EXPECT_EQ(entry({0, kRunBegunUs / kStagedMinuteUs}).state, SliceState::kOpen);
}

TEST_P(StagingContract, EpochsAreNotTouched) {
  count("june", {clicked_part(kSliceA, 5)});
  const auto known = warehouse_->sources();
  const std::array<int32_t, 2> shards = {0, 1};
  const auto taken = warehouse_->take_epochs(known->front().id, shards, "engine");
  ASSERT_TRUE(taken.has_value());
  count("july", {clicked_part(kSliceA, 6)});
  const std::string epochs = "SELECT SUM(epoch) FROM hirestream_writers";
  EXPECT_EQ(database_->number(epochs), taken->at(0).epoch + taken->at(1).epoch);
}

TEST_P(StagingContract, AnotherSourceUnderTheSameNameIsRefused) {
  count("june", {clicked_part(kSliceA, 5)});
  StagedRun other = run_of("july");
  other.source.fingerprint["bucket_width_s"] = "30";
  ok(staging_->begin(other));
  const auto report = try_publish("july", *staging_);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kConfig);
  EXPECT_NE(report.error().text().find("bucket_width_s"), std::string::npos);
}

TEST_P(StagingContract, ADamagedBlobIsAnErrorAndNoNumber) {
  ok(staging_->begin(run_of("june")));
  stage("june", 1, {clicked_part(kSliceA, 5)});
  accept("june", {1});
  database_->run("UPDATE hirestream_staged_slices SET contribution = x'48535031'");
  const auto report = try_publish("june", *staging_);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(clicks(), 0);
}

INSTANTIATE_TEST_SUITE_P(Staging, StagingContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
