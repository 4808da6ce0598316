// What the scan engine does in situations told one by one. Slices are minutes of event time; the
// first one is −10 s to 50 s.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulation/scenario.h"

namespace hirestream::simulation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class ScanScenario : public Scenario {
 public:
  ScanScenario() : Scenario(Strategy::kScan) {}
};

TEST(ScanEngine, CountsRowsOfEveryMinute) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.add_click({.arrival_s = 70, .visible_s = 70});
  scenario.run_until(90);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_EQ(scenario.slice(0).digest.rows, 1);
  EXPECT_EQ(scenario.slice(1).digest.rows, 1);
}

// A scan may take longer than an alert waits.
TEST(ScanEngine, TellsOfEachPageThatItReads) {
  ScanScenario scenario;
  for (int i = 0; i < 2000; ++i) {
    scenario.add_click({.arrival_s = 0.001 * i, .visible_s = 3});
  }
  scenario.run_until(30);
  ASSERT_EQ(scenario.clicks(), 2000);
  EXPECT_GE(scenario.rows_told(), 2000);
  EXPECT_GE(scenario.reads_told(), scenario.rows_told() / 200);  // pages have 200 rows at most
}

TEST(ScanEngine, CountsOldEventsWithTheFullScan) {
  ScanScenario scenario;
  scenario.options.full_scan_interval_us = 100 * kSecondUs;
  scenario.add_click({.arrival_s = -20'000, .visible_s = 30});
  scenario.run_until(90);
  EXPECT_EQ(scenario.clicks(), 0);
  scenario.run_until(110);
  EXPECT_EQ(scenario.clicks(), 1);
}

TEST(ScanEngine, GoesOnCountingWhileNoFullScanSucceeds) {
  ScanScenario scenario;
  scenario.options.full_scan_interval_us = 100 * kSecondUs;
  scenario.add_click({.arrival_s = -20'000, .visible_s = 30});
  scenario.add_click({.arrival_s = 150, .visible_s = 150});
  scenario.run_until(50);
  scenario.set_full_scan_fails(true);
  scenario.run_until(200);
  EXPECT_EQ(scenario.clicks(), 1);
  scenario.set_full_scan_fails(false);
  scenario.run_until(300);
  EXPECT_EQ(scenario.clicks(), 2);
}

TEST(ScanEngine, MissingRowsAreHeldNotSubtracted) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .expires_s = 30});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_TRUE(scenario.slice().held);
}

TEST(ScanEngine, ReleasesASliceWhoseRowsAreBack) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .gone_from_s = 20, .gone_until_s = 60});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(50);
  EXPECT_TRUE(scenario.slice().held);
  scenario.run_until(90);
  EXPECT_FALSE(scenario.slice().held);
  EXPECT_EQ(scenario.clicks(), 2);
  const int64_t commits = scenario.commits();
  scenario.run_until(400);
  EXPECT_LE(scenario.commits(), commits + 1);  // that which settles it
}

TEST(ScanEngine, VerifyAsksStrongerWhenAReplicaIsStale) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .lagging_s = 600});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(15);
  scenario.kill();
  scenario.set_stale(true);
  EXPECT_TRUE(scenario.verify(false).clean());
  const VerifyReport repaired = scenario.verify(true);
  EXPECT_TRUE(repaired.clean());
  EXPECT_EQ(repaired.slices_held, 0);
  EXPECT_EQ(repaired.slices_checked, 1);
  EXPECT_EQ(repaired.rows_read, 2);
  EXPECT_EQ(scenario.clicks(), 2);
}

TEST(ScanEngine, VerifyStillReportsRowsThatAreGoneEverywhere) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .expires_s = 16});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(15);
  scenario.kill();
  scenario.sleep(5);
  EXPECT_EQ(scenario.verify(false).slices_different, 1);
  EXPECT_EQ(scenario.verify(true).slices_held, 1);
  EXPECT_EQ(scenario.clicks(), 2);
}

TEST(ScanEngine, AsksStrongerWhenAReplicaIsStale) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .lagging_s = 600});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(15);
  EXPECT_EQ(scenario.clicks(), 2);
  scenario.set_stale(true);
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_FALSE(scenario.slice().held);
}

