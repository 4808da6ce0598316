// What becomes of a source whose table is not what it was: without a column, or made anew. Times
// are those of tail_engine_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "simulation/scenario.h"

namespace hirestream::simulation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr Strategy kStrategies[] = {Strategy::kTail, Strategy::kFollow, Strategy::kScan};

// At 400 s the table loses a column; an engine that goes on finds it out with its next audit, block
// or scan.
std::unique_ptr<Scenario> lose_column(Strategy strategy, Column column) {
  auto scenario = std::make_unique<Scenario>(strategy);
  if (strategy == Strategy::kFollow) {
    scenario->source.bucket_width = BucketWidth::rows(10);
  }
  scenario->options.audit_delays_us = {400 * kSecondUs};
  scenario->options.discover_interval_us = 60 * kSecondUs;
  for (int i = 0; i < 20; ++i) {
    scenario->add_click({.arrival_s = 2.0 * i, .visible_s = 2.0 * i});
  }
  scenario->add_click({.arrival_s = 1000, .visible_s = 1000});
  scenario->drop_column(400, column);
  scenario->run_until(390);
  return scenario;
}

TEST(ChangedTable, ADroppedColumnTakesNothingAwayUntilThatIsAllowed) {
  for (const Strategy strategy : kStrategies) {
    SCOPED_TRACE(strategy_name(strategy));
    const auto scenario = lose_column(strategy, Column::kJobId);
    ASSERT_EQ(scenario->clicks(), 20);
    scenario->run_until(900);
    EXPECT_EQ(scenario->clicks(), 20);
    EXPECT_TRUE(scenario->slice().held);
    scenario->kill();
    ASSERT_TRUE(scenario->adopt().has_value());
    scenario->run_until(1100);
    EXPECT_GT(scenario->verify(true).slices_held, 0);
    EXPECT_EQ(scenario->clicks(), 20);
    scenario->verify(true, true);
    EXPECT_EQ(scenario->clicks(), 0);  // as the table says now
    EXPECT_TRUE(scenario->verify(false).clean());
  }
}

TEST(ChangedTable, ADroppedBidTakesNoSpendAway) {
  const auto scenario = lose_column(Strategy::kTail, Column::kBid);
  scenario->run_until(900);
  EXPECT_EQ(scenario->clicks(), 20);  // with a bid of 1 each
  EXPECT_TRUE(scenario->slice().held);
}

// As many clicks as before, and as much spend.
TEST(ChangedTable, ADroppedDimensionMovesWhatWasCounted) {
  const auto scenario = lose_column(Strategy::kTail, Column::kPublisherId);
  scenario->run_until(1100);
  EXPECT_EQ(scenario->clicks(), 21);
  EXPECT_FALSE(scenario->slice().held);
}

TEST(ChangedTable, AnEngineThatStartsWithOtherColumnsIsRefusedUntilTheyAreAdopted) {
  for (const Strategy strategy : kStrategies) {
    SCOPED_TRACE(strategy_name(strategy));
    const auto scenario = lose_column(strategy, Column::kGroupId);
    scenario->kill();
    scenario->run_until(500);
    EXPECT_EQ(scenario->last_error(), "");  // it opened the table before
    scenario->kill();
    scenario->run_until(1100);
    EXPECT_EQ(scenario->last_error(), "register source");
    EXPECT_EQ(scenario->clicks(), 20);
    const auto adoption = scenario->adopt();
    ASSERT_TRUE(adoption.has_value());
    EXPECT_TRUE(adoption->stored);
    EXPECT_THAT(adoption->differences, HasSubstr("columns: stored"));
    scenario->kill();
    scenario->run_until(1300);
    EXPECT_EQ(scenario->last_error(), "");
    EXPECT_EQ(scenario->clicks(), 21);
  }
}

