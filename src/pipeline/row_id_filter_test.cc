#include "pipeline/row_id_filter.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

RowId id_of(uint64_t number) {
  return make_version_1(17'000'000'000'000'000 + static_cast<int64_t>(number), 7, 42);
}

TEST(RowIdFilter, KnowsEveryIdAgain) {
  RowIdFilter filter(1'000);
  // Ten times as many as expected.
  for (uint64_t number = 0; number < 10'000; ++number) {
    filter.insert(id_of(number));
  }
  for (uint64_t number = 0; number < 10'000; ++number) {
    EXPECT_TRUE(filter.insert(id_of(number)));
  }
}

TEST(RowIdFilter, IsWrongAboutFewFreshIds) {
  constexpr uint64_t kIds = 200'000;
  RowIdFilter filter(kIds);
  int wrong = 0;
  for (uint64_t number = 0; number < kIds; ++number) {
    wrong += filter.insert(id_of(number)) ? 1 : 0;
  }
  EXPECT_LT(wrong, 20);
}

TEST(RowIdFilter, TakesIdsThoughNoneWereExpected) {
  RowIdFilter filter(0);
  EXPECT_FALSE(filter.insert(id_of(1)));
  EXPECT_TRUE(filter.insert(id_of(1)));
}

}  // namespace
}  // namespace hirestream