TEST(ScanEngine, HasNotCaughtUpWhileShrinkCannotBeConfirmed) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .lagging_s = 600});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.run_until(15);
  scenario.kill();
  scenario.set_stale(true);
  scenario.set_strongest_fails(true);
  scenario.run_until(25);
  EXPECT_FALSE(scenario.last_report().caught_up);
  EXPECT_TRUE(scenario.last_report().blocked);
  EXPECT_EQ(scenario.clicks(), 2);
  scenario.set_strongest_fails(false);
  scenario.run_until(60);
  EXPECT_TRUE(scenario.last_report().caught_up);
  EXPECT_FALSE(scenario.last_report().blocked);
  EXPECT_EQ(scenario.clicks(), 2);
}

// An old row is missing on the replica that answers: only complete scans see that.
TEST(ScanEngine, BoundedScansGoOnWhileACompleteOneCannotBeConfirmed) {
  ScanScenario scenario;
  scenario.options.full_scan_interval_us = 1'000 * kSecondUs;
  scenario.add_click({.arrival_s = -5, .visible_s = -5, .lagging_s = 9'000, .late_s = 20'000});
  scenario.add_click({.arrival_s = -4, .visible_s = -4});
  scenario.add_click({.arrival_s = 1'500, .visible_s = 1'500});
  scenario.run_until(900);
  ASSERT_EQ(scenario.clicks(), 2);
  scenario.set_stale(true);
  scenario.set_strongest_fails(true);
  const int64_t before = scenario.full_scans();
  scenario.run_until(1'515);
  EXPECT_EQ(scenario.clicks(), 3);
  EXPECT_TRUE(scenario.last_report().blocked);
  scenario.run_until(2'000);
  EXPECT_GE(scenario.full_scans() - before, 3);
  EXPECT_LE(scenario.full_scans() - before, 6);
  scenario.set_strongest_fails(false);
  scenario.run_until(3'100);
  EXPECT_FALSE(scenario.last_report().blocked);
  EXPECT_EQ(scenario.clicks(), 3);
  EXPECT_FALSE(scenario.slice().held);
}

// Both are due at the same time.
TEST(ScanEngine, ABoundedScanRunsBetweenTwoCompleteOnesThatCannotBeConfirmed) {
  ScanScenario scenario;
  scenario.options.full_scan_interval_us = 60 * kSecondUs;
  scenario.options.scan_interval_us = 60 * kSecondUs;
  scenario.add_click({.arrival_s = -5, .visible_s = -5, .lagging_s = 9'000, .late_s = 20'000});
  scenario.run_until(30);
  scenario.set_stale(true);
  scenario.set_strongest_fails(true);
  const int64_t before = scenario.full_scans();
  const int64_t steps = scenario.steps();
  scenario.run_until(630);
  EXPECT_GE(scenario.full_scans() - before, 8);
  EXPECT_GE(scenario.steps() - steps, 16);
}

// The replica that answers lacks two rows and shows a new one: too few to believe it.
TEST(ScanEngine, AMinuteThatCannotBeConfirmedIsNotShownAsSettled) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .lagging_s = 900});
  scenario.add_click({.arrival_s = 6, .visible_s = 6, .lagging_s = 900});
  scenario.add_click({.arrival_s = 7, .visible_s = 7});
  scenario.add_click({.arrival_s = 8, .visible_s = 40});
  scenario.add_click({.arrival_s = 70, .visible_s = 70});
  scenario.run_until(15);
  ASSERT_EQ(scenario.clicks(), 3);
  scenario.set_stale(true);
  scenario.set_strongest_fails(true);
  scenario.run_until(300);
  EXPECT_EQ(scenario.clicks(), 4);
  EXPECT_FALSE(scenario.is_shown_as_settled());
  scenario.set_strongest_fails(false);
  scenario.run_until(330);
  EXPECT_EQ(scenario.clicks(), 5);
  EXPECT_TRUE(scenario.is_shown_as_settled());
}

// What the scan has read is older than what the repair has found.
TEST(ScanEngine, DoesNotBringBackWhatARepairTookAwayWithLeaveMeanwhile) {
  ScanScenario scenario;
  scenario.options.scan_interval_us = 60 * kSecondUs;
  scenario.add_click({.arrival_s = 5, .visible_s = 5, .expires_s = 130});
  scenario.add_click({.arrival_s = 6, .visible_s = 6});
  scenario.add_click({.arrival_s = 7, .visible_s = 100});
  scenario.run_until(90);
  ASSERT_EQ(scenario.clicks(), 2);
  int64_t repaired = 0;
  scenario.during_next_read([&] {
    scenario.sleep(20);
    repaired = scenario.verify(true, true).slices_repaired;
  });
  scenario.run_until(300);
  EXPECT_EQ(repaired, 1);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_FALSE(scenario.slice().held);
}

