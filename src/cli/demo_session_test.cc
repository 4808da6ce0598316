#include "cli/demo_session.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

struct Seen {
  int clicks = 0;
  int views = 0;
  int without_group = 0;
  int untimed = 0;
};

Seen watch(int64_t rows) {
  const auto model = TrafficModel::make(demo_traffic());
  const ArrivalRhythm rhythm(1'780'272'000'000'000, 1'780'444'800'000'000);
  Seen seen;
  RawEvent event;
  for (int64_t i = 0; i < rows; ++i) {
    model->make_historic(i, rows, rhythm, event);
    if (event[RawColumn::kCustomTrack] == "superpixel") {
      continue;  // comes with nothing else
    }
    seen.untimed += event[RawColumn::kTs] ? 0 : 1;
    if (!event[RawColumn::kJobId]) {
      continue;
    }
    seen.without_group += event[RawColumn::kGroupId] ? 0 : 1;
    seen.clicks += event[RawColumn::kCustomTrack] == "click" ? 1 : 0;
    seen.views += event[RawColumn::kCustomTrack] ? 0 : 1;
  }
  return seen;
}

TEST(DemoTraffic, ShowsJobsMoreOftenThanTheyAreClickedAndNamesTheirGroups) {
  const Seen seen = watch(50'000);
  EXPECT_GT(seen.clicks, 5'000);
  EXPECT_GT(seen.views, 2 * seen.clicks);
  EXPECT_EQ(seen.without_group, 0);
}

TEST(DemoTraffic, HasAFewRowsThatAreRejected) {
  const Seen seen = watch(100'000);
  EXPECT_GT(seen.untimed, 20);
  EXPECT_LT(seen.untimed, 80);
}

}  // namespace
}  // namespace hirestream
