#include "cli/demo_session.h"

#include <gtest/gtest.h>

#include "model/decimal.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

struct Seen {
  int clicks = 0;
  int views = 0;
  int without_group = 0;
  int spoiled = 0;
};

bool is_spoiled(const RawEvent& event) {
  const auto& ts = event[RawColumn::kTs];
  const auto& bid = event[RawColumn::kBid];
  return !ts || !parse_timestamp(*ts) || *ts < "2000" || (bid && bid_from_text(*bid).error) ||
         event[RawColumn::kJobId] == "n/a";
}

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
    seen.spoiled += is_spoiled(event) ? 1 : 0;
    if (!event[RawColumn::kJobId] || event[RawColumn::kJobId] == "n/a") {
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

TEST(DemoTraffic, HasALittleDirt) {
  const Seen seen = watch(100'000);
  EXPECT_GT(seen.spoiled, 20);
  EXPECT_LT(seen.spoiled, 80);
}

}  // namespace
}  // namespace hirestream
