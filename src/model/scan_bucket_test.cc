#include "model/scan_bucket.h"

#include <gtest/gtest.h>

#include <vector>

namespace hirestream {
namespace {

TEST(ScanBucket, HoldsArrivalAndEvent) {
  const std::vector<std::optional<int64_t>> arrivals = {-141'427, -1, 0, 20'513, std::nullopt};
  const std::vector<std::optional<int64_t>> events = {0, 29'000'000, (int64_t{1} << 34) - 2,
                                                      std::nullopt};
  int64_t before = -1;
  for (const auto& arrival : arrivals) {
    for (const auto& event : events) {
      const ScanBucket both{arrival, event};
      EXPECT_EQ(ScanBucket::of(both.bucket()), both);
      EXPECT_GT(both.bucket(), before);
      before = both.bucket();
    }
  }
}

TEST(ScanBucket, TakesWhatItCannotHoldAsNothing) {
  EXPECT_EQ((ScanBucket{1, -1}.bucket()), (ScanBucket{1, std::nullopt}.bucket()));
  EXPECT_EQ((ScanBucket{1, INT64_MAX}.bucket()), (ScanBucket{1, std::nullopt}.bucket()));
  EXPECT_EQ((ScanBucket{INT64_MIN, 1}.bucket()), (ScanBucket{std::nullopt, 1}.bucket()));
  EXPECT_EQ((ScanBucket{INT64_MAX, 1}.bucket()), (ScanBucket{std::nullopt, 1}.bucket()));
}

TEST(ScanBucket, FirstOfAnArrivalIsAboveAllEarlierOnes) {
  EXPECT_EQ(ScanBucket::first_of_arrival(5), (ScanBucket{5, 0}.bucket()));
  EXPECT_GT(ScanBucket::first_of_arrival(5), (ScanBucket{4, std::nullopt}.bucket()));
  EXPECT_EQ(ScanBucket::first_of_arrival(INT64_MIN / 2), 0);
}

// Older ledgers number the slices of a scan by their event times alone.
TEST(ScanBucket, IsNoneThatAnOlderLedgerHas) {
  EXPECT_GT((ScanBucket{-141'427, 0}.bucket()), int64_t{1} << 50);
}

}  // namespace
}  // namespace hirestream
