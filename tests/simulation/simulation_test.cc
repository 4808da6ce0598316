// A fixed set of seeds of the simulation, and the proof that its checks catch what they are there
// for: every deliberate defect must be found. `hirestream_simulator` runs as many seeds as one
// likes.
#include <gtest/gtest.h>

#include "simulation/mirror_run.h"
#include "simulation/simulation.h"

namespace hirestream::simulation {
namespace {

constexpr uint64_t kSeeds = 12;
constexpr uint64_t kSeedsPerDefect = 80;

class Seeds : public testing::TestWithParam<Strategy> {};

TEST_P(Seeds, KeepEveryInvariant) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RunParameters parameters;
    parameters.seed = seed;
    parameters.strategy = GetParam();
    const RunReport report = run_simulation(parameters);
    EXPECT_EQ(report.failure, "") << "hirestream_simulator --seed " << seed << " --strategy "
                                  << strategy_name(GetParam());
    EXPECT_GT(report.commits, 0);
  }
}

TEST(Simulation, MirrorsKeepEveryInvariant) {
  for (uint64_t seed = 1; seed <= 10 * kSeeds; ++seed) {
    EXPECT_EQ(run_mirror(seed, false).failure, "") << "seed " << seed;
  }
  // Killed after it wrote old rows, which the log lost before the next run met them.
  EXPECT_EQ(run_mirror(3023, false).failure, "");
}

INSTANTIATE_TEST_SUITE_P(Simulation, Seeds,
                         testing::Values(Strategy::kTail, Strategy::kFollow, Strategy::kScan),
                         [](const auto& instance) {
                           return std::string(strategy_name(instance.param));
                         });

// What befalls one source leaves the others of the same warehouse alone.
TEST(SeveralSources, KeepEveryInvariantSideBySide) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RunParameters parameters;
    parameters.seed = seed;
    parameters.companion = Strategy::kFollow;
    EXPECT_EQ(run_simulation(parameters).failure, "")
        << "hirestream_simulator --seed " << seed << " --strategy tail+follow";
  }
}

void expect_every_invariant(Leasing leasing, std::string_view strategy) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RunParameters parameters;
    parameters.seed = seed;
    parameters.leasing = leasing;
    EXPECT_EQ(run_simulation(parameters).failure, "")
        << "hirestream_simulator --seed " << seed << " --strategy " << strategy;
  }
}

// Engines take shards from those that are killed or stopped, and give them back.
TEST(SharedShards, KeepEveryInvariant) {
  expect_every_invariant(Leasing::kShared, "shared");
}

// One engine counts, the others wait until its lease ends.
TEST(Standby, KeepsEveryInvariant) {
  expect_every_invariant(Leasing::kStandby, "standby");
}

struct SeedThatFailed {
  const char* name;
  uint64_t seed;
  Strategy strategy;
  Leasing leasing = Leasing::kNone;
  std::optional<Strategy> companion = std::nullopt;
};

class SeedsThatFailed : public testing::TestWithParam<SeedThatFailed> {};

