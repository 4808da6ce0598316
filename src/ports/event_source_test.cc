#include "ports/event_source.h"

#include <gtest/gtest.h>

#include "model/scan_bucket.h"

namespace hirestream {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kDayUs = 86'400'000'000;

std::vector<ScanBucket> buckets_of(const TrackingBatch& rows) {
  std::vector<ScanBucket> out;
  for (size_t row = 0; row < rows.rows(); ++row) {
    const SliceKey key = row_slice(rows, row, SourceDescription());
    EXPECT_EQ(key.shard, 0);
    out.push_back(ScanBucket::of(key.bucket));
  }
  return out;
}

TEST(RowSlice, IsTheMinuteOfTheEventAndTheDayOfArrival) {
  TrackingBatch rows;
  for (const int64_t ts_us : {int64_t{0}, kMinuteUs - 1, kMinuteUs, 3 * kDayUs}) {
    rows.add_row();
    rows.set_id(make_version_1((ts_us + kDayUs) * 10, 0, 0));
    rows.set_ts_us(ts_us);
  }
  EXPECT_EQ(buckets_of(rows), (std::vector<ScanBucket>{{1, 0}, {1, 0}, {1, 1}, {4, 3 * 1440}}));
}

TEST(RowSlice, OfARowWithoutTimesIsOneOfItsOwn) {
  TrackingBatch rows;
  rows.add_row();
  rows.add_row();
  rows.set_id_text("no uuid");
  rows.set_ts_text("yesterday");
  rows.add_row();
  rows.set_id(RowId{4, 5});  // of no version
  rows.set_ts_us(-1);
  rows.add_row();
  rows.set_id(make_version_1(0, 0, 0));
  EXPECT_EQ(buckets_of(rows), (std::vector<ScanBucket>{{}, {}, {}, {0, std::nullopt}}));
}

TEST(SourceKind, FilesAreReadWhenTheyCome) {
  EXPECT_TRUE(is_kind_of_files("csv"));
  EXPECT_TRUE(is_kind_of_files("ndjson"));
  EXPECT_TRUE(is_kind_of_files("parquet"));
  EXPECT_FALSE(is_kind_of_files("sqlite"));
  EXPECT_FALSE(is_kind_of_files("cassandra"));
}

}  // namespace
}  // namespace hirestream
