#include "ports/day_changes.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace hirestream {
namespace {

CellChange change(int32_t local_hour, int64_t job, int64_t clicks, int64_t company = 0) {
  return {{local_hour, job, 2, 3, 4}, {0, clicks, 0, 0, 0, clicks * 1'000'000}, company};
}

TEST(DayChanges, HoursOfADayAreOneChange) {
  const auto days =
      day_changes(std::vector{change(48, 1, 2), change(71, 1, 3), change(72, 1, 5)}).value();
  ASSERT_EQ(days.size(), 2u);
  EXPECT_EQ(days[0].key, (CellKey{48, 1, 2, 3, 4}));
  EXPECT_EQ(days[0].delta.clicks, 5);
  EXPECT_EQ(days[0].delta.bid_micros, 5'000'000);
  EXPECT_EQ(days[1].key, (CellKey{72, 1, 2, 3, 4}));
}

TEST(DayChanges, HoursBefore1970BelongToTheirOwnDay) {
  const auto days =
      day_changes(std::vector{change(-25, 1, 1), change(-24, 1, 1), change(-1, 1, 1)}).value();
  ASSERT_EQ(days.size(), 2u);
  EXPECT_EQ(days[0].key.local_hour, -48);
  EXPECT_EQ(days[1].key.local_hour, -24);
  EXPECT_EQ(days[1].delta.clicks, 2);
}

TEST(DayChanges, RowThatMovesToAnotherHourOfItsDayChangesNothing) {
  EXPECT_TRUE(day_changes(std::vector{change(48, 1, -1), change(49, 1, 1)})->empty());
}

TEST(DayChanges, BidsOfADayBeyond64BitsAreRefusedByJobAndDate) {
  constexpr int64_t kHalf = 5'000'000'000'000;
  const auto days = day_changes(std::vector{change(48, 188, kHalf), change(49, 188, kHalf)});
  ASSERT_FALSE(days.has_value());
  EXPECT_EQ(days.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(days.error().subject, "1970-01-03");
  EXPECT_EQ(days.error().message, "the sums of job 188 are beyond 64 bits");
}

TEST(DayChanges, LastKnownCompanyStays) {
  const auto days =
      day_changes(std::vector{change(48, 1, 1, 7), change(49, 1, 1, 8), change(50, 1, 1, 0)})
          .value();
  ASSERT_EQ(days.size(), 1u);
  EXPECT_EQ(days[0].company_id, 8);
}

TEST(DayChanges, AreSortedUniqueNonZeroAndAddUpToTheCells) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::map<CellKey, int64_t> cells;
    for (int i = 0; i < 300; ++i) {
      const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
      const CellKey key{static_cast<int32_t>(below(200)) - 100, below(3), below(2), 0, below(2)};
      cells[key] = static_cast<int64_t>(random() % 5) - 2;
    }
    std::vector<CellChange> changes;
    std::map<CellKey, int64_t> expected;
    for (const auto& [key, clicks] : cells) {
      if (clicks != 0) {
        changes.push_back({key, {0, clicks, 0, 0, 0, 0}, 0});
        expected[day_of(key)] += clicks;
      }
    }
    std::erase_if(expected, [](const auto& item) { return item.second == 0; });
    std::map<CellKey, int64_t> found;
    const auto days = day_changes(changes).value();
    for (size_t i = 0; i < days.size(); ++i) {
      EXPECT_TRUE(i == 0 || days[i - 1].key < days[i].key);
      EXPECT_EQ(days[i].key.hour(), 0);
      found[days[i].key] = days[i].delta.clicks;
    }
    EXPECT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace hirestream