TEST(ScanEngine, ScansAgainAtOnceAfterAConflict) {
  ScanScenario scenario;
  scenario.options.scan_interval_us = 60 * kSecondUs;
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.add_click({.arrival_s = 65, .visible_s = 62});
  scenario.add_click({.arrival_s = 8, .visible_s = 63});
  scenario.run_until(61);
  EXPECT_EQ(scenario.clicks(), 1);
  scenario.sleep(5);
  scenario.during_next_read([&] { scenario.verify(true); });
  const int64_t steps = scenario.steps();
  scenario.run_until(130);
  EXPECT_EQ(scenario.clicks(), 3);
  EXPECT_LT(scenario.steps() - steps, 20);
}

// Rows of a table with a time to live.
class ExpiringScenario : public ScanScenario {
 public:
  ExpiringScenario() {
    source.arrival_width = BucketWidth::seconds(100);
    source.lifetime_us = 500 * kSecondUs;
    options.full_scan_interval_us = 30 * kSecondUs;
    options.grace_us = 20 * kSecondUs;
  }
  void add_expiring(double arrival_s, double late_s = 0) {
    add_click({.arrival_s = arrival_s,
               .visible_s = arrival_s,
               .expires_s = arrival_s + 500,
               .late_s = late_s});
  }
};

TEST(ScanEngine, ExpiredRowsAreNeitherTakenAwayNorMissed) {
  ExpiringScenario scenario;
  for (int i = 0; i < 40; ++i) {
    scenario.add_expiring(20.0 * i, i % 7 == 0 ? 130 : 0);
  }
  scenario.run_until(830);
  EXPECT_EQ(scenario.clicks(), 40);
  // No scan of the table is repeated for rows that are missing.
  scenario.set_strongest_fails(true);
  for (double second = 840; second < 1600; second += 10) {
    scenario.run_until(second);
    ASSERT_EQ(scenario.clicks(), 40);
    ASSERT_FALSE(scenario.last_report().blocked);
  }
  EXPECT_EQ(scenario.slices(), 0);
  EXPECT_EQ(scenario.frozen_sum().digest.rows, 40);
  EXPECT_TRUE(scenario.verify(true).clean());
  EXPECT_EQ(scenario.clicks(), 40);
}

TEST(ScanEngine, ASliceFreezesThoughItsRowsExpiredBeforeItSettled) {
  ExpiringScenario scenario;
  scenario.add_expiring(5);
  scenario.run_until(15);
  EXPECT_EQ(scenario.slice().state, SliceState::kOpen);
  scenario.kill();
  scenario.sleep(600);
  scenario.run_until(700);
  EXPECT_EQ(scenario.slices(), 0);
  EXPECT_EQ(scenario.frozen_sum().digest.rows, 1);
  EXPECT_EQ(scenario.clicks(), 1);
}

TEST(ScanEngine, WithoutAnEndOfLifeNothingFreezes) {
  ExpiringScenario scenario;
  scenario.source.lifetime_us.reset();
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.run_until(3000);
  EXPECT_EQ(scenario.slices(), 1);
}

TEST(ScanEngine, ALateRowOfAnOldMinuteIsCountedThoughThatMinuteIsFrozen) {
  ExpiringScenario scenario;
  scenario.add_expiring(5);
  scenario.add_expiring(700, 695);
  scenario.run_until(600);
  EXPECT_TRUE(scenario.is_frozen());
  EXPECT_EQ(scenario.clicks(), 1);
  scenario.run_until(750);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_EQ(scenario.verify(false).rows_too_late, 0);
}

TEST(ScanEngine, HistoryPastItsRetentionIsCountedOnceAndNeverComesIntoTheLedger) {
  ExpiringScenario scenario;
  scenario.options.retention_us = 200 * kSecondUs;
  for (int i = 0; i < 600; ++i) {
    scenario.add_click({.arrival_s = -400.0 - 40 * i, .visible_s = -1});
  }
  scenario.add_click({.arrival_s = 3, .visible_s = 3});
  scenario.run_until(15);
  scenario.kill();
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 601);
  EXPECT_EQ(scenario.frozen_sum().digest.rows, 600);
  EXPECT_EQ(scenario.slices(), 1);
  EXPECT_TRUE(scenario.verify(true).clean());
}

