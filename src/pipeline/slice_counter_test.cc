#include "pipeline/slice_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "aggregation/row_spec_test.h"

namespace hirestream {
namespace {

constexpr SliceKey kFirst = {0, 100};
constexpr SliceKey kSecond = {1, 100};

SourceDescription tail() {
  return {.strategy = Strategy::kTail, .kind = "cassandra", .identity = "logs"};
}
SourceDescription scan() {
  return {.strategy = Strategy::kScan, .kind = "cassandra", .identity = "logs"};
}

TrackingBatch clicks(int first, int count) {
  TrackingBatch batch;
  for (int i = first; i < first + count; ++i) {
    RowSpec row;
    row.id = id_at(kArrivalUs + i, static_cast<uint64_t>(i));
    row.job_id = i % 3 + 1;
    append_row(batch, row);
  }
  return batch;
}

class SliceCounterTest : public testing::Test {
 protected:
  using Ids = SliceCounter::Ids;
  using Order = SliceCounter::Order;
  SliceCounter counter(const SourceDescription& source, Ids ids = Ids::kMayRepeat,
                       Order order = Order::kAny) {
    return {source, CountingOptions(), [this](const SliceKey& key) { return wants_(key); }, ids,
            order};
  }
  static int64_t rows_of(const std::vector<SlicePart>& parts, const SliceKey& key) {
    int64_t rows = 0;
    for (const SlicePart& part : parts) {
      rows += part.key == key ? part.digest.rows : 0;
    }
    return rows;
  }

  SliceCounter::Wants wants_ = [](const SliceKey&) { return true; };
  const SourceDescription tail_ = tail();
  const SourceDescription scan_ = scan();
};

TEST_F(SliceCounterTest, RowsOfSeveralSlicesMayBeMixed) {
  SliceCounter counted = counter(tail_);
  for (const auto& [first, slice] : {std::pair{0, kFirst}, {10, kSecond}, {20, kFirst}}) {
    ASSERT_TRUE(counted.add(clicks(first, 10), slice).has_value());
  }
  const auto parts = counted.take();
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->size(), 2U);
  EXPECT_EQ(rows_of(*parts, kFirst), 20);
  EXPECT_EQ(rows_of(*parts, kSecond), 10);
}

TEST_F(SliceCounterTest, ARowThatComesTwiceIsOneRow) {
  SliceCounter counted = counter(tail_);
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  ASSERT_TRUE(counted.add(clicks(5, 10), kFirst).has_value());
  EXPECT_EQ(rows_of(*counted.take(), kFirst), 15);
}

TEST_F(SliceCounterTest, AnIdIsKnownWithinItsPartition) {
  SliceCounter counted = counter(tail_);
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  ASSERT_TRUE(counted.add(clicks(0, 10), kSecond).has_value());
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  const auto parts = counted.take();
  EXPECT_EQ(rows_of(*parts, kFirst), 10);
  EXPECT_EQ(rows_of(*parts, kSecond), 10);
}

TEST_F(SliceCounterTest, RowsWithoutAnIdAreEachOneOfTheirOwn) {
  TrackingBatch batch;
  batch.add_rows(3);
  for (const auto& [source, slice] : {std::pair{&tail_, std::optional(kFirst)}, {&scan_, {}}}) {
    SliceCounter counted = counter(*source);
    ASSERT_TRUE(counted.add(batch, slice).has_value());
    const auto parts = counted.take();
    ASSERT_EQ(parts->size(), 1U);
    EXPECT_EQ(parts->front().classes.rejected, 3);
  }
}

TEST_F(SliceCounterTest, ARowOfASliceThatWasClosedIsAnErrorAndNoSum) {
  SliceCounter counted = counter(tail_);
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  ASSERT_TRUE(counted.close_slices().has_value());
  ASSERT_TRUE(counted.add(clicks(10, 10), kSecond).has_value());
  const auto again = counted.add(clicks(20, 1), kFirst);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, ErrorKind::kBug);
  EXPECT_NE(again.error().text().find("0/100"), std::string::npos);
}

TEST_F(SliceCounterTest, WhereRowsAreContiguousASliceIsClosedByTheNext) {
  SliceCounter counted = counter(tail_, Ids::kMayRepeat, Order::kContiguous);
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  ASSERT_TRUE(counted.add(clicks(5, 10), kFirst).has_value());
  ASSERT_TRUE(counted.add(clicks(20, 10), kSecond).has_value());
  EXPECT_FALSE(counted.add(clicks(30, 1), kFirst).has_value());
}

TEST_F(SliceCounterTest, SlicesOfAScanAreNeverClosed) {
  SliceCounter counted = counter(scan_);
  ASSERT_TRUE(counted.add(clicks(0, 10), std::nullopt).has_value());
  ASSERT_TRUE(counted.close_slices().has_value());
  ASSERT_TRUE(counted.add(clicks(10, 10), std::nullopt).has_value());
  const auto parts = counted.take();
  ASSERT_TRUE(parts.has_value());
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->front().digest.rows, 20);
  EXPECT_EQ(parts->front().key, row_slice(clicks(0, 1), 0, scan_));
}

TEST_F(SliceCounterTest, KnowsOfNoRowOnceItWasTaken) {
  for (const SourceDescription* source : {&tail_, &scan_}) {
    SliceCounter counted = counter(*source);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
      ASSERT_TRUE(counted.close_slices().has_value());
      EXPECT_EQ(rows_of(*counted.take(), kFirst), 10);
    }
  }
}

TEST_F(SliceCounterTest, SlicesThatNobodyWantsAreLeftOut) {
  wants_ = [](const SliceKey& key) { return key != kFirst; };
  SliceCounter counted = counter(tail_);
  ASSERT_TRUE(counted.add(clicks(0, 10), kFirst).has_value());
  ASSERT_TRUE(counted.add(clicks(10, 10), kSecond).has_value());
  EXPECT_EQ(counted.rows(), 20);
  const auto parts = counted.take();
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->front().key, kSecond);
}

TEST_F(SliceCounterTest, ManyRowsOfAScanAreGivenOutInPartsThatAddUp) {
  SliceCounter counted = counter(scan_, Ids::kUnique);
  const TrackingBatch batch = clicks(0, 1000);
  const int64_t rounds = kOpenRowsMax / 1000 + 1;
  for (int64_t i = 0; i < rounds; ++i) {
    ASSERT_TRUE(counted.add(batch, std::nullopt).has_value());
  }
  const auto parts = counted.take();
  ASSERT_TRUE(parts.has_value());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(rows_of(*parts, parts->front().key), rounds * 1000);
}

}  // namespace
}  // namespace hirestream
