#include "aggregation/key_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hirestream {
namespace {

constexpr CellKey kKey = {460'188, 188, 1, 8, 3};

KeyLayout layout_of(const std::vector<CellKey>& keys) {
  KeyRange range;
  for (const CellKey& key : keys) {
    EXPECT_TRUE(range.add(key));
  }
  return range.layout();
}

bool holds(const KeyLayout& layout, const CellKey& key) {
  return layout.excess(layout.parts(key)) == 0;
}

TEST(KeyLayout, HoldsNothingAtFirst) {
  EXPECT_FALSE(holds(KeyRange().layout(), kKey));
  EXPECT_FALSE(holds(KeyLayout(), kKey));
  EXPECT_FALSE(holds(KeyLayout(), CellKey{}));
}

TEST(KeyLayout, UnpacksWhatWasPacked) {
  const std::vector<CellKey> keys = {
      kKey, {460'000, 0, 0, 0, 0}, {-5, 1 << 10, 77, 0, 345}, {INT32_MIN, 1, 2, 3, 4}};
  const KeyLayout layout = layout_of(keys);
  for (const CellKey& key : keys) {
    ASSERT_TRUE(holds(layout, key));
    EXPECT_EQ(layout.unpack(layout.pack(layout.parts(key))), key);
  }
}

TEST(KeyLayout, PackedKeysHaveTheOrderOfKeys) {
  std::vector<CellKey> keys;
  for (const int32_t hour : {460'000, 460'001}) {
    for (const int64_t job : {0, 1, 300}) {
      for (const int64_t publisher : {0, 2}) {
        for (const int64_t campaign : {0, 1'000'000}) {
          for (const int64_t group : {0, 9}) {
            keys.push_back({hour, job, publisher, campaign, group});
          }
        }
      }
    }
  }
  const KeyLayout layout = layout_of(keys);
  std::vector<uint64_t> packed;
  for (const CellKey& key : keys) {
    packed.push_back(layout.pack(layout.parts(key)));
  }
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_TRUE(std::ranges::is_sorted(packed));
  EXPECT_EQ(std::ranges::adjacent_find(packed), packed.end());
}

TEST(KeyLayout, HasRoomForMoreThanWasSeen) {
  const KeyLayout layout = layout_of({kKey});
  for (const CellKey& key :
       {CellKey{460'188 + 24, 188, 1, 8, 3}, CellKey{460'188 - 24, 188, 1, 8, 3},
        CellKey{460'188, 400, 3, 15, 7}}) {
    EXPECT_TRUE(holds(layout, key));
  }
}

TEST(KeyLayout, DoesNotHoldWhatIsNegativeOrTooWide) {
  const KeyLayout layout = layout_of({kKey});
  EXPECT_FALSE(holds(layout, {460'188, -1, 1, 8, 3}));
  EXPECT_FALSE(holds(layout, {460'188, 188, 1, 8, INT64_MIN}));
  EXPECT_FALSE(holds(layout, {460'188, INT64_MAX, 1, 8, 3}));
  EXPECT_FALSE(holds(layout, {INT32_MAX, 188, 1, 8, 3}));
  EXPECT_FALSE(holds(layout, {INT32_MIN, 188, 1, 8, 3}));
}

TEST(KeyRange, RefusesWhatNoLayoutHolds) {
  KeyRange range;
  EXPECT_TRUE(range.empty());
  EXPECT_FALSE(range.add(CellKey{460'188, -1, 1, 8, 3}));
  EXPECT_FALSE(range.add(CellKey{460'188, 1, 1, 8, int64_t{1} << 40}));
  EXPECT_TRUE(range.empty());
  EXPECT_TRUE(range.add(CellKey{460'188, (int64_t{1} << 40) - 1, 0, 0, 0}));
  EXPECT_FALSE(range.add(CellKey{460'188, 0, 0, 0, (int64_t{1} << 24) - 1}));
  EXPECT_TRUE(range.add(CellKey{460'188, 0, 0, 0, (int64_t{1} << 23) - 1}));
  EXPECT_FALSE(range.add(CellKey{460'189, 0, 0, 0, 0}));
}

// Bits to spare must not make a layout hold what no range does.
TEST(KeyRange, AddsWhateverItsLayoutHolds) {
  for (uint32_t width = 1; width <= KeyRange::kPartBitsMax; ++width) {
    KeyRange range;
    ASSERT_TRUE(range.add(CellKey{460'188, (int64_t{1} << width) - 1, 1, 1, 1}));
    const KeyLayout layout = range.layout();
    for (uint32_t more = width; more < 63; ++more) {
      const CellKey wide = {460'188, int64_t{1} << more, 1, 1, 1};
      KeyRange other = range;
      EXPECT_TRUE(!holds(layout, wide) || other.add(wide)) << width << " " << more;
    }
  }
}

TEST(KeyRange, AddsAllRowsOrNone) {
  CountedRows rows;
  rows.append(kKey, EventKind::kClick, 0);
  rows.append({460'188, -1, 1, 8, 3}, EventKind::kClick, 0);
  KeyRange range;
  EXPECT_FALSE(range.add(rows));
  EXPECT_TRUE(range.empty());
  rows.size = 1;
  EXPECT_TRUE(range.add(rows));
  EXPECT_TRUE(holds(range.layout(), kKey));
}

}  // namespace
}  // namespace hirestream
