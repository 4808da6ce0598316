#include "pipeline/decision.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace hirestream {

void PrintTo(Action action, std::ostream* out) {
  static constexpr std::string_view kNames[] = {"keep", "audit", "replace",
                                                "hold", "wait",  "release"};
  static constexpr Action kActions[] = {Action::kKeep, Action::kAudit, Action::kReplace,
                                        Action::kHold, Action::kWait,  Action::kRelease};
  for (size_t i = 0; i < std::size(kActions); ++i) {
    if (kActions[i] == action) {
      *out << kNames[i];
    }
  }
}

namespace {

// What the recount found beside a stored slice of 5 rows.
enum class Found {
  kSame,
  kSameRowsOtherCells,
  kMore,
  kMoreInOtherCells,
  kMoreButLess,
  kOtherCells,
  kOtherValues,
  kFewerThatGaveNothing,
  kFewer,
  kNothing
};

// One row of the table: whatever is not named holds for every value of it.
struct Stored {
  SliceState state;
  bool held;
  bool damaged;
  // An older version counted it: of its rows only the number is known.
  bool hash_unknown = false;
};

Comparison comparison_of(Found found, Trust trust) {
  Comparison out;
  out.trust = trust;
  switch (found) {
    case Found::kSame:
      out.found = {5, 50};
      return out;
    case Found::kSameRowsOtherCells:  // a wrong contribution was stored: too little
      out.found = {5, 50};
      out.differs = true;
      return out;
    case Found::kMore:
      out.found = {6, 66};
      out.differs = true;
      return out;
    case Found::kMoreInOtherCells:  // some cell has less, all together have not
      out.found = {6, 67};
      out.differs = true;
      out.takes_away = true;
      return out;
    case Found::kMoreButLess:
      out.found = {6, 68};
      out.differs = true;
      out.takes_away = true;
      out.lowers_totals = true;
      return out;
    case Found::kOtherCells:
      out.found = {5, 51};
      out.differs = true;
      out.takes_away = true;
      return out;
    case Found::kOtherValues:  // that give less: a column was dropped
      out.found = {5, 52};
      out.differs = true;
      out.takes_away = true;
      out.lowers_totals = true;
      return out;
    case Found::kFewerThatGaveNothing:
      out.found = {4, 41};
      return out;
    case Found::kFewer:
      out.found = {4, 40};
      out.differs = true;
      out.takes_away = true;
      out.lowers_totals = true;
      return out;
    case Found::kNothing:
      out.differs = true;
      out.takes_away = true;
      out.lowers_totals = true;
      return out;
  }
  return out;
}

LedgerEntry entry_of(const Stored& stored) {
  LedgerEntry entry;
  entry.revision = 3;
  entry.state = stored.state;
  entry.held = stored.held;
  entry.digest = {5, stored.hash_unknown ? 0U : 50U};
  return entry;
}

constexpr Found kAllFound[] = {Found::kSame,        Found::kSameRowsOtherCells,
                               Found::kMore,        Found::kMoreInOtherCells,
                               Found::kMoreButLess, Found::kOtherCells,
                               Found::kOtherValues, Found::kFewerThatGaveNothing,
                               Found::kFewer,       Found::kNothing};
constexpr Trust kAllTrust[] = {Trust::kConfigured, Trust::kStrongest, Trust::kUnconfirmed};

bool shrinks(Found found, const Policy& policy) {
  return (found == Found::kFewerThatGaveNothing && !policy.rows_may_go) ||
         found == Found::kMoreInOtherCells || found == Found::kMoreButLess ||
         found == Found::kOtherCells || found == Found::kOtherValues || found == Found::kFewer ||
         found == Found::kNothing;
}

// The table, said in words. Every combination is looked up in it.
Action expected(const Stored& stored, Found found, Trust trust, const Policy& policy) {
  if (stored.damaged) {
    if (!stored.hash_unknown && (found == Found::kSame || found == Found::kSameRowsOtherCells)) {
      return Action::kReplace;
    }
    if (trust == Trust::kConfigured) {
      return Action::kWait;
    }
    const bool all_there = trust == Trust::kStrongest && found != Found::kFewerThatGaveNothing &&
                           found != Found::kFewer && found != Found::kNothing;
    return policy.replaces_damaged && (all_there || policy.allow_shrink) ? Action::kReplace
                                                                         : Action::kHold;
  }
  if (found == Found::kSame) {
    return stored.state != policy.state || stored.hash_unknown ? Action::kReplace
           : stored.held                                       ? Action::kRelease
           : stored.state == SliceState::kSettled              ? Action::kAudit
                                                               : Action::kKeep;
  }
  if (!shrinks(found, policy)) {
    return Action::kReplace;
  }
  if (trust == Trust::kConfigured) {
    return Action::kWait;
  }
  if (policy.allow_shrink) {
    return Action::kReplace;
  }
  if (trust == Trust::kUnconfirmed) {
    return Action::kWait;
  }
  const bool moved =
      found == Found::kOtherCells || (found == Found::kMoreInOtherCells && !stored.held);
  return moved ? Action::kReplace : Action::kHold;
}

TEST(Decision, FollowsTheTableForEveryCombination) {
  int combinations = 0;
  for (const SliceState state : {SliceState::kOpen, SliceState::kSettled}) {
    for (int bits = 0; bits < 128; ++bits) {
      const Stored stored{state, (bits & 1) != 0, (bits & 2) != 0, (bits & 64) != 0};
      Policy policy;
      policy.state = (bits & 4) != 0 ? SliceState::kOpen : SliceState::kSettled;
      policy.allow_shrink = (bits & 8) != 0;
      policy.replaces_damaged = (bits & 16) != 0;
      policy.rows_may_go = (bits & 32) != 0;
      for (const Found found : kAllFound) {
        for (const Trust trust : kAllTrust) {
          ++combinations;
          EXPECT_EQ(decide(entry_of(stored), stored.damaged, comparison_of(found, trust), policy),
                    expected(stored, found, trust, policy))
              << "state " << static_cast<int>(state) << ", bits " << bits << ", found "
              << static_cast<int>(found) << ", trust " << static_cast<int>(trust);
        }
      }
    }
  }
  EXPECT_EQ(combinations, 2 * 128 * 10 * 3);
}

// The rows of the table that matter most, one by one.
TEST(Decision, TakesNothingAwayThatOneReadMissed) {
  const LedgerEntry stored = entry_of({SliceState::kSettled, false, false});
  const auto action = [&stored](Found found, Trust trust) {
    return decide(stored, false, comparison_of(found, trust), {});
  };
  EXPECT_EQ(action(Found::kFewer, Trust::kConfigured), Action::kWait);
  EXPECT_EQ(action(Found::kFewer, Trust::kUnconfirmed), Action::kWait);
  EXPECT_EQ(action(Found::kFewer, Trust::kStrongest), Action::kHold);
  EXPECT_EQ(action(Found::kNothing, Trust::kStrongest), Action::kHold);
}

TEST(Decision, BelievesThatTheSameRowsBelongToOtherCells) {
  const LedgerEntry stored = entry_of({SliceState::kSettled, false, false});
  EXPECT_EQ(decide(stored, false, comparison_of(Found::kOtherCells, Trust::kStrongest), {}),
            Action::kReplace);
}

// ALTER TABLE … DROP job_id leaves every row where it was.
TEST(Decision, DoesNotBelieveThatTheSameRowsGiveLess) {
  const LedgerEntry stored = entry_of({SliceState::kSettled, false, false});
  const auto action = [&stored](Found found, const Policy& policy) {
    return decide(stored, false, comparison_of(found, Trust::kStrongest), policy);
  };
  EXPECT_EQ(action(Found::kOtherValues, {}), Action::kHold);
  EXPECT_EQ(action(Found::kMoreButLess, {}), Action::kHold);
  Policy allowed;
  allowed.allow_shrink = true;
  EXPECT_EQ(action(Found::kOtherValues, allowed), Action::kReplace);
}

TEST(Decision, NewRowsDoNotMakeUpForMissingOnesOfAHeldSlice) {
  const LedgerEntry stored = entry_of({SliceState::kSettled, true, false});
  EXPECT_EQ(decide(stored, false, comparison_of(Found::kMoreInOtherCells, Trust::kStrongest), {}),
            Action::kHold);
}

// So that the next recount can compare all of it.
TEST(Decision, StoresWhichRowsASliceOfAnOlderVersionHolds) {
  for (const SliceState state : {SliceState::kOpen, SliceState::kSettled}) {
    Policy policy;
    policy.state = state;
    const LedgerEntry stored = entry_of({state, false, false, true});
    EXPECT_EQ(decide(stored, false, comparison_of(Found::kSame, Trust::kConfigured), policy),
              Action::kReplace);
    EXPECT_EQ(decide(stored, false, comparison_of(Found::kFewer, Trust::kStrongest), policy),
              Action::kHold);
  }
}

TEST(Decision, ASliceThatIsNotInTheLedgerIsCountedIfItHasRows) {
  const LedgerEntry unknown;
  Comparison recount;
  EXPECT_EQ(decide(unknown, false, recount, {}), Action::kKeep);
  recount.found = {1, 7};
  EXPECT_EQ(decide(unknown, false, recount, {}), Action::kReplace);
}

TEST(Decision, FreezesWhatIsSettledAndWhole) {
  for (const bool held : {false, true}) {
    EXPECT_TRUE(may_freeze(entry_of({SliceState::kSettled, held, false}), false));
  }
  EXPECT_FALSE(may_freeze(entry_of({SliceState::kSettled, false, true}), true));
  EXPECT_FALSE(may_freeze(entry_of({SliceState::kOpen, false, false}), false));
}

}  // namespace
}  // namespace hirestream
