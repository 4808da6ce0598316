#include "cli/engine_runner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "adapters/sqlite/database.h"
#include "adapters/system/system_clock.h"
#include "cli/open_warehouse.h"
#include "telemetry/observer_fanout.h"
#include "telemetry/statistics_observer.h"

namespace hirestream {
namespace {

class NotesObserver : public NullObserver {
 public:
  void on_note(const std::string&, const std::string& text) override {
    const std::lock_guard lock(mutex_);
    notes_.push_back(text);
  }
  int64_t count(const std::string& part) {
    const std::lock_guard lock(mutex_);
    return std::count_if(notes_.begin(), notes_.end(), [&part](const std::string& note) {
      return note.find(part) != std::string::npos;
    });
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> notes_;
};

class EngineRunnerTest : public testing::Test {
 protected:
  EngineRunnerTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("hirestream-runner-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~EngineRunnerTest() override { std::filesystem::remove_all(folder_); }

  // `node`: a hexadecimal digit that tells the rows of one file from those of others.
  std::string write_clicks(const std::string& name, int rows, char node = 'a') {
    const std::filesystem::path path = folder_ / name;
    const std::filesystem::path unfinished = folder_ / (name + ".part");
    std::ofstream file(unfinished);
    file << "create_time,ts,custom_track,job_id,bid\n";
    for (int i = 0; i < rows; ++i) {
      file << fmt::format("449eb280-f925-11ec-8001-{}{:011x},2022-07-01 10:05:00,click,1,0.5\n",
                          node, i);
    }
    file.close();
    std::filesystem::rename(unfinished, path);
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
    ObserverFanout observer({&statistics_, &notes_});
    EngineRunner runner(settings, std::move(options), clock_, observer);
    return runner.run(stop);
  }

  // Asks `done` again and again, and stops the engines once it says so. Whatever happens, within
  // half a minute.
  Result<void> run_until(const Settings& settings, EngineRunnerOptions options,
                         std::stop_source& stop, const std::function<bool()>& done) {
    std::atomic<bool> ended = false;
    std::jthread asks([&] {
      const auto begin = std::chrono::steady_clock::now();
      while (!ended && !done()) {
        if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(30)) {
          ADD_FAILURE() << "what was waited for does not come";
          break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      stop.request_stop();
    });
    auto outcome = run(settings, std::move(options), stop.get_token());
    ended = true;
    return outcome;
  }

  // In the warehouse, by somebody else.
  void sql(const std::string& statement) {
    auto database = sqlite::Database::open(
        {.path = (folder_ / "etl.db").string(), .mode = sqlite::OpenMode::kReadWrite});
    ASSERT_TRUE(database) << database.error().text();
    const auto done = database->execute(statement);
    ASSERT_TRUE(done) << done.error().text();
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
  NotesObserver notes_;
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

TEST_F(EngineRunnerTest, OneSourcesErrorEndsItsEngineAlone) {
  const Settings settings =
      settings_of({"csv:" + (folder_ / "none.csv").string(), write_clicks("a.csv", 3)},
                  "sqlite:" + (folder_ / "etl.db").string());
  std::stop_source stop;
  auto outcome = run_until(settings, {}, stop, [&] { return statistics_.total().rows_new == 3; });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConfig);
  EXPECT_NE(outcome.error().text().find("none.csv"), std::string::npos);
  EXPECT_EQ(clicks(settings), 3);
  EXPECT_EQ(notes_.count("has ended"), 1) << "said at once, not only at the end";
}

TEST_F(EngineRunnerTest, EndsWhenEveryEngineHasEnded) {
  const Settings settings = settings_of(
      {"csv:" + (folder_ / "none.csv").string(), "csv:" + (folder_ / "neither.csv").string()},
      "sqlite:" + (folder_ / "etl.db").string());
  const auto outcome = run(settings, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConfig);
}

// A table that is being replaced, for instance.
TEST_F(EngineRunnerTest, WhatMayPassIsTriedAgainOnceItHasWorked) {
  write_clicks("a.csv", 3);
  const Settings settings =
      settings_of({"csv:" + folder_.string()}, "sqlite:" + (folder_ / "etl.db").string());
  std::stop_source stop;
  int stage = 0;
  const auto outcome = run_until(settings, {}, stop, [&] {
    const RunStatistics statistics = statistics_.total();
    if (stage == 0 && statistics.rows_new == 3) {
      sql("ALTER TABLE events_micros RENAME TO events_gap");
      write_clicks("b.csv", 4, 'b');
      ++stage;
    } else if (stage == 1 && statistics.retries >= 2) {
      sql("ALTER TABLE events_gap RENAME TO events_micros");
      ++stage;
    }
    return stage == 2 && statistics.rows_new == 7;
  });
  EXPECT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(clicks(settings), 7);
}

TEST_F(EngineRunnerTest, WhatMayPassIsFinalBeforeItHasWorked) {
  const Settings settings =
      settings_of({write_clicks("a.csv", 3)}, "sqlite:" + (folder_ / "etl.db").string());
  ASSERT_TRUE(run(settings, {.once = true, .give_up_after_us = 10'000'000}));
  sql("DROP VIEW events");
  sql("DROP TABLE events_micros");
  const auto outcome = run(settings, {});
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().may_pass) << outcome.error().text();
  EXPECT_EQ(statistics_.total().retries, 0);
}

// The same rows would be refused for ever.
TEST_F(EngineRunnerTest, ACommitThatIsRefusedEndsTheEngine) {
  write_clicks("a.csv", 3);
  const Settings settings =
      settings_of({"csv:" + folder_.string()}, "sqlite:" + (folder_ / "etl.db").string());
  std::stop_source stop;
  int stage = 0;
  const auto outcome = run_until(settings, {}, stop, [&] {
    if (stage == 0 && statistics_.total().rows_new == 3) {
      sql("CREATE TRIGGER narrow BEFORE UPDATE ON events_micros BEGIN SELECT RAISE(ABORT, 'no "
          "room'); END");
      write_clicks("b.csv", 4, 'b');
      ++stage;
    }
    return false;
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kConfig);
  EXPECT_NE(outcome.error().text().find("no room"), std::string::npos) << outcome.error().text();
  EXPECT_EQ(clicks(settings), 3);
  EXPECT_LT(statistics_.total().rows_read, 20) << "it was not tried again and again";
}

TEST_F(EngineRunnerTest, AStopEndsTheReadingOfALargeFile) {
  const std::string source = write_clicks("a.csv", 1'500'000);
  const Settings settings = settings_of({source}, "sqlite:" + (folder_ / "etl.db").string());
  std::stop_source stop;
  const auto begin = std::chrono::steady_clock::now();
  std::jthread asks([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  EXPECT_TRUE(run(settings, {}, stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1300));
  EXPECT_EQ(clicks(settings), 0) << "nothing is half done";
  EXPECT_EQ(statistics_.total().retries, 0);
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
