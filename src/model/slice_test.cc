#include "model/slice.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace hirestream {
namespace {

TEST(SliceKey, IsOrderedByShardThenBucket) {
  EXPECT_LT((SliceKey{0, 9}), (SliceKey{1, 0}));
  EXPECT_LT((SliceKey{1, -1}), (SliceKey{1, 0}));
  EXPECT_EQ((SliceKey{1, 2}), (SliceKey{1, 2}));
}

TEST(RowDigest, AddsCountsAndWrapsHashes) {
  RowDigest digest{2, UINT64_MAX};
  digest += RowDigest{3, 2};
  EXPECT_EQ(digest, (RowDigest{5, 1}));
  EXPECT_NE(digest, (RowDigest{5, 2}));
  EXPECT_NE(digest, (RowDigest{4, 1}));
}

TEST(RowClasses, AddUpAndTotalToTheRowsRead) {
  RowClasses classes{1, 2, 3, 4, 5};
  EXPECT_EQ(classes.total(), 15);
  classes += RowClasses{10, 20, 30, 40, 50};
  EXPECT_EQ(classes, (RowClasses{11, 22, 33, 44, 55}));
  EXPECT_EQ(classes.total(), 165);
  EXPECT_EQ(RowClasses{}.total(), 0);
}

}  // namespace
}  // namespace hirestream
