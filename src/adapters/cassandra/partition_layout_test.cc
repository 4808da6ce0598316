#include "adapters/cassandra/partition_layout.h"

#include <gtest/gtest.h>

#include <array>

namespace hirestream {
namespace {

std::span<const uint8_t> bytes(const std::string& cell) {
  return {reinterpret_cast<const uint8_t*>(cell.data()), cell.size()};
}

// Other writers do the same in other languages: these numbers must never change. Reference:
// Python's xxhash.xxh3_64_intdigest(uuid.bytes) % shards.
TEST(PartitionLayout, ShardIsXxh3OfTheUuidsBytes) {
  EXPECT_EQ(shard_of(*parse_uuid("00000000-0000-1000-8000-000000000000"), 8), 5);
  EXPECT_EQ(shard_of(*parse_uuid("00000000-0000-1000-8000-000000000000"), 1000), 741);
  EXPECT_EQ(shard_of(*parse_uuid("f3a1c2d0-0000-11ed-8123-0123456789ab"), 8), 2);
  EXPECT_EQ(shard_of(*parse_uuid("f3a1c2d0-0000-11ed-8123-0123456789ab"), 1000), 362);
  EXPECT_EQ(shard_of(*parse_uuid("f3a1c2d1-0000-11ed-8123-0123456789ab"), 8), 1);
  EXPECT_EQ(shard_of(*parse_uuid("f3a1c2d1-0000-11ed-8123-0123456789ab"), 1000), 969);
}

TEST(PartitionLayout, SpreadsRowsOfOneWriterEvenly) {
  std::array<int, 8> rows{};
  for (int i = 0; i < 8'000; ++i) {
    const RowId id = make_version_1(16'580'000'000'000'000 + i * 137, 5, 0x0123456789AB);
    ++rows[static_cast<size_t>(shard_of(id, 8))];
  }
  for (const int count : rows) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(PartitionLayout, OverTimeTheShardsMayGrowAndNothingElseMayChange) {
  EXPECT_TRUE(check_history({{0, {60, 8}}, {1'000'000, {60, 8}}, {2'000'000, {60, 16}}}));
  const auto fewer = check_history({{0, {60, 8}}, {1'000'000, {60, 4}}});
  ASSERT_FALSE(fewer);
  EXPECT_EQ(fewer.error().subject, "shard_count");
  const auto wider = check_history({{0, {60, 8}}, {1'000'000, {120, 8}}});
  ASSERT_FALSE(wider);
  EXPECT_EQ(wider.error().subject, "bucket_width_s");
  EXPECT_FALSE(check_history({{0, {7, 8}}}));
}

TEST(PartitionLayout, ARowFollowsTheEntryOfItsArrival) {
  const LayoutHistory history = {{1'000, {60, 2}}, {2'000, {60, 4}}, {3'000, {60, 8}}};
  EXPECT_EQ(layout_at(history, 0).shard_count, 2);
  EXPECT_EQ(layout_at(history, 1'999).shard_count, 2);
  EXPECT_EQ(layout_at(history, 2'000).shard_count, 4);
  EXPECT_EQ(layout_at(history, 9'000).shard_count, 8);
}

TEST(PartitionLayout, BucketIsTheTimeDividedByTheWidthRoundedDown) {
  EXPECT_EQ(bucket_of(119'999'999, 60), 1);
  EXPECT_EQ(bucket_of(120'000'000, 60), 2);
  EXPECT_EQ(bucket_of(-1, 60), -1);
  EXPECT_EQ(bucket_of(-60'000'000, 60), -1);
}

TEST(PartitionLayout, ReadsTheBucketsItWrites) {
  for (const CqlType type :
       {CqlType::kInt, CqlType::kBigint, CqlType::kTimestamp, CqlType::kText}) {
    for (const int64_t bucket : {int64_t{0}, int64_t{27'633'333}, int64_t{-5}}) {
      std::string cell;
      ASSERT_TRUE(append_bucket(type, bucket, 60, cell));
      EXPECT_EQ(read_bucket(type, bytes(cell), 60), bucket) << cql_type_name(type);
    }
  }
}

TEST(PartitionLayout, RefusesBucketsOfAnotherWidth) {
  std::string cell;
  append_int64(90'000, cell);
  EXPECT_FALSE(read_bucket(CqlType::kTimestamp, bytes(cell), 60));
  EXPECT_FALSE(read_bucket(CqlType::kText, bytes("12x"), 60));
  EXPECT_FALSE(read_bucket(CqlType::kText, bytes(""), 60));
}

TEST(PartitionLayout, RefusesNumbersThatItWouldWriteOtherwise) {
  for (const std::string text : {"0029766240", "+5", "-0", "00", "-05", " 5", "5 ", "5.0", "0x5"}) {
    EXPECT_FALSE(read_bucket(CqlType::kText, bytes(text), 60)) << text;
  }
  for (const std::string text : {"29766240", "0", "-5"}) {
    EXPECT_TRUE(read_bucket(CqlType::kText, bytes(text), 60)) << text;
  }
}

TEST(PartitionLayout, RefusesBucketsThatNoIdLiesIn) {
  const RowId last{0xFFFF'FFFF'FFFF'1FFF, 0x8000'0000'0000'0000};
  const RowId first{0x1000, 0x8000'0000'0000'0000};
  for (const int64_t bucket :
       {bucket_of(arrival_time_us(first), 60), bucket_of(arrival_time_us(last), 60)}) {
    EXPECT_EQ(read_bucket(CqlType::kText, bytes(std::to_string(bucket)), 60), bucket);
  }
  for (const std::string number :
       {"1800000000000", "-1800000000000", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_FALSE(read_bucket(CqlType::kText, bytes(number), 60)) << number;
  }
}

TEST(PartitionLayout, RefusesImpossibleLayouts) {
  EXPECT_TRUE((PartitionLayout{60, 8}.validate()));
  EXPECT_FALSE((PartitionLayout{0, 8}.validate()));
  EXPECT_FALSE((PartitionLayout{7, 8}.validate()));
  EXPECT_FALSE((PartitionLayout{60, 0}.validate()));
  EXPECT_FALSE((PartitionLayout{60, 5000}.validate()));
}

}  // namespace
}  // namespace hirestream