// The replica that answers first lacks half of it.
TEST(ScanEngine, HistoryPastItsRetentionIsCountedFromTheStrongestRead) {
  ExpiringScenario scenario;
  scenario.options.retention_us = 200 * kSecondUs;
  for (int i = 0; i < 100; ++i) {
    scenario.add_click(
        {.arrival_s = -400.0 - i, .visible_s = -1, .lagging_s = i % 2 == 0 ? 300.0 : -1});
  }
  scenario.set_stale(true);
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 100);
  scenario.set_stale(false);
  scenario.run_until(400);
  EXPECT_EQ(scenario.clicks(), 100);
}

TEST(ScanEngine, RowsThatComeAfterTheirSliceFrozeAreTold) {
  ExpiringScenario scenario;
  scenario.add_expiring(5);
  scenario.add_click({.arrival_s = 6, .visible_s = 450, .expires_s = 950});
  scenario.run_until(600);
  EXPECT_EQ(scenario.clicks(), 1);
  EXPECT_EQ(scenario.frozen_sum().classes, (RowClasses{.counted = 1, .too_late = 1}));
  EXPECT_THAT(scenario.notes(),
              Contains(HasSubstr("1 rows arrived when their slices were frozen")));
}

// An engine that was off for so long that rows expired before their slices could freeze.
TEST(ScanEngine, ShrinkIsAllowedForExpiredRowsOnlyByAFlagOfItsOwn) {
  ExpiringScenario scenario;
  scenario.checked = false;
  scenario.add_expiring(5);
  scenario.run_until(60);
  scenario.kill();
  scenario.sleep(600);
  EXPECT_EQ(scenario.verify(true, true).slices_held, 1);
  EXPECT_EQ(scenario.clicks(), 1);
  scenario.options.allow_shrink_expired = true;
  EXPECT_EQ(scenario.verify(true, true).slices_repaired, 1);
  EXPECT_EQ(scenario.clicks(), 0);
}

TEST(ScanEngine, SlicesOfAnOlderVersionAreTakenOverInOneStep) {
  ScanScenario scenario;
  for (int i = 0; i < 50; ++i) {
    scenario.add_click({.arrival_s = -30'000.0 * i, .visible_s = -1, .late_s = i % 5 * 100.0});
  }
  scenario.add_click({.arrival_s = -100, .visible_s = -1, .rejected = true});
  scenario.add_click({.arrival_s = -50, .visible_s = 2});
  scenario.checked = false;
  scenario.count_as_older_version();
  ASSERT_EQ(scenario.clicks(), 50);
  const int64_t commits = scenario.commits();
  while (scenario.commits() == commits) {
    ASSERT_EQ(scenario.clicks(), 50);
    scenario.run_until(scenario.now_s() + 0.01);
  }
  EXPECT_EQ(scenario.clicks(), 50);
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 51);
  EXPECT_TRUE(scenario.verify(false).clean());
  scenario.kill();
  scenario.run_until(120);
  EXPECT_EQ(scenario.clicks(), 51);
}

TEST(ScanEngine, WhatAnOlderVersionCountedStaysThoughItsRowsAreGone) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = -300, .visible_s = -301});
  scenario.add_click({.arrival_s = -301, .visible_s = -301, .expires_s = 1});
  scenario.checked = false;
  scenario.count_as_older_version();
  scenario.sleep(5);
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 2);
  EXPECT_EQ(scenario.frozen_sum().digest.rows, 1);
  EXPECT_THAT(scenario.notes(),
              Contains(HasSubstr("1 rows that were counted are not in the table")));
  const VerifyReport report = scenario.verify(true);
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.slices_held, 0);
}

// A repair by the older version while the table is counted.
TEST(ScanEngine, TakingOverBeginsAnewWhenSomebodyElseReplacesSlices) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = -300, .visible_s = -301});
  scenario.checked = false;
  scenario.count_as_older_version();
  bool replaced = false;
  scenario.during_next_read([&] {
    scenario.replace_as_older_version();
    replaced = true;
  });
  scenario.run_until(60);
  EXPECT_TRUE(replaced);
  EXPECT_EQ(scenario.clicks(), 1);
  EXPECT_TRUE(scenario.verify(false).clean());
}

TEST(ScanEngine, FencedEngineStops) {
  ScanScenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.add_click({.arrival_s = 20, .visible_s = 20});
  scenario.run_until(15);
  scenario.take_over();
  scenario.run_until(40);
  EXPECT_EQ(scenario.last_error(), "fence");
  EXPECT_EQ(scenario.clicks(), 1);
}

}  // namespace
}  // namespace hirestream::simulation
