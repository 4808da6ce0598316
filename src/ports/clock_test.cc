#include "ports/clock.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(Clock, HasPassedWhenTheIntervalIsOver) {
  EXPECT_FALSE(has_passed(60, 1'000, 1'000));
  EXPECT_FALSE(has_passed(60, 1'000, 1'059));
  EXPECT_TRUE(has_passed(60, 1'000, 1'060));
}

TEST(Clock, HasPassedWhenTheClockWasSetBackSinceThen) {
  EXPECT_TRUE(has_passed(60, 1'000, 999));
  EXPECT_TRUE(has_passed(60, INT64_MAX, 1'000));
}

}  // namespace
}  // namespace hirestream
