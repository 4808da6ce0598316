// What the scan engine does in situations told one by one. Slices are minutes of event time; the first one is −10 s to 50 s.
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
