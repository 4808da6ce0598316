#include "cli/engine_runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/system/system_clock.h"
#include "cli/open_warehouse.h"
#include "telemetry/statistics_observer.h"

namespace hirestream {
namespace {

class EngineRunnerTest : public testing::Test {
 protected:
  EngineRunnerTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("hirestream-runner-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~EngineRunnerTest() override { std::filesystem::remove_all(folder_); }

  std::string write_clicks(const std::string& name, int rows) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream file(path);
    file << "create_time,ts,custom_track,job_id,bid\n";
    for (int i = 0; i < rows; ++i) {
      file << "449eb280-f925-11ec-8001-0242ac12000" << i << ",2022-07-01 10:05:00,click,1,0.5\n";
    }
    return "csv:" + path.string();
  }

  Settings settings_of(const std::vector<std::string>& sources, const std::string& warehouse) {
    SettingsInput input;
    for (const std::string& source : sources) {
      input.options.emplace_back("source.uri", source);
    }
    input.options.emplace_back("warehouse.uri", warehouse);
    auto settings = load_settings(input);
    EXPECT_TRUE(settings.has_value()) << settings.error().text();
    return settings.value_or(Settings{});
  }

  Result<void> run(const Settings& settings, EngineRunnerOptions options,
                   const std::stop_token& stop = {}) {
    EngineRunner runner(settings, std::move(options), clock_, statistics_);
    return runner.run(stop);
  }

  int64_t clicks(const Settings& settings) {
    auto warehouse = open_warehouse(settings.warehouse);
    int64_t sum = 0;
    EXPECT_TRUE((*warehouse)->read_events([&](const EventsRow& row) -> Result<void> {
      sum += row.measures.clicks;
      return {};
    }));
    return sum;
  }

  std::filesystem::path folder_;
  SystemClock clock_;
  StatisticsObserver statistics_;
};

TEST_F(EngineRunnerTest, CountsSeveralSourcesOnceAndEnds) {
  const Settings settings = settings_of({write_clicks("a.csv", 3), write_clicks("b.csv", 4)},
                                        "sqlite:" + (folder_ / "etl.db").string());
  ASSERT_TRUE(run(settings, {.once = true, .give_up_after_us = 10'000'000}));
  EXPECT_EQ(clicks(settings), 7);
  EXPECT_EQ(statistics_.total().rows_new, 7);
}

TEST_F(EngineRunnerTest, StopsWhenAsked) {
  const Settings settings =
      settings_of({write_clicks("a.csv", 3)}, "sqlite:" + (folder_ / "etl.db").string());
  std::stop_source stop;
  std::jthread asks([&] {
    while (statistics_.total().rows_new < 3) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    stop.request_stop();
  });
  EXPECT_TRUE(run(settings, {}, stop.get_token()));
  EXPECT_EQ(clicks(settings), 3);
}

TEST_F(EngineRunnerTest, GivesUpOnceAfterTransientErrorsForTooLong) {
  // Port 9 (discard) answers nowhere.
  const Settings settings =
      settings_of({write_clicks("a.csv", 3)}, "mysql://nobody@127.0.0.1:9/etl");
  const auto outcome = run(settings, {.once = true, .give_up_after_us = 300'000});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient);
  EXPECT_GE(statistics_.total().retries, 1);
}

TEST_F(EngineRunnerTest, OneSourcesErrorStopsTheOthers) {
  const Settings settings =
      settings_of({write_clicks("a.csv", 3), "csv:" + (folder_ / "none.csv").string()},
                  "sqlite:" + (folder_ / "etl.db").string());
  const auto outcome = run(settings, {});  // not once: the first source alone would go on for ever
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConfig);
}

TEST_F(EngineRunnerTest, CountsTheOtherFilesWhenOneIsDamaged) {
  write_clicks("a.csv", 3);
  std::ofstream(folder_ / "b.csv.gz", std::ios::binary) << "\x1f\x8b\x08 no gzip data";
  const Settings settings =
      settings_of({"csv:" + folder_.string()}, "sqlite:" + (folder_ / "etl.db").string());
  const auto outcome = run(settings, {.once = true, .give_up_after_us = 10'000'000});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(clicks(settings), 3);
}

}  // namespace
}  // namespace hirestream