TEST_P(SeedsThatFailed, KeepEveryInvariant) {
  RunParameters parameters;
  parameters.seed = GetParam().seed;
  parameters.strategy = GetParam().strategy;
  parameters.leasing = GetParam().leasing;
  parameters.companion = GetParam().companion;
  EXPECT_EQ(run_simulation(parameters).failure, "");
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, SeedsThatFailed,
    testing::Values(
        SeedThatFailed{"MarkDoesNotPassADamagedSliceThatIsNotOver", 387551024, Strategy::kTail},
        SeedThatFailed{"RepairLeavesASliceAloneThatFreezesMeanwhile", 1158, Strategy::kTail},
        SeedThatFailed{"AfterAnOutageMinutesThatLeftTheWindowAreScannedBeforeTheyAreSettled",
                       795396920, Strategy::kScan},
        SeedThatFailed{"ARepairThatIsKilledLeavesNoRowWithACompanyOfBefore", 795396978,
                       Strategy::kTail},
        SeedThatFailed{"AnEngineThatEndsBeforeItsRefreshLeavesNoRowWithACompanyOfBefore",
                       252772490000, Strategy::kTail, Leasing::kNone, Strategy::kFollow},
        SeedThatFailed{"RetryOfRejectsReplacesNoDamagedSliceWithoutEvents", 412068109,
                       Strategy::kTail},
        SeedThatFailed{"RowsOfABlockThatIsOverDoNotWaitForAudits", 6132, Strategy::kFollow},
        SeedThatFailed{"NotesWithoutEndKeepNoSliceFromFreezing", 795948783, Strategy::kTail,
                       Leasing::kStandby},
        SeedThatFailed{"FreezingDoesNotWaitForWhatEachDiscoveryQueues", 13826536253,
                       Strategy::kFollow},
        SeedThatFailed{"DamagedSlicesAreNotReplacedWhileOneOfThemIsHeld", 436730217,
                       Strategy::kTail},
        SeedThatFailed{"ASliceThatWaitsForADecisionIsNotExact", 5493, Strategy::kTail},
        SeedThatFailed{"ASliceThatIsOpenAgainIsAuditedOnceItSettles", 33477163304,
                       Strategy::kFollow},
        SeedThatFailed{"ADamagedSliceWaitsForAnotherThatIsHeld", 440732290, Strategy::kScan},
        SeedThatFailed{"RowsOfABlockThatCameDuringAnOutageDoNotWaitForAudits", 398,
                       Strategy::kFollow},
        SeedThatFailed{"RowsOfAnOutageDoNotWaitForAuditsThoughTheFirstListFails", 96108206221,
                       Strategy::kFollow},
        SeedThatFailed{"AConflictInAScanThatCouldNotBeConfirmedLeadsToAnother", 930002888,
                       Strategy::kScan},
        SeedThatFailed{"ASliceThatMissesRowsWhenItFreezesStaysAsItWas", 20262289, Strategy::kScan},
        SeedThatFailed{"ACompleteScanThatFailsHalfwayIsNotSaidToBeDueAtOnce", 16373568008,
                       Strategy::kScan},
        SeedThatFailed{"AStaleReplicaHidesNoNewRowsOfASlicePastItsRetention", 203172352367,
                       Strategy::kScan},
        SeedThatFailed{"ASliceThatARepairCountsDuringTheStartIsNotOpenedAsNew", 20263095,
                       Strategy::kTail, Leasing::kStandby},
        SeedThatFailed{"RowsThatComeDoNotWaitForTheRecountsOfAnUpgrade", 633, Strategy::kTail},
        SeedThatFailed{"NoMarkPassesWhatCameInALongOutageAndIsNotDiscoveredYet", 248894150088,
                       Strategy::kFollow},
        SeedThatFailed{"ASliceThatLostRowsWithItsTableStaysAsItWasWhenItFreezes", 219427018140,
                       Strategy::kScan},
        SeedThatFailed{"WhatCameInAnOutageDoesNotWaitForHistoryThatIsNotCounted", 78853425092,
                       Strategy::kTail, Leasing::kNone, Strategy::kFollow},
        SeedThatFailed{"ARowThatWentWithItsTableIsNotAskedFor", 30820215061, Strategy::kScan},
        SeedThatFailed{"ASliceWhoseTimeIsOverWhileItWaitsIsAudited", 6491, Strategy::kTail}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Simulation, SameSeedGivesTheSameRun) {
  RunParameters parameters;
  parameters.seed = 3;
  parameters.seconds = 60;
  parameters.tracing = true;
  const RunReport first = run_simulation(parameters);
  const RunReport second = run_simulation(parameters);
  EXPECT_EQ(first.port_calls, second.port_calls);
  EXPECT_EQ(first.trace, second.trace);
}

class Defects : public testing::TestWithParam<Defect> {};

TEST_P(Defects, AreCaught) {
  // Most are caught by one of the first seeds; those that need a rare coincidence begin where it
  // happens.
  const uint64_t first = first_seed_for(GetParam());
  for (uint64_t seed = first; seed < first + kSeedsPerDefect; ++seed) {
    RunParameters parameters;
    parameters.seed = seed;
    parameters.strategy = strategy_for(GetParam());
    parameters.defect = GetParam();
    if (!run_simulation(parameters).failure.empty()) {
      return;
    }
  }
  FAIL() << "no seed from " << first << " on shows the defect " << defect_name(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Simulation, Defects, testing::ValuesIn(all_defects()),
                         [](const auto& instance) {
                           return std::string(defect_name(instance.param));
                         });

}  // namespace
}  // namespace hirestream::simulation
