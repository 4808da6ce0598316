#include "cli/generate_traffic.h"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>

#include "model/row_id.h"

namespace hirestream {
namespace {

// A raw log in memory, shared by several writers; fails for a passing reason as often as told.
struct MemoryLog {
  std::mutex mutex;
  std::set<std::string> ids;
  int64_t writes = 0;
  int failures_left = 0;
};

class MemoryWriter : public RawLogWriter {
 public:
  explicit MemoryWriter(MemoryLog& log) : log_(log) {}
  Result<void> write(std::span<const RawEvent> events) override {
    const std::lock_guard lock(log_.mutex);
    ++log_.writes;
    for (const RawEvent& event : events) {
      log_.ids.insert(*event[RawColumn::kCreateTime]);
    }
    if (log_.failures_left > 0) {
      --log_.failures_left;
      return fail(ErrorKind::kTransient, "write", "memory", "lost connection");
    }
    return {};
  }
  Result<void> finish() override { return {}; }

 private:
  MemoryLog& log_;
};

std::set<std::string> history_ids(const HistoryPlan& plan, int failures = 0) {
  const auto model = TrafficModel::make({.seed = 3});
  MemoryLog log;
  log.failures_left = failures;
  const auto report = generate_history(
      *model, plan,
      [&] { return Result<std::unique_ptr<RawLogWriter>>(std::make_unique<MemoryWriter>(log)); },
      nullptr, {}, [](int64_t) {});
  EXPECT_TRUE(report.has_value());
  EXPECT_EQ(report->rows, plan.rows);
  EXPECT_EQ(report->retries, failures);
  EXPECT_FALSE(report->interrupted);
  return log.ids;
}

constexpr int64_t kDayUs = 86'400'000'000;

TEST(GenerateHistory, WritesTheSameRowsWithAnyNumberOfWriters) {
  HistoryPlan plan{.rows = 5003, .from_us = 0, .to_us = kDayUs, .batch_rows = 100};
  const auto one = history_ids(plan);
  EXPECT_EQ(one.size(), 5003U);
  plan.writers = 4;
  EXPECT_EQ(history_ids(plan), one);
}

TEST(GenerateHistory, TriesAgainAfterAPassingError) {
  history_ids({.rows = 100, .from_us = 0, .to_us = kDayUs}, 2);
}

TEST(GenerateHistory, StopsWhenAsked) {
  const auto model = TrafficModel::make({});
  MemoryLog log;
  std::stop_source stop;
  const HistoryPlan plan{.rows = 10'000, .from_us = 0, .to_us = kDayUs, .batch_rows = 100};
  const auto report = generate_history(
      *model, plan,
      [&] { return Result<std::unique_ptr<RawLogWriter>>(std::make_unique<MemoryWriter>(log)); },
      nullptr, stop.get_token(),
      [&](int64_t rows) {
        if (rows >= 500) {
          stop.request_stop();
        }
      });
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->interrupted);
  EXPECT_EQ(report->rows, 500);
}

TEST(Generate, EndsWithoutAnErrorWhenStoppedWhileAWriteFails) {
  const auto model = TrafficModel::make({});
  MemoryLog log;
  log.failures_left = 1000;
  std::stop_source stop;
  const auto on_retry = [&](const Error&, int, int64_t) { stop.request_stop(); };
  const HistoryPlan plan{.rows = 100, .from_us = 0, .to_us = kDayUs, .on_retry = on_retry};
  const auto history = generate_history(
      *model, plan,
      [&] { return Result<std::unique_ptr<RawLogWriter>>(std::make_unique<MemoryWriter>(log)); },
      nullptr, stop.get_token(), [](int64_t) {});
  ASSERT_TRUE(history.has_value()) << history.error().text();
  EXPECT_TRUE(history->interrupted);
  EXPECT_EQ(history->rows, 0);

  std::stop_source stop_live;
  const auto on_retry_live = [&](const Error&, int, int64_t) { stop_live.request_stop(); };
  MemoryWriter writer(log);
  const auto live =
      generate_live(*model, {.rows_per_second = 1000, .rows = 200, .on_retry = on_retry_live},
                    writer, nullptr, stop_live.get_token(), [](int64_t) {});
  ASSERT_TRUE(live.has_value()) << live.error().text();
  EXPECT_TRUE(live->interrupted);
  EXPECT_EQ(live->rows, 0);
}

TEST(GenerateLive, KeepsTheRateAndEndsAfterItsRows) {
  const auto model = TrafficModel::make({});
  MemoryLog log;
  MemoryWriter writer(log);
  const auto report = generate_live(*model, {.rows_per_second = 1000, .rows = 200}, writer, nullptr,
                                    {}, [](int64_t) {});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->rows, 200);
  EXPECT_EQ(log.ids.size(), 200U);
  EXPECT_GE(report->duration_us, 190'000);
}

TEST(GenerateLive, RowsArriveWhenTheyAreWritten) {
  const auto model = TrafficModel::make({});
  MemoryLog log;
  MemoryWriter writer(log);
  const auto now_us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const int64_t before = now_us();
  ASSERT_TRUE(generate_live(*model, {.rows_per_second = 5000, .duration_us = 100'000}, writer,
                            nullptr, {}, [](int64_t) {})
                  .has_value());
  EXPECT_EQ(log.ids.size(), 500U);
  for (const std::string& id : log.ids) {
    EXPECT_GE(arrival_time_us(*parse_uuid(id)), before);
    EXPECT_LE(arrival_time_us(*parse_uuid(id)), now_us());
  }
}

}  // namespace
}  // namespace hirestream
