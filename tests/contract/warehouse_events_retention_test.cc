// What every warehouse must allow: days that are kept no longer leave `events`, and nothing that
// can still change does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "pipeline/events_retention.h"
#include "warehouse_contract.h"

namespace hirestream::events_retention_contract {
namespace {

using testing::IsEmpty;

constexpr int32_t kDay = 19'723;  // 2024-01-01
constexpr int32_t kHour = kDay * 24;

Measures clicks(int64_t count, int64_t micros) {
  return {.clicks = count, .bid_micros = micros};
}

class EventsRetentionContract : public WarehouseContract {
 protected:
  void count(const SliceKey& key, const Contribution& given) {
    ASSERT_EQ(verdict(first_commit_of(key, given, rows_of(given))), CommitVerdict::kCommitted);
  }
  void freeze(const SliceKey& key, const Contribution& given) {
    SliceChange gone = change(key, 1, ChangeMode::kFreeze, {});
    gone.entry.classes.counted = rows_of(given);
    Commit commit = commit_of({gone});
    commit.frozen_days = {{key.shard, kDay, 1, {rows_of(given), 1}, {.counted = rows_of(given)}}};
    for (Cell hour : given) {
      hour.key = {.local_hour = hour.key.local_hour};
      commit.frozen_hours.push_back(hour);
    }
    canonicalize(commit.frozen_hours);
    ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  }
  EventsRetentionReport remove(EventsRetentionOptions options) {
    options.now_us = now_us_;
    options.token_seed = ++seed_;
    return take(remove_old_events(*warehouse_, options));
  }
  static int64_t rows_of(const Contribution& given) {
    int64_t rows = 0;
    for (const Cell& cell : given) {
      rows += cell.measures.clicks;
    }
    return rows;
  }

 private:
  uint64_t seed_ = 0;
};

TEST_P(EventsRetentionContract, OldDaysGoOnceWhatGaveThemIsFrozen) {
  start();
  const Contribution old{cell(kHour + 3, 1, clicks(2, 5)), cell(kHour + 20, 2, clicks(1, 1))};
  const Contribution late{cell(kHour + 3, 1, clicks(1, 9)), cell(kHour + 30, 1, clicks(1, 2))};
  const Contribution next_day{cell(kHour + 24, 1, clicks(4, 4))};
  count({0, 100}, old);
  count({0, 101}, next_day);
  count({0, 900}, late);
  freeze({0, 100}, old);
  freeze({0, 101}, next_day);
  EXPECT_EQ(remove({.first_kept_day = kDay}).cells_removed, 0);
  EXPECT_EQ(remove({.first_kept_day = kDay + 1}).cells_removed, 2);
  // What the ledger has of that day stays, all of the next day too.
  EXPECT_EQ(events(), merge(late, next_day));
  EXPECT_EQ(days(), events_by_day());
  const Contribution frozen{{{.local_hour = kHour + 24}, clicks(4, 4)}};
  EXPECT_EQ(take(warehouse_->frozen_totals()), frozen);
  EXPECT_EQ(remove({.first_kept_day = kDay + 1}).cells_removed, 0);
  // And goes, too, when it is frozen.
  freeze({0, 900}, late);
  EXPECT_EQ(remove({.first_kept_day = kDay + 1}).cells_removed, 1);
  EXPECT_EQ(events(), merge({late[1]}, next_day));
  EXPECT_EQ(days(), events_by_day());
}

TEST_P(EventsRetentionContract, EachTransactionIsSmallAndAllOfThemAreCounted) {
  start();
  Contribution old;
  for (int64_t job = 1; job <= 7; ++job) {
    old.push_back(cell(kHour, job, clicks(job, job)));
    old.push_back(cell(kHour + 1, job, clicks(job, job)));
  }
  canonicalize(old);
  count({0, 100}, old);
  freeze({0, 100}, old);
  const int64_t before = take(warehouse_->changes());
  // At first the first hour alone.
  EventsRetentionReport report =
      remove({.first_kept_day = kDay + 1, .cells_per_commit = 3, .cells_max = 1});
  EXPECT_EQ(report.cells_removed, 7);
  EXPECT_TRUE(report.more);
  EXPECT_EQ(take(warehouse_->changes()), before + 3);
  const Contribution frozen{{{.local_hour = kHour + 1}, clicks(28, 28)}};
  EXPECT_EQ(take(warehouse_->frozen_totals()), frozen);
  report = remove({.first_kept_day = kDay + 1, .cells_per_commit = 3, .cells_max = 1});
  EXPECT_EQ(report.cells_removed, 7);
  EXPECT_FALSE(report.more);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_THAT(take(warehouse_->frozen_totals()), IsEmpty());
}

TEST_P(EventsRetentionContract, RowsOfSomebodyElseGoWithTheHourAndLeaveNoDifference) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, old);
  freeze({0, 100}, old);
  Commit others = commit_of({});  // nobody's slice gave it
  others.cells = {{{kHour, 9, 11, 12, 13}, clicks(3, 3), 0}};
  if (GetParam() != "simulated") {  // which would see it
    ASSERT_EQ(verdict(others), CommitVerdict::kCommitted);
  }
  remove({.first_kept_day = kDay + 1});
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_THAT(take(warehouse_->frozen_totals()), IsEmpty());
}

TEST_P(EventsRetentionContract, DamagedLedgerHoldsItBack) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, old);
  count({0, 101}, old);
  freeze({0, 100}, old);
  database_->damage_contributions();
  const auto refused = remove_old_events(*warehouse_, {.first_kept_day = kDay + 1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(rows_of(events()), 4);
}

TEST_P(EventsRetentionContract, AnEngineStartsThoughAllRowsAreGone) {
  start();
  const Contribution old{cell(kHour, 1, clicks(2, 5))};
  count({0, 100}, old);
  freeze({0, 100}, old);
  remove({.first_kept_day = kDay + 1});
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(take(warehouse_->register_source({"raw log", "cassandra", fingerprint_})), source_);
  EXPECT_EQ(take(warehouse_->sources()).at(0).classes.counted, 2);
}

TEST_P(EventsRetentionContract, TheWarehouseKnowsWhatTimeItIs) {
  start();
  const int64_t now_us = take(warehouse_->now_us());
  EXPECT_GE(take(warehouse_->now_us()), now_us);
  if (GetParam() != "simulated") {
    const int64_t host_us = std::time(nullptr) * int64_t{1'000'000};
    EXPECT_LT(std::abs(host_us - now_us), 3'600'000'000);
  }
}

TEST(EventsRetention, WholeDaysAreCountedBackFromTheHour) {
  constexpr int64_t kDayUs = 86'400'000'000;
  EXPECT_EQ(first_kept_day(kHour, 2 * kDayUs), kDay - 2);
  EXPECT_EQ(first_kept_day(kHour + 23, 2 * kDayUs), kDay - 2);
  EXPECT_EQ(first_kept_day(kHour + 23, 2 * kDayUs - kDayUs / 2), kDay - 1);
}

INSTANTIATE_TEST_SUITE_P(EventsRetention, EventsRetentionContract,
                         testing::Values("simulated", "sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream::events_retention_contract