TEST(ChangedTable, MadeAnewIsCountedOnUnderItsNameOnceItIsAdopted) {
  for (const Strategy strategy : {Strategy::kTail, Strategy::kScan}) {
    SCOPED_TRACE(strategy_name(strategy));
    Scenario scenario(strategy);
    for (int i = 0; i < 20; ++i) {
      scenario.add_click({.arrival_s = 2.0 * i, .visible_s = 2.0 * i});
    }
    scenario.add_click({.arrival_s = 1000, .visible_s = 1000});
    scenario.make_table_anew(400);
    scenario.run_until(390);
    scenario.kill();
    scenario.sleep(20);
    scenario.run_until(500);
    EXPECT_EQ(scenario.last_error(), "register source");
    scenario.kill();
    const auto adoption = scenario.adopt();
    ASSERT_TRUE(adoption.has_value());
    EXPECT_THAT(adoption->differences, HasSubstr("made anew"));
    scenario.run_until(1100);
    EXPECT_EQ(scenario.clicks(), 21);
    EXPECT_GT(scenario.verify(true).slices_held, 0);
    EXPECT_EQ(scenario.clicks(), 21);
  }
}

// It does not know which columns there were.
TEST(ChangedTable, WhatAnOlderVersionCountedStaysThoughAColumnIsDropped) {
  Scenario scenario(Strategy::kScan);
  for (int i = 0; i < 20; ++i) {
    scenario.add_click({.arrival_s = -300.0 * i, .visible_s = -1});
  }
  scenario.checked = false;
  scenario.drop_column(2, Column::kJobId);
  scenario.count_as_older_version();
  ASSERT_EQ(scenario.clicks(), 20);
  scenario.sleep(5);
  scenario.run_until(60);
  EXPECT_EQ(scenario.clicks(), 20);
  EXPECT_THAT(scenario.notes(), Contains(HasSubstr("as many rows as before give less")));
  EXPECT_TRUE(scenario.verify(false).clean());
}

// A repair that reads a replica which still has the column finds the slice whole.
TEST(ChangedTable, ASliceThatAStaleReadReleasedIsHeldAgain) {
  Scenario scenario(Strategy::kScan);
  scenario.options.full_scan_interval_us = 60 * kSecondUs;
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.drop_column(100, Column::kJobId, 600);
  scenario.run_until(150);
  ASSERT_TRUE(scenario.slice().held);
  ASSERT_TRUE(scenario.adopt().has_value());
  scenario.set_stale(true);
  EXPECT_EQ(scenario.verify(true).slices_released, 1);
  scenario.set_stale(false);
  scenario.run_until(300);
  EXPECT_TRUE(scenario.slice().held);
  EXPECT_EQ(scenario.clicks(), 1);
}

TEST(ChangedTable, AdoptionKeepsTheStart) {
  Scenario scenario;
  scenario.options.counting.start_at_us = 1'772'323'200LL * kSecondUs + 12 * 3600 * kSecondUs;
  scenario.checked = false;
  scenario.add_click({.arrival_s = -3600, .visible_s = -1});
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.add_click({.arrival_s = 450, .visible_s = 450});
  scenario.drop_column(400, Column::kGroupId);
  scenario.run_until(410);
  scenario.kill();
  scenario.options.counting.start_at_us.reset();
  ASSERT_TRUE(scenario.adopt().has_value());
  scenario.run_until(1100);
  EXPECT_EQ(scenario.last_error(), "");
  EXPECT_EQ(scenario.clicks(), 2);
}

TEST(ChangedTable, WhatCountsOtherwiseCannotBeAdopted) {
  Scenario scenario;
  scenario.add_click({.arrival_s = 5, .visible_s = 5});
  scenario.drop_column(100, Column::kGroupId);
  scenario.run_until(110);
  scenario.kill();
  scenario.options.counting.attribution = Attribution::kPayload;
  const auto adoption = scenario.adopt();
  ASSERT_FALSE(adoption.has_value());
  EXPECT_THAT(adoption.error().text(), HasSubstr("attribution"));
  scenario.run_until(120);
  EXPECT_EQ(scenario.last_error(), "register source");
}

}  // namespace
}  // namespace hirestream::simulation
