#include "pipeline/mirror_turns.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

class MirrorTurnsTest : public testing::Test {
 protected:
  // The mirrors of these nodes move on, as this one hears now.
  void move(const std::vector<std::string>& nodes) {
    for (const std::string& node : nodes) {
      places_[node] += "x";
    }
    turns_.hear(places_, now_us_);
  }
  std::string first(const std::vector<std::string>& nodes) const {
    const std::string* node = turns_.first_of(nodes, now_us_);
    return node == nullptr ? "this one" : *node;
  }

  MirrorTurns turns_{"b"};
  std::map<std::string, std::string> places_;
  int64_t now_us_ = 1'788'000'000 * kSecondUs;
};

TEST_F(MirrorTurnsTest, TheFirstOfTheRingWhoseMirrorMovesOnGoesFirst) {
  move({"a", "c"});
  EXPECT_EQ(first({"a", "b", "c"}), "a");
  EXPECT_EQ(first({"c", "a", "b"}), "c");
  EXPECT_EQ(first({"b", "a", "c"}), "this one");
}

TEST_F(MirrorTurnsTest, NodesWithoutAMirrorArePassedOver) {
  EXPECT_EQ(first({"a", "b", "c"}), "this one") << "nothing was heard of any";
  EXPECT_EQ(first({"a", "c"}), "this one") << "its own node is down";
  move({"c"});
  EXPECT_EQ(first({"a", "c", "b"}), "c");
}

TEST_F(MirrorTurnsTest, AMirrorThatIsSilentIsTakenOverAtOnceUntilItMovesAgain) {
  move({"a", "c"});
  now_us_ += MirrorTurns::kSilentUs - 1;
  turns_.hear(places_, now_us_);
  EXPECT_EQ(first({"a", "b"}), "a");
  now_us_ += 1;
  move({"c"});
  EXPECT_EQ(first({"a", "b"}), "this one");
  EXPECT_EQ(first({"a", "c", "b"}), "c");
  now_us_ += 3600 * kSecondUs;
  move({"a"});
  EXPECT_EQ(first({"a", "b"}), "a");
}

TEST_F(MirrorTurnsTest, OneWhoseRowsWereMissingIsTakenOverForAWhile) {
  move({"a"});
  turns_.judge("a", 10, 5, now_us_);
  EXPECT_EQ(first({"a", "b"}), "a") << "its node did not get some";
  turns_.judge("a", 10, 6, now_us_);
  for (int64_t us = 0; us < MirrorTurns::kDistrustUs; us += kSecondUs) {
    move({"a"});
    EXPECT_EQ(first({"a", "b"}), "this one");
    now_us_ += kSecondUs;
  }
  EXPECT_EQ(first({"a", "b"}), "a");
}

TEST_F(MirrorTurnsTest, AClockThatIsSetBackMakesNobodyWhoIsSilentSeemAtWork) {
  move({"a", "c"});
  turns_.judge("c", 10, 10, now_us_);
  now_us_ -= 3600 * kSecondUs;
  EXPECT_EQ(first({"a", "b"}), "this one");
  move({"c"});
  EXPECT_EQ(first({"a", "c", "b"}), "c") << "nobody is distrusted for an hour";
}

}  // namespace
}  // namespace hirestream
