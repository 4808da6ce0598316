#include "cli/retry_deadline.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;

TEST(RetryDeadline, BeginsWithTheFirstFailureHoweverLateItComes) {
  RetryDeadline deadline(kMinuteUs);
  EXPECT_EQ(deadline.left_us(10 * kMinuteUs, 500), kMinuteUs);
  EXPECT_EQ(deadline.left_us(10 * kMinuteUs + 20'000'000, 0), 40'000'000);
  EXPECT_EQ(deadline.left_us(11 * kMinuteUs, 0), 0);
}

TEST(RetryDeadline, BeginsAnewWhenAnAttemptGetsFarther) {
  RetryDeadline deadline(kMinuteUs);
  EXPECT_EQ(deadline.left_us(0, 500), kMinuteUs);
  EXPECT_EQ(deadline.left_us(kMinuteUs, 501), kMinuteUs);
}

TEST(RetryDeadline, TakesNoRepetitionForProgress) {
  RetryDeadline deadline(kMinuteUs);
  EXPECT_EQ(deadline.left_us(0, 500), kMinuteUs);
  EXPECT_EQ(deadline.left_us(kMinuteUs / 2, 499), kMinuteUs / 2);
  EXPECT_EQ(deadline.left_us(kMinuteUs, 500), 0);
}

TEST(RetryDeadline, GivesUpAtOnceWhereThereIsNoPatience) {
  RetryDeadline deadline(0);
  EXPECT_EQ(deadline.left_us(5, 0), 0);
}

}  // namespace
}  // namespace hirestream
