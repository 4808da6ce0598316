#include "cli/log_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace hirestream {
namespace {

constexpr int64_t kSecond = 1'000'000;

class HandClock : public Clock {
 public:
  int64_t now_us() override { return now; }
  int64_t now = 1'000 * kSecond;
};

class LogWatchTest : public testing::Test {
 protected:
  // Looks once a second for so long. What is stored comes `latency_us` later; < 0: never.
  void look(int64_t seconds, int64_t latency_us, bool read_to_end = true) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock_.now += kSecond;
      if (clock_.now - stored_ >= store_interval_) {
        stored_ = clock_.now;
        stores_.push_back(stored_);
      }
      for (const int64_t stored : stores_) {
        came_ = latency_us >= 0 && stored + latency_us <= clock_.now ? stored + 1 : came_;
      }
      watch_.looked(came_, stored_, read_to_end);
    }
  }

  HandClock clock_;
  LogWatch watch_{60 * kSecond, clock_};
  int64_t store_interval_ = 30 * kSecond;
  int64_t stored_ = 0;
  int64_t came_ = 0;
  std::vector<int64_t> stores_;
};

TEST_F(LogWatchTest, HearsWhatComes) {
  EXPECT_FALSE(watch_.has_heard());
  look(600, 100'000);
  EXPECT_TRUE(watch_.has_heard());
  EXPECT_FALSE(watch_.is_silent());
}

// Stored each second, and in the log with each sync.
TEST_F(LogWatchTest, HearsWhatComesLate) {
  store_interval_ = kSecond;
  look(5, 10 * kSecond);
  EXPECT_FALSE(watch_.has_heard());
  look(600, 10 * kSecond);
  EXPECT_TRUE(watch_.has_heard());
  EXPECT_FALSE(watch_.is_silent());
}

TEST_F(LogWatchTest, WhatAnEarlierRunStoredSaysNothing) {
  came_ = clock_.now - 10;
  look(59, -1);
  EXPECT_FALSE(watch_.has_heard());
  EXPECT_FALSE(watch_.is_silent());
  look(5, -1);
  EXPECT_TRUE(watch_.is_silent());
}

TEST_F(LogWatchTest, ALogThatWasMountedAnewIsFoundOut) {
  look(100, 100'000);
  look(59, -1);
  EXPECT_FALSE(watch_.is_silent());
  look(40, -1);
  EXPECT_TRUE(watch_.is_silent());
  look(2, 100'000);
  EXPECT_FALSE(watch_.is_silent());
}

// Its own stand behind a backlog.
TEST_F(LogWatchTest, IsPatientWhileThereIsMoreToRead) {
  look(600, -1, false);
  EXPECT_FALSE(watch_.is_silent());
  look(59, -1);
  EXPECT_FALSE(watch_.is_silent());
}

TEST_F(LogWatchTest, IsPatientWithANodeThatIsAway) {
  look(70, -1);
  ASSERT_TRUE(watch_.is_silent());
  watch_.forgive();
  EXPECT_FALSE(watch_.is_silent());
  look(59, -1);
  EXPECT_FALSE(watch_.is_silent());
}

TEST_F(LogWatchTest, HearsWhatIsStoredAfterTheClockWasSetBack) {
  came_ = clock_.now - 10;  // an earlier run's
  clock_.now -= 500 * kSecond;
  look(5, -1);
  EXPECT_FALSE(watch_.has_heard());
  look(60, 100'000);
  EXPECT_TRUE(watch_.has_heard());
}

TEST_F(LogWatchTest, AClockThatIsSetBackIsNoSilence) {
  look(100, 100'000);
  clock_.now -= 3'600 * kSecond;
  stores_.clear();
  stored_ = 0;
  look(200, 100'000);
  EXPECT_FALSE(watch_.is_silent());
}

}  // namespace
}  // namespace hirestream
