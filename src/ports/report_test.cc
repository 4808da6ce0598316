#include "ports/report.h"

#include <gtest/gtest.h>

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

TEST(Report, BucketsAreTimesOnlyWhereTheStrategySaysSo) {
  EXPECT_EQ(bucket_begin_us("tail", 60, 2), 120'000'000);
  EXPECT_EQ(bucket_begin_us("scan", 3600, 1), 3'600'000'000);
  EXPECT_EQ(bucket_begin_us("follow", 1, 7), 0);
  EXPECT_EQ(bucket_begin_us("files", 1, 7), 0);
}

TEST(Report, BucketThatIsNoTimeHasNoBegin) {
  EXPECT_EQ(bucket_begin_us("scan", 60, kNoTimeBucket), 0);
  EXPECT_EQ(bucket_begin_us("tail", 60, INT64_MAX / 60), 0);
  EXPECT_EQ(bucket_begin_us("tail", 0, 5), 0);
}

TEST(Report, DigestIsFnv1a) {
  EXPECT_EQ(digest_of(""), "cbf29ce484222325");
  EXPECT_EQ(digest_of("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace hirestream
