#include "cli/demo_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/table_printer.h"

namespace hirestream {
namespace {

using testing::HasSubstr;
using testing::Not;

DemoSnapshot snapshot_of_some_traffic() {
  DemoSnapshot snapshot;
  snapshot.elapsed_us = 3'725'000'000;
  snapshot.rows_written = 1'234'567;
  snapshot.write_rate = 200;
  snapshot.cells = 12'345;
  snapshot.classes = {.counted = 3, .unattributed = 2, .other = 1, .rejected = 0, .too_late = 0};
  snapshot.total = {.impressions = 200,
                    .clicks = 50,
                    .conversions = 4,
                    .qualified = 1,
                    .unqualified = 3,
                    .bid_micros = 100'000'000};
  snapshot.campaigns = {
      {"Northwind – Spring Hiring with a name far too long for the screen", snapshot.total},
      {"Quartz – Always On", {.clicks = 1, .bid_micros = 1'500'000}}};
  snapshot.companies = {{"Northwind Logistics", snapshot.total}};
  snapshot.clicks_by_hour = {0, 1, 5, 10};
  snapshot.freshness_us = {80'000, 90'000, 250'000};
  snapshot.behind_us = 240'000;
  snapshot.raw_log = "/tmp/demo/raw.db";
  return snapshot;
}

TEST(DemoView, NoLineIsWiderThanTheTerminal) {
  for (const size_t width : {80U, 100U, 132U, 200U}) {
    std::istringstream lines(render_demo(snapshot_of_some_traffic(), width, true));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(display_width(line), width) << line;
    }
  }
}

TEST(DemoView, ShowsRatesAsSumBySum) {
  const std::string screen = render_demo(snapshot_of_some_traffic(), 100, false);
  EXPECT_THAT(screen,
              HasSubstr("25.0 %"));  // clicks / impressions, conversions too: qualified ratio
  EXPECT_THAT(screen, HasSubstr("8.0 %"));   // conversions / clicks
  EXPECT_THAT(screen, HasSubstr("2.00"));    // CPC
  EXPECT_THAT(screen, HasSubstr("100.00"));  // spend and CPQA
  EXPECT_THAT(screen, HasSubstr("0.2 s behind"));
  EXPECT_THAT(screen, HasSubstr("p95 250 ms"));
  EXPECT_THAT(screen, HasSubstr("6 read = 3 counted + 2 unattributed"));
}

TEST(DemoView, SaysHowMuchHistoryIsLeftAndWhenAllIsCounted) {
  DemoSnapshot snapshot = snapshot_of_some_traffic();
  snapshot.history_left = 150'000;
  EXPECT_THAT(render_demo(snapshot, 100, false), HasSubstr("150,000 rows of history to count"));
  snapshot.ended = true;
  EXPECT_THAT(render_demo(snapshot, 100, false), HasSubstr("all counted"));
}

TEST(DemoView, QuotientsByZeroAreADash) {
  EXPECT_EQ(format_share(1, 0), "–");
  EXPECT_EQ(format_cost(5, 0), "–");
  EXPECT_THAT(render_demo({}, 80, false), HasSubstr("–"));
}

TEST(DemoView, HasNoEscapesWithoutColor) {
  EXPECT_THAT(render_demo(snapshot_of_some_traffic(), 100, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(summarize_demo(snapshot_of_some_traffic()), Not(HasSubstr("\x1b")));
}

TEST(DemoView, SummaryNamesTheTopCampaigns) {
  EXPECT_THAT(summarize_demo(snapshot_of_some_traffic()), HasSubstr("Quartz – Always On 1.50"));
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile({}, 0.5), 0);
  EXPECT_EQ(percentile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(percentile({3, 1, 2, 4}, 0.5), 2);
  EXPECT_EQ(percentile({3, 1, 2}, 1), 3);
}

TEST(Sparkline, ScalesToTheGreatest) {
  EXPECT_EQ(sparkline({0, 1, 100, 50}), " ▁█▄");
  EXPECT_EQ(sparkline({}), "");
}

TEST(FormatMoney, RoundsToCents) {
  EXPECT_EQ(format_money(1'234'567'895'000), "1,234,567.90");
  EXPECT_EQ(format_money(0), "0.00");
}

}  // namespace
}  // namespace hirestream
