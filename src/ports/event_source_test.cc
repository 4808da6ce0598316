#include "ports/event_source.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(RowSlice, IsTheBucketOfTheEventTime) {
  constexpr int64_t kWidthUs = 60'000'000;
  TrackingBatch rows;
  for (const int64_t ts_us : {int64_t{0}, kWidthUs - 1, kWidthUs, -kWidthUs, int64_t{-1}}) {
    rows.add_row();
    rows.set_ts_us(ts_us);
  }
  std::vector<SliceKey> slices;
  for (size_t row = 0; row < rows.rows(); ++row) {
    slices.push_back(row_slice(rows, row, BucketWidth::seconds(60)));
  }
  EXPECT_EQ(slices, (std::vector<SliceKey>{{0, 0}, {0, 0}, {0, 1}, {0, -1}, {0, -1}}));
}

TEST(RowSlice, OfARowWithoutAReadableTimeIsOneOfItsOwn) {
  TrackingBatch rows;
  rows.add_row();
  rows.add_row();
  rows.set_ts_text("yesterday");
  EXPECT_EQ(row_slice(rows, 0, BucketWidth::seconds(60)), (SliceKey{0, kNoTimeBucket}));
  EXPECT_EQ(row_slice(rows, 1, BucketWidth::seconds(60)), (SliceKey{0, kNoTimeBucket}));
}

}  // namespace
}  // namespace hirestream
