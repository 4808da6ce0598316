#include "model/not_counted.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

RowId id_at(int64_t us) {
  return make_version_1(us * 10, 0, 0);
}

TEST(NotCountedKinds, TellsKindsByReasonTheMostFrequentFirst) {
  NotCountedKinds kinds;
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", id_at(1));
  kinds.add(WhyNotCounted::kNoJob, "", "click", id_at(5));
  kinds.add(WhyNotCounted::kNoJob, "", "click", id_at(3));
  kinds.add(WhyNotCounted::kOtherKind, "ev=", "2", id_at(2));
  const auto found = kinds.by_rows();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].kind, "click");
  EXPECT_EQ(found[0].why, WhyNotCounted::kNoJob);
  EXPECT_EQ(found[0].rows, 2);
  EXPECT_EQ(found[0].newest, id_at(5));
  EXPECT_EQ(found[2].kind, "ev=2");
}

TEST(NotCountedKinds, AddsUpWhatSlicesHave) {
  NotCountedKinds one;
  NotCountedKinds other;
  one.add(WhyNotCounted::kOtherKind, "", "alive", id_at(1));
  other.add(WhyNotCounted::kOtherKind, "", "alive", id_at(2));
  one.add(other);
  ASSERT_EQ(one.by_rows().size(), 1U);
  EXPECT_EQ(one.by_rows()[0].rows, 2);
  EXPECT_EQ(one.by_rows()[0].newest, id_at(2));
}

TEST(NotCountedKinds, AreBoundedWhateverRowsSay) {
  NotCountedKinds kinds;
  for (int i = 0; i < 1000; ++i) {
    kinds.add(WhyNotCounted::kOtherKind, "", std::to_string(i) + std::string(1000, 'x'), id_at(i));
  }
  const auto found = kinds.by_rows();
  ASSERT_EQ(found.size(), NotCountedKinds::kKindsMax + 1);
  EXPECT_EQ(found[0].kind, "(others)");
  EXPECT_EQ(found[0].rows, 1000 - static_cast<int64_t>(NotCountedKinds::kKindsMax));
  EXPECT_EQ(found[1].kind.size(), NotCountedKinds::kKindTextMax);
}

}  // namespace
}  // namespace hirestream
