// Tells whoever listens when the warehouse has changed, as server-sent events. One thread asks a
// Report for its version, only while somebody listens; engines in this process wake it after a
// commit.
//
// Threading: thread-safe. A Client belongs to one thread. The feed outlives its clients.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "http/reading_watch.h"
#include "ports/clock.h"
#include "ports/report.h"

namespace hirestream {

using OpenReport = std::function<Result<std::unique_ptr<Report>>()>;

// One event of a text/event-stream; data is one line.
std::string event_text(std::string_view name, std::string_view data);

class ChangeFeed {
 public:
  // The clock outlives the feed.
  ChangeFeed(OpenReport open, Clock& clock, size_t clients_max);
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  class Client {
   public:
    explicit Client(ChangeFeed& feed) : feed_(feed) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();
    // Waits for the next event, a second and a half at most. Nothing: the feed has ended.
    std::optional<std::string> next();

   private:
    ChangeFeed& feed_;
    uint64_t seen_ = 0;
    bool greeted_ = false;
    std::chrono::steady_clock::time_point pulse_due_;
  };
  // Null: there are as many as there may be.
  std::shared_ptr<Client> join();

  // An engine of this process has committed. `freshness_us` < 0: not known.
  void wake(int64_t freshness_us);
  // Ends every client's wait.
  void stop();

 private:
  void watch(const std::stop_token& ending);
  void look(std::unique_ptr<Report>& report);
  void look_at_engines(Report& report);
  std::string change_event() const;
  std::string pulse_event() const;

  OpenReport open_;
  Clock& clock_;
  size_t clients_max_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;  // for clients
  std::condition_variable_any wanted_;   // for the watching thread
  bool stopped_ = false;
  bool woken_ = false;
  size_t clients_ = 0;
  uint64_t changes_ = 0;
  bool known_ = false;  // what follows is up to date
  std::string version_;
  int64_t at_us_ = 0;
  int64_t last_commit_us_ = 0;
  int64_t committed_freshness_us_ = -1;  // of the last commit in this process, not told yet
  int64_t freshness_us_ = -1;            // of the change
  bool engine_here_ = false;             // freshness comes with the commits
  EngineReading engines_;
  ReadingWatch reading_;  // of the watching thread, as what follows
  std::chrono::steady_clock::time_point engines_due_;
  std::jthread thread_;
};

}  // namespace hirestream
