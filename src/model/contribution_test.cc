#include "model/contribution.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace hirestream {
namespace {

Cell clicks(int32_t hour, int64_t job, int64_t count, int64_t bid_micros = 0) {
  Cell cell;
  cell.key.local_hour = hour;
  cell.key.job_id = job;
  cell.measures.clicks = count;
  cell.measures.bid_micros = bid_micros;
  return cell;
}

TEST(CellKey, SplitsTheHourIntoDateAndHourOfDay) {
  struct Known {
    int32_t local_hour;
    int32_t days;
    int32_t hour;
  };
  for (const Known& known :
       std::vector<Known>{{0, 0, 0},
                          {23, 0, 23},
                          {24, 1, 0},
                          {-1, -1, 23},
                          {-24, -1, 0},
                          {-25, -2, 23},
                          {460188, 19174, 12},
                          {std::numeric_limits<int32_t>::max(), 89478485, 7},
                          {std::numeric_limits<int32_t>::min(), -89478486, 16}}) {
    const CellKey key{.local_hour = known.local_hour};
    EXPECT_EQ(key.days(), known.days) << known.local_hour;
    EXPECT_EQ(key.hour(), known.hour) << known.local_hour;
  }
}

TEST(CellKey, IsOrderedByHourJobPublisherCampaignGroup) {
  const std::vector<CellKey> ordered = {{-1, 9, 9, 9, 9}, {0, -1, 9, 9, 9}, {0, 0, 0, 0, 0},
                                        {0, 0, 0, 0, 1},  {0, 0, 0, 1, 0},  {0, 0, 1, 0, 0},
                                        {0, 1, 0, 0, 0},  {1, 0, 0, 0, 0}};
  for (size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_LT(ordered[i - 1], ordered[i]) << i;
  }
}

TEST(Measures, AddAndSubtractEachField) {
  const Measures a{1, 2, 3, 4, 5, 6};
  Measures b{10, 20, 30, 40, 50, 60};
  b += a;
  EXPECT_EQ(b, (Measures{11, 22, 33, 44, 55, 66}));
  b -= a;
  b -= a;
  EXPECT_EQ(b, (Measures{9, 18, 27, 36, 45, 54}));
}

TEST(Measures, ZeroAndNegativeLookAtEachField) {
  EXPECT_TRUE(Measures{}.is_zero());
  EXPECT_FALSE(Measures{}.any_negative());
  for (int64_t Measures::* field :
       {&Measures::impressions, &Measures::clicks, &Measures::conversions, &Measures::qualified,
        &Measures::unqualified, &Measures::bid_micros}) {
    Measures measures;
    measures.*field = 1;
    EXPECT_FALSE(measures.is_zero());
    EXPECT_FALSE(measures.any_negative());
    measures.*field = -1;
    EXPECT_FALSE(measures.is_zero());
    EXPECT_TRUE(measures.any_negative());
  }
}

TEST(Contribution, IsCanonicalWhenSortedUniqueAndWithoutZeros) {
  EXPECT_TRUE(is_canonical({}));
  EXPECT_TRUE(is_canonical({clicks(1, 1, 1)}));
  EXPECT_TRUE(is_canonical({clicks(1, 1, 1), clicks(1, 2, 1), clicks(2, 1, -1)}));
  EXPECT_FALSE(is_canonical({clicks(1, 1, 0)}));
  EXPECT_FALSE(is_canonical({clicks(1, 2, 1), clicks(1, 1, 1)}));
  EXPECT_FALSE(is_canonical({clicks(1, 1, 1), clicks(1, 1, 1)}));
  EXPECT_FALSE(is_canonical({clicks(1, 1, 1), clicks(1, 2, 0)}));
}

TEST(Contribution, CanonicalFormSortsAddsUpAndDropsZeros) {
  Contribution contribution = {clicks(2, 1, 1),  clicks(1, 1, 5), clicks(1, 2, 3), clicks(2, 1, 2),
                               clicks(1, 1, -5), clicks(3, 3, 0), clicks(1, 2, 1)};
  canonicalize(contribution);
  EXPECT_EQ(contribution, (Contribution{clicks(1, 2, 4), clicks(2, 1, 3)}));
  EXPECT_TRUE(is_canonical(contribution));
  Contribution empty;
  canonicalize(empty);
  EXPECT_TRUE(empty.empty());
}

TEST(Contribution, MergeAddsCellByCell) {
  const Contribution a = {clicks(1, 1, 1, 10), clicks(1, 3, 1), clicks(2, 1, 4)};
  const Contribution b = {clicks(1, 1, 2, 20), clicks(1, 2, 1), clicks(2, 1, -4), clicks(9, 9, 9)};
  EXPECT_EQ(merge(a, b),
            (Contribution{clicks(1, 1, 3, 30), clicks(1, 2, 1), clicks(1, 3, 1), clicks(9, 9, 9)}));
  EXPECT_EQ(merge(b, a), merge(a, b));
  EXPECT_EQ(merge(a, {}), a);
  EXPECT_EQ(merge({}, a), a);
  EXPECT_TRUE(merge({}, {}).empty());
}

TEST(Contribution, DifferenceIsWhatMustBeAddedToTheSecond) {
  const Contribution a = {clicks(1, 1, 3, 30), clicks(1, 2, 1)};
  const Contribution b = {clicks(1, 1, 1, 10), clicks(1, 3, 2)};
  const Contribution delta = difference(a, b);
  EXPECT_EQ(delta, (Contribution{clicks(1, 1, 2, 20), clicks(1, 2, 1), clicks(1, 3, -2)}));
  EXPECT_EQ(merge(b, delta), a);
}

TEST(Contribution, CellsAreFoundByTheirKey) {
  const Contribution a = {clicks(1, 1, 3), clicks(1, 4, 1), clicks(2, 1, 7)};
  for (const Cell& cell : a) {
    EXPECT_EQ(find_cell(a, cell.key), &cell);
  }
  for (const Cell& other : {clicks(0, 9, 1), clicks(1, 2, 1), clicks(3, 1, 1)}) {
    EXPECT_EQ(find_cell(a, other.key), nullptr);
  }
  EXPECT_EQ(find_cell({}, a[0].key), nullptr);
}

TEST(Contribution, DifferenceOfEqualsIsEmpty) {
  const Contribution a = {clicks(1, 1, 3), clicks(1, 2, 1)};
  EXPECT_TRUE(difference(a, a).empty());
  EXPECT_EQ(difference(a, {}), a);
  EXPECT_EQ(difference({}, a), (Contribution{clicks(1, 1, -3), clicks(1, 2, -1)}));
}

}  // namespace
}  // namespace hirestream
