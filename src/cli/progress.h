// Progress of long work on stderr: a bar that redraws itself on a terminal, a line of the log every
// few seconds elsewhere, nothing with --quiet. An Observer, so that an engine can drive it;
// commands that have no engine call update(). Thread-safe. The destructor wipes the bar.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "ports/observer.h"

namespace hirestream {

class Progress : public Observer {
 public:
  // `unit`: what on_read and update's `rows` count: "rows".
  Progress(const CommandContext& context, std::string unit);
  ~Progress() override;

  void update(const std::string& phase, int64_t rows, int64_t done, int64_t total);

  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override;
  void on_commit(const CommitReport&) override {}
  void on_slice(SliceEvent, const SliceKey&, const std::string&) override {}
  void on_retry(const Error&, int, int64_t) override {}
  void on_note(const std::string&, const std::string&) override {}
  void on_progress(const std::string& phase, int64_t done, int64_t total) override;

  struct State {
    std::string phase;
    int64_t rows = 0;
    int64_t done = 0;
    int64_t total = -1;  // < 0: not known
  };
  // One line: phase, rows, rate, and a bar with the remaining time where the total is known.
  static std::string bar_text(const State& state, const std::string& unit, double seconds);

 private:
  void show(const std::stop_token& ending);

  bool terminal_;
  std::string unit_;
  std::shared_ptr<spdlog::logger> log_;
  std::chrono::steady_clock::time_point begin_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  State state_;
  std::jthread thread_;
};

}  // namespace hirestream
