#include "cli/events_keeper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "adapters/system/system_clock.h"
#include "cli/open_warehouse.h"
#include "pipeline/events_retention.h"

namespace hirestream {
namespace {

class ShiftedClock : public Clock {
 public:
  int64_t now_us() override { return SystemClock().now_us() + shift_us; }
  int64_t shift_us = 0;
};

class EventsKeeperTest : public testing::Test {
 protected:
  EventsKeeperTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("hirestream-keeper-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    SettingsInput input;
    input.options = {{"source.uri", "cassandra://127.0.0.1/logs/tracking_by_bucket"},
                     {"warehouse.uri", "sqlite:" + (folder_ / "etl.db").string()},
                     {"engine.events_retention", "30d"}};
    settings_ = load_settings(input).value();
    EXPECT_TRUE(open_warehouse(settings_.warehouse, IfMissing::kCreate).value()->init());
  }
  ~EventsKeeperTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  Settings settings_;
  ShiftedClock clock_;
};

TEST_F(EventsKeeperTest, RemovesNothingByAClockThatIsAheadOfTheWarehouses) {
  EXPECT_EQ(remove_old_events_now(settings_, clock_, {}).value(), 0);
  clock_.shift_us = 365LL * 86'400'000'000;
  const auto refused = remove_old_events_now(settings_, clock_, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().operation, kCompareClocks);
  clock_.shift_us = -clock_.shift_us;
  EXPECT_EQ(remove_old_events_now(settings_, clock_, {}).value(), 0);
}

}  // namespace
}  // namespace hirestream
