#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <thread>

#include "telemetry/log_observer.h"
#include "telemetry/observer_fanout.h"
#include "telemetry/statistics_observer.h"

namespace hirestream {
namespace {

class LogObserverTest : public testing::Test {
 protected:
  LogObserverTest() {
    logger_ = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
    logger_->set_pattern("%l %v");
  }
  int lines() const {
    const std::string text = out_.str();
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> logger_;
  std::chrono::steady_clock::time_point now_;
};

TEST_F(LogObserverTest, LimitsRepeatsAndSaysHowManyWereLeftOut) {
  LogObserver observer(logger_, [this] { return now_; });
  const Error error{ErrorKind::kTransient, "connect", "host", "refused", ""};
  for (int i = 1; i <= 100; ++i) {
    observer.on_retry(error, i, 200'000);
  }
  EXPECT_EQ(lines(), LogObserver::kLinesPerWindow);
  observer.on_note("warning", "another text is not a repeat");
  EXPECT_EQ(lines(), LogObserver::kLinesPerWindow + 1);
  now_ += LogObserver::kWindow;
  observer.on_retry(error, 101, 200'000);
  EXPECT_THAT(out_.str(), testing::HasSubstr("suppressed\x1f"
                                             "95"));
}

TEST_F(LogObserverTest, WarnsOfHeldSlicesAndIsSilentAboutOrdinaryOnes) {
  LogObserver observer(logger_);
  observer.on_slice(SliceEvent::kSettled, {1, 2}, "");
  EXPECT_EQ(out_.str(), "");
  observer.on_slice(SliceEvent::kHeld, {1, 2}, "3 rows missing");
  EXPECT_THAT(out_.str(), testing::StartsWith("warning slice held"));
}

TEST(StatisticsObserver, AddsUpAndGivesIntervalsOnce) {
  StatisticsObserver statistics;
  statistics.on_read(10, 2, 5);
  statistics.on_commit({.slices = 1,
                        .cells = 3,
                        .rows = 10,
                        .new_rows = 7,
                        .duration_us = 1,
                        .freshness_us = 100,
                        .freshness_sample_us = {100, 200, 300}});
  EXPECT_EQ(statistics.take_interval().rows_new, 7);
  statistics.on_read(5, 1, 5);
  const RunStatistics interval = statistics.take_interval();
  EXPECT_EQ(interval.rows_read, 5);
  EXPECT_EQ(interval.rows_new, 0);
  EXPECT_EQ(interval.freshness.rows, 0);
  const RunStatistics total = statistics.total();
  EXPECT_EQ(total.rows_read, 15);
  EXPECT_EQ(total.cells_changed, 3);
  EXPECT_EQ(total.freshness.rows, 3);
}

TEST(StatisticsObserver, CountsFromSeveralThreads) {
  StatisticsObserver statistics;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          statistics.on_read(1, 1, 1);
        }
      });
    }
  }
  EXPECT_EQ(statistics.total().rows_read, 4000);
}

TEST(LatencyHistogram, QuantilesAreAtMostOneSixtyFourthTooLarge) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (int64_t i = 1; i <= 100'000; ++i) {
    histogram.add(i);
  }
  for (const double q : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    const double exact = q * 100'000;
    const auto found = static_cast<double>(histogram.quantile(q));
    EXPECT_GE(found, exact);
    EXPECT_LE(found, exact * (1 + 1.0 / 64) + 1);
  }
}

TEST(LatencyHistogram, TakesExtremes) {
  LatencyHistogram histogram;
  histogram.add(-5);
  EXPECT_EQ(histogram.quantile(1), 0);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.quantile(1), INT64_MAX);
}

TEST(ObserverFanout, TellsAll) {
  StatisticsObserver a;
  StatisticsObserver b;
  ObserverFanout fanout({&a, &b});
  fanout.on_read(1, 1, 1);
  EXPECT_EQ(a.total().rows_read, 1);
  EXPECT_EQ(b.total().rows_read, 1);
}

}  // namespace
}  // namespace hirestream
