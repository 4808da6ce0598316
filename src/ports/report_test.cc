#include "ports/report.h"

#include <gtest/gtest.h>

#include "model/scan_bucket.h"

namespace hirestream {
namespace {

TEST(Report, NamesOfDimensionsAndFiguresReadBack) {
  for (const Dimension dimension : kDimensions) {
    EXPECT_EQ(find_dimension(dimension_name(dimension)), dimension);
  }
  for (const Figure figure : kFigures) {
    EXPECT_EQ(find_figure(figure_name(figure)), figure);
  }
  EXPECT_EQ(find_dimension("Company"), std::nullopt);
  EXPECT_EQ(find_figure(""), std::nullopt);
}

RangeParts range(int32_t from, int32_t to) {
  return parts_of({.from_hour = from, .to_hour = to, .ids = {}});
}

TEST(Report, RangeIsWholeDaysAndItsEnds) {
  const RangeParts parts = range(5, 75);
  EXPECT_EQ(std::pair(parts.before.from, parts.before.to), std::pair(5, 24));
  EXPECT_EQ(std::pair(parts.days.from, parts.days.to), std::pair(24, 72));
  EXPECT_EQ(std::pair(parts.after.from, parts.after.to), std::pair(72, 75));
}

TEST(Report, RangeWithoutAWholeDayHasNoDays) {
  for (const auto& [from, to] : {std::pair(5, 6), std::pair(5, 30), std::pair(0, 23)}) {
    const RangeParts parts = range(from, to);
    EXPECT_TRUE(parts.days.empty());
    EXPECT_TRUE(parts.after.empty());
    EXPECT_EQ(std::pair(parts.before.from, parts.before.to), std::pair(from, to));
  }
  const RangeParts nothing = range(48, 48);
  EXPECT_TRUE(nothing.before.empty() && nothing.days.empty() && nothing.after.empty());
}

TEST(Report, PartsOfAnyRangeCoverItOnce) {
  for (int32_t from = -60; from < 60; ++from) {
    for (int32_t to = from; to < 120; ++to) {
      const RangeParts parts = range(from, to);
      int32_t next = from;
      for (const RangeParts::Hours& part : {parts.before, parts.days, parts.after}) {
        if (!part.empty()) {
          EXPECT_EQ(part.from, next);
          next = part.to;
        }
      }
      EXPECT_EQ(next, to) << from;
      EXPECT_EQ(parts.days.from % 24, 0);
      EXPECT_EQ(parts.days.to % 24, 0);
    }
  }
}

TEST(Report, BucketsAreTimesOnlyWhereTheStrategySaysSo) {
  EXPECT_EQ(bucket_begin_us("tail", 60, 2), 120'000'000);
  EXPECT_EQ(bucket_begin_us("scan", 3600, 1), 3'600'000'000);
  EXPECT_EQ(bucket_begin_us("follow", 1, 7), 0);
  EXPECT_EQ(bucket_begin_us("files", 1, 7), 0);
}

TEST(Report, SliceOfAScanBeginsWithItsEventTimes) {
  EXPECT_EQ(slice_begin_us("scan", 60, ScanBucket{20'000, 2}.bucket()), 120'000'000);
  EXPECT_EQ(slice_begin_us("tail", 60, 2), 120'000'000);
}

TEST(Report, BucketThatIsNoTimeHasNoBegin) {
  EXPECT_EQ(slice_begin_us("scan", 60, ScanBucket{20'000, std::nullopt}.bucket()), 0);
  EXPECT_EQ(bucket_begin_us("tail", 60, INT64_MAX / 60), 0);
  EXPECT_EQ(bucket_begin_us("tail", 0, 5), 0);
}

TEST(Report, DigestIsFnv1a) {
  EXPECT_EQ(digest_of(""), "cbf29ce484222325");
  EXPECT_EQ(digest_of("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace hirestream
