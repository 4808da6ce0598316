#include "aggregation/row_id_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "aggregation/allocation_counter_test.h"

namespace hirestream {
namespace {

std::set<RowId> ids_of(const RowIdSet& set) {
  std::set<RowId> out;
  set.for_each([&out](const RowId& id) { EXPECT_TRUE(out.insert(id).second); });
  return out;
}

TEST(RowIdSet, StartsEmpty) {
  const RowIdSet set;
  EXPECT_EQ(set.size(), 0U);
  EXPECT_FALSE(set.contains({1, 2}));
  EXPECT_FALSE(set.contains({}));
  EXPECT_TRUE(ids_of(set).empty());
}

TEST(RowIdSet, TellsNewIdsFromKnownOnes) {
  RowIdSet set;
  EXPECT_TRUE(set.insert({1, 2}));
  EXPECT_FALSE(set.insert({1, 2}));
  EXPECT_TRUE(set.insert({2, 1}));
  EXPECT_TRUE(set.insert({1, 0}));
  EXPECT_TRUE(set.insert({0, 2}));
  EXPECT_EQ(set.size(), 4U);
  EXPECT_TRUE(set.contains({0, 2}));
  EXPECT_FALSE(set.contains({2, 2}));
}

TEST(RowIdSet, HoldsTheZeroIdLikeAnyOther) {
  RowIdSet set;
  EXPECT_TRUE(set.insert({}));
  EXPECT_FALSE(set.insert({}));
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.contains({}));
  EXPECT_TRUE(set.insert({0, 1}));
  EXPECT_EQ(ids_of(set), (std::set<RowId>{{0, 0}, {0, 1}}));
  set.retain([](const RowId& id) { return id != RowId{}; });
  EXPECT_FALSE(set.contains({}));
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.insert({}));
  set.retain([](const RowId& id) { return id == RowId{}; });
  EXPECT_EQ(ids_of(set), (std::set<RowId>{{0, 0}}));
  set.clear();
  EXPECT_FALSE(set.contains({}));
}

TEST(RowIdSet, AgreesWithAnOrderedSetWhileItGrows) {
  std::mt19937_64 random(7);
  RowIdSet set;
  std::set<RowId> expected;
  for (int i = 0; i < 200'000; ++i) {
    // A narrow range, so that about half of the ids come again.
    const RowId id{random() % 256, random() % 512};
    ASSERT_EQ(set.insert(id), expected.insert(id).second);
    ASSERT_EQ(set.size(), expected.size());
  }
  EXPECT_EQ(ids_of(set), expected);
  for (uint64_t high = 0; high < 300; ++high) {
    const RowId id{high, high * 7 % 600};
    EXPECT_EQ(set.contains(id), expected.contains(id));
  }
}

TEST(RowIdSet, RetainKeepsExactlyWhatIsAskedFor) {
  RowIdSet set;
  for (uint64_t i = 0; i < 10'000; ++i) {
    set.insert(make_version_1(static_cast<int64_t>(i) * 10, 0, 5));
  }
  set.retain([](const RowId& id) { return arrival_time_us(id) >= 9'000; });
  EXPECT_EQ(set.size(), 1000U);
  EXPECT_FALSE(set.contains(make_version_1(89'990, 0, 5)));
  EXPECT_TRUE(set.contains(make_version_1(90'000, 0, 5)));
  EXPECT_FALSE(set.insert(make_version_1(90'000, 0, 5)));
  EXPECT_TRUE(set.insert(make_version_1(89'990, 0, 5)));
  set.retain([](const RowId&) { return false; });
  EXPECT_EQ(set.size(), 0U);
  set.retain([](const RowId&) { return true; });
  EXPECT_EQ(set.size(), 0U);
}

TEST(RowIdSet, ClearForgetsAll) {
  RowIdSet set;
  for (uint64_t i = 0; i < 100; ++i) {
    set.insert({i, i});
  }
  set.clear();
  EXPECT_EQ(set.size(), 0U);
  EXPECT_FALSE(set.contains({1, 1}));
  EXPECT_TRUE(set.insert({1, 1}));
}

TEST(RowIdSet, AllocatesOnlyWhenItDoubles) {
  RowIdSet set;
  const AllocationCounter counter;
  for (uint64_t i = 1; i <= 100'000; ++i) {
    set.insert({i, 0});
  }
  const int64_t while_growing = counter.count().allocations;
  EXPECT_LE(while_growing, 18);  // 2^18 slots are more than twice the ids
  for (uint64_t i = 1; i <= 100'000; ++i) {
    set.insert({i, 0});
  }
  EXPECT_EQ(counter.count().allocations, while_growing);
}

}  // namespace
}  // namespace hirestream
