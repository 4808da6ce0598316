#include "model/not_counted.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

RowId id_at(int64_t us) {
  return make_version_1(us * 10, 0, 0);
}

TEST(NotCountedKinds, TellsKindsByReasonTheMostFrequentFirst) {
  NotCountedKinds kinds;
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 1, id_at(1));
  kinds.add(WhyNotCounted::kNoJob, "", "click", 1, id_at(5));
  kinds.add(WhyNotCounted::kNoJob, "", "click", 1, id_at(3));
  kinds.add(WhyNotCounted::kOtherKind, "ev=", "2", 1, id_at(2));
  const auto found = kinds.by_rows();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].kind, "click");
  EXPECT_EQ(found[0].why, WhyNotCounted::kNoJob);
  EXPECT_EQ(found[0].rows, 2);
  EXPECT_EQ(found[0].newest, id_at(5));
  EXPECT_EQ(found[2].kind, "ev=2");
}

TEST(NotCountedKinds, TakesManyRowsAtOnce) {
  NotCountedKinds kinds;
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 5, id_at(7));
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 3, id_at(6));
  ASSERT_EQ(kinds.all().size(), 1U);
  EXPECT_EQ(kinds.all()[0].rows, 8);
  EXPECT_EQ(kinds.all()[0].newest, id_at(7));
}

TEST(NotCountedKinds, AddsUpWhatSlicesHave) {
  NotCountedKinds one;
  NotCountedKinds other;
  one.add(WhyNotCounted::kOtherKind, "", "alive", 1, id_at(1));
  other.add(WhyNotCounted::kOtherKind, "", "alive", 1, id_at(2));
  one.add(other);
  ASSERT_EQ(one.by_rows().size(), 1U);
  EXPECT_EQ(one.by_rows()[0].rows, 2);
  EXPECT_EQ(one.by_rows()[0].newest, id_at(2));
}

TEST(NotCountedKinds, AreBoundedWhateverRowsSay) {
  NotCountedKinds kinds;
  for (int i = 0; i < 1000; ++i) {
    kinds.add(WhyNotCounted::kOtherKind, "", std::to_string(i) + std::string(1000, 'x'), 1,
              id_at(i));
  }
  const auto found = kinds.by_rows();
  ASSERT_EQ(found.size(), NotCountedKinds::kKindsMax + 1);
  EXPECT_EQ(found.back().kind, "(others)");
  EXPECT_EQ(found.back().rows, 1000 - static_cast<int64_t>(NotCountedKinds::kKindsMax));
  EXPECT_EQ(found.back().newest, id_at(999));
  EXPECT_EQ(found[0].kind.size(), NotCountedKinds::kKindTextMax);
}

TEST(NotCountedKinds, KeepWhatADatabaseTakesAndATerminalShows) {
  NotCountedKinds kinds;
  for (const char* text : {" caf\xe9\t", "caf\xef\xbf\xbd", "a\x1b[31mb"}) {
    kinds.add(WhyNotCounted::kOtherKind, "", text, 1, id_at(1));
  }
  kinds.add(WhyNotCounted::kOtherKind, "", std::string(59, 'x') + "\xc3\xa9", 1, id_at(1));
  const auto found = kinds.by_rows();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].kind, "caf\xef\xbf\xbd");
  EXPECT_EQ(found[0].rows, 2);
  EXPECT_EQ(found[1].kind, "a [31mb");
  EXPECT_EQ(found[2].kind, std::string(59, 'x')) << "not in the middle of a character";
}

TEST(NotCountedKinds, RowsWithoutATimeAreOlderThanOthers) {
  NotCountedKinds kinds;
  const RowId random{0x11112222'3333'4444, 0xF000'0000'0000'0000};
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 1, random);
  EXPECT_EQ(kinds.by_rows()[0].newest_us(), std::nullopt);
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 1, id_at(7));
  kinds.add(WhyNotCounted::kOtherKind, "", "alive", 1, random);
  EXPECT_EQ(kinds.by_rows()[0].newest_us(), 7);
}

TEST(IsNewer, GoesByTheMicrosecondAndThenByTheId) {
  for (const int64_t ticks : {int64_t{0}, int64_t{-25}, int64_t{17'000'000'000'000'003}}) {
    for (int64_t other = ticks - 25; other <= ticks + 25; ++other) {
      const RowId a = make_version_1(ticks, 1, 2);
      const RowId b = make_version_1(other, 1, 1);
      const int64_t us_a = arrival_time_us(a);
      const int64_t us_b = arrival_time_us(b);
      EXPECT_EQ(is_newer(a, b), us_a > us_b || (us_a == us_b && a > b)) << ticks << ' ' << other;
      EXPECT_EQ(is_newer(b, a), us_b > us_a || (us_a == us_b && b > a)) << ticks << ' ' << other;
    }
  }
  EXPECT_FALSE(is_newer(RowId{5, 5}, make_version_1(-kGregorianOffset, 0, 0)));
}

TEST(MostFrequent, MakesOneKindOfEachReasonOfTheOthers) {
  NotCountedKinds kinds;
  for (int i = 0; i < 5; ++i) {
    for (int rows = 0; rows <= i; ++rows) {
      kinds.add(i % 2 == 0 ? WhyNotCounted::kOtherKind : WhyNotCounted::kNoJob, "",
                std::to_string(i), 1, id_at(i));
    }
  }
  kinds.set_place("a.csv");
  const auto found = most_frequent(kinds.by_rows(), 2);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], (NotCounted{WhyNotCounted::kOtherKind, "4", 5, id_at(4), "a.csv"}));
  EXPECT_EQ(found[1], (NotCounted{WhyNotCounted::kNoJob, "3", 4, id_at(3), "a.csv"}));
  EXPECT_EQ(found[2], (NotCounted{WhyNotCounted::kOtherKind, "(others)", 4, id_at(2), "a.csv"}));
  EXPECT_EQ(found[3], (NotCounted{WhyNotCounted::kNoJob, "(others)", 2, id_at(1), "a.csv"}));
  EXPECT_EQ(most_frequent(found, 0).size(), 2U);
  EXPECT_EQ(most_frequent(found, 0)[0].rows, 9);
}

}  // namespace
}  // namespace hirestream
