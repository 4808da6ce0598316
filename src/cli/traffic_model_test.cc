#include "cli/traffic_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "model/decimal.h"
#include "model/row_id.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kFrom = 1'780'272'000'000'000;  // 2026-06-01
constexpr int64_t kTo = kFrom + 3 * 86'400'000'000;

TrafficModel model_of(const TrafficOptions& options) {
  auto model = TrafficModel::make(options);
  EXPECT_TRUE(model.has_value());
  return *model;
}

std::vector<RawEvent> history(const TrafficOptions& options, int64_t total) {
  const TrafficModel model = model_of(options);
  const ArrivalRhythm rhythm(kFrom, kTo);
  std::vector<RawEvent> events(static_cast<size_t>(total));
  for (int64_t i = 0; i < total; ++i) {
    model.make_historic(i, total, rhythm, events[static_cast<size_t>(i)]);
  }
  return events;
}

double share(const std::vector<RawEvent>& events, auto&& predicate) {
  const auto matching = std::count_if(events.begin(), events.end(), predicate);
  return static_cast<double>(matching) / static_cast<double>(events.size());
}

TEST(TrafficModel, MakesTheSameRowsInAnyOrder) {
  const TrafficModel model = model_of({.seed = 7, .duplicate_share = 0.1});
  const TrafficModel again = model_of({.seed = 7, .duplicate_share = 0.1});
  const ArrivalRhythm rhythm(kFrom, kTo);
  std::vector<RawEvent> forward(500);
  for (int64_t i = 0; i < 500; ++i) {
    model.make_historic(i, 500, rhythm, forward[static_cast<size_t>(i)]);
  }
  RawEvent event;
  for (int64_t i = 499; i >= 0; --i) {
    again.make_historic(i, 500, rhythm, event);
    EXPECT_EQ(event.values, forward[static_cast<size_t>(i)].values);
  }
}

TEST(TrafficModel, OtherSeedMakesOtherRows) {
  EXPECT_NE(history({.seed = 1}, 10)[3].values, history({.seed = 2}, 10)[3].values);
}

