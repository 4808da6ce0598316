// What the scan engine does in situations told one by one. Slices are minutes of event time; the
// first one is −10 s to 50 s.
#include <gtest/gtest.h>

#include "simulation/scenario.h"

namespace hirestream::simulation {
namespace {

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
