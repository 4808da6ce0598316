// Writes what an engine reports into the log. What repeats is limited: each kind of event (and each
// text of a note or an error) gets at most `kLinesPerWindow` lines in `kWindow`; the first line of
// the next window says how many were left out. Thread-safe: shared by the engines of one process.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ports/observer.h"
#include "telemetry/log.h"

namespace hirestream {

class LogObserver : public Observer {
 public:
  using SteadyNow = std::function<std::chrono::steady_clock::time_point()>;
  static constexpr std::chrono::seconds kWindow{10};
  static constexpr int kLinesPerWindow = 5;

  enum class Level { kDebug, kInfo, kWarning };

  explicit LogObserver(std::shared_ptr<spdlog::logger> log,
                       SteadyNow now = std::chrono::steady_clock::now);

  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override;
  void on_commit(const CommitReport& report) override;
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override;
  void on_retry(const Error& error, int attempt, int64_t delay_us) override;
  void on_note(const std::string& level, const std::string& text) override;
  void on_progress(const std::string& phase, int64_t done, int64_t total) override;

 private:
  struct Window {
    std::chrono::steady_clock::time_point begin;
    int lines = 0;
    int64_t suppressed = 0;
  };
  static Level level_of(SliceEvent event);
  // `repeat_key`: what counts as the same.
  void write(Level level, const std::string& repeat_key, const std::string& message,
             LogFields fields);

  std::shared_ptr<spdlog::logger> log_;
  SteadyNow now_;
  std::mutex mutex_;
  std::map<std::string, Window> windows_;
};

}  // namespace hirestream