TEST(TrafficModel, GivesEachRowAUniqueVersionOneIdThatArrivesInTheWindow) {
  std::set<RowId> ids;
  int64_t last = kFrom;
  for (const RawEvent& event : history({}, 20'000)) {
    const auto id = parse_uuid(*event[RawColumn::kCreateTime]);
    ASSERT_TRUE(id.has_value());
    EXPECT_TRUE(is_version_1(*id));
    EXPECT_GE(arrival_time_us(*id), last);
    EXPECT_LT(arrival_time_us(*id), kTo);
    last = arrival_time_us(*id);
    EXPECT_TRUE(ids.insert(*id).second);
  }
}

TEST(TrafficModel, KeepsIdsUniqueWhenManyRowsShareATick) {
  const TrafficModel model = model_of({});
  const ArrivalRhythm rhythm(kFrom, kFrom + 2);
  std::set<std::string> ids;
  RawEvent event;
  for (int64_t i = 0; i < 5000; ++i) {
    model.make_historic(i, 5000, rhythm, event);
    ids.insert(*event[RawColumn::kCreateTime]);
  }
  EXPECT_EQ(ids.size(), 5000U);
}

TEST(TrafficModel, MixesKindsAndNullsAsARealSiteDoes) {
  const auto events = history({}, 100'000);
  const auto kind = [&](const char* name) {
    return share(events, [&](const RawEvent& e) { return e[RawColumn::kCustomTrack] == name; });
  };
  EXPECT_NEAR(kind("click"), 0.32, 0.01);
  EXPECT_NEAR(kind("alive"), 0.12, 0.005);
  EXPECT_NEAR(kind("conversion"), 0.017, 0.002);
  EXPECT_NEAR(kind("unqualified"), 0.008, 0.002);
  EXPECT_GT(kind("qualified"), 0.001);
  EXPECT_GT(kind("superpixel"), 0.0001);
  const auto null = [&](RawColumn column) {
    return share(events, [&](const RawEvent& e) { return !e[column].has_value(); });
  };
  EXPECT_NEAR(null(RawColumn::kCustomTrack), 0.53, 0.01);
  EXPECT_NEAR(null(RawColumn::kJobId), 0.70, 0.03);
  EXPECT_NEAR(null(RawColumn::kPublisherId), 0.70, 0.03);
  EXPECT_NEAR(null(RawColumn::kBid), 0.70, 0.03);
  EXPECT_NEAR(null(RawColumn::kGroupId), 0.92, 0.02);
}

TEST(TrafficModel, SuperpixelHasNothingButItsKind) {
  int found = 0;
  for (const RawEvent& event : history({}, 50'000)) {
    if (event[RawColumn::kCustomTrack] == "superpixel") {
      ++found;
      const auto set = std::count_if(event.values.begin(), event.values.end(),
                                     [](const auto& value) { return value.has_value(); });
      EXPECT_EQ(set, 2);  // with create_time
    }
  }
  EXPECT_GT(found, 0);
}

TEST(TrafficModel, EventTimesLagArrivalByAFifthOfASecondWithAHeavyTail) {
  std::vector<int64_t> lateness;
  for (const RawEvent& event : history({}, 50'000)) {
    if (event[RawColumn::kTs]) {
      const int64_t arrival = arrival_time_us(*parse_uuid(*event[RawColumn::kCreateTime]));
      lateness.push_back(arrival - parse_timestamp(*event[RawColumn::kTs])->us);
    }
  }
  std::sort(lateness.begin(), lateness.end());
  const int64_t median = lateness[lateness.size() / 2];
  EXPECT_GT(median, 100'000);
  EXPECT_LT(median, 300'000);
  EXPECT_LT(lateness.front(), -20'000'000);
  EXPECT_GE(lateness.front(), -634'000'000);
  EXPECT_GT(lateness.back(), 24LL * 3600 * 1'000'000);
  EXPECT_LE(lateness.back(), 892'255'000'000);
}

TEST(TrafficModel, CleanRowsHaveUsableValues) {
  for (const RawEvent& event : history({.mixed_timestamp_share = 0.3}, 20'000)) {
    if (event[RawColumn::kTs]) {
      EXPECT_TRUE(parse_timestamp(*event[RawColumn::kTs]).has_value()) << *event[RawColumn::kTs];
    }
    if (event[RawColumn::kBid]) {
      EXPECT_FALSE(bid_from_text(*event[RawColumn::kBid]).error.has_value());
    }
  }
}

TEST(TrafficModel, DirtyShareSpoilsThatManyRows) {
  const auto events = history({.dirty_share = 0.1, .text_dirt = true}, 20'000);
  const double bad = share(events, [](const RawEvent& e) {
    const auto& ts = e[RawColumn::kTs];
    return !ts || !parse_timestamp(*ts) || *ts < "2000" || *ts > "2026-06-06" ||
           (e[RawColumn::kBid] && bid_from_text(*e[RawColumn::kBid]).error) ||
           e[RawColumn::kJobId] == "n/a";
  });
  EXPECT_GT(bad, 0.08);  // a time three days ahead of an early arrival cannot be told here
  EXPECT_LT(bad, 0.12);
}

TEST(TrafficModel, DuplicatesRepeatAnEarlierRowExactly) {
  std::map<std::string, RawEvent> seen;
  int repeated = 0;
  for (const RawEvent& event : history({.duplicate_share = 0.05}, 20'000)) {
    const auto [place, is_new] = seen.emplace(*event[RawColumn::kCreateTime], event);
    if (!is_new) {
      ++repeated;
      EXPECT_EQ(place->second.values, event.values);
    }
  }
  EXPECT_NEAR(repeated, 1000, 150);
}

TEST(TrafficModel, JobsBelongToCompaniesAndCampaigns) {
  const TrafficModel model = model_of({.jobs = 50, .companies = 7, .campaigns = 9, .groups = 3});
  ASSERT_EQ(model.jobs().size(), 50U);
  std::map<int64_t, int64_t> company_of_campaign;
  for (const Job& job : model.jobs()) {
    EXPECT_GE(job.company_id, 1);
    EXPECT_LE(job.company_id, 7);
    EXPECT_LE(job.group_id, 3);
    EXPECT_FALSE(job.title.empty());
    EXPECT_FALSE(job.company_name.empty());
    EXPECT_FALSE(job.campaign_name.empty());
    const auto [place, is_new] = company_of_campaign.emplace(job.campaign_id, job.company_id);
    EXPECT_EQ(place->second, job.company_id);
  }
}

TEST(TrafficModel, WorksWithFewerCampaignsThanCompanies) {
  const auto events = history({.jobs = 9, .companies = 5, .campaigns = 2, .publishers = 1}, 2000);
  EXPECT_EQ(events.size(), 2000U);
}

TEST(TrafficModel, RefusesImpossibleOptionsByName) {
  EXPECT_EQ(TrafficModel::make({.jobs = 0}).error().subject, "--jobs");
  EXPECT_EQ(TrafficModel::make({.dirty_share = 1.5}).error().subject, "--dirty");
  EXPECT_EQ(TrafficModel::make({.duplicate_share = -1}).error().subject, "--duplicates");
}

TEST(ArrivalRhythm, AscendsWithinTheWindowAndIsBusierByDay) {
  const ArrivalRhythm rhythm(kFrom, kFrom + 86'400'000'000);
  int64_t last = kFrom;
  int night = 0;
  int day = 0;
  for (int i = 0; i < 1000; ++i) {
    const int64_t at = rhythm.time_us(i / 1000.0);
    EXPECT_GE(at, last);
    EXPECT_LT(at, kFrom + 86'400'000'000);
    last = at;
    const int64_t hour = (at - kFrom) / 3'600'000'000;
    night += hour < 6 ? 1 : 0;
    day += hour >= 9 && hour < 15 ? 1 : 0;
  }
  EXPECT_GT(day, 3 * night);
}

TEST(ArrivalRhythm, CoversAWindowShorterThanAnHour) {
  const ArrivalRhythm rhythm(kFrom + 10, kFrom + 1010);
  EXPECT_EQ(rhythm.time_us(0), kFrom + 10);
  EXPECT_EQ(rhythm.time_us(0.5), kFrom + 510);
  EXPECT_EQ(rhythm.time_us(1), kFrom + 1009);
}

}  // namespace
}  // namespace hirestream
