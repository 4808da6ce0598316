// Tells when the warehouse has changed, as server-sent events. One thread asks a Report for its
// version, only while somebody listens; engines in this process wake it after a commit. Another
// one tells every second and a half that the feed is alive, however long the warehouse takes.
//
// Threading: thread-safe.
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
#include <vector>

#include "http/reading_watch.h"
#include "ports/clock.h"
#include "ports/report.h"

namespace hirestream {

using OpenReport = std::function<Result<std::unique_ptr<Report>>()>;

// One event of a text/event-stream; data is one line.
std::string event_text(std::string_view name, std::string_view data);

class ChangeFeed {
 public:
  // An event for everybody who listens; called by the feed's threads, must not block.
  using Tell = std::function<void(const std::string& event)>;
  // The clock outlives the feed.
  ChangeFeed(OpenReport open, Clock& clock, size_t clients_max, Tell tell);
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  // Lets a client in, whose first event is the result: the last change, empty while none is known.
  // Nothing: there are as many as there may be, or the feed has ended.
  std::optional<std::string> join();
  // A client that was let in has gone.
  void leave();

  // An engine of this process has committed. `freshness_us` < 0: not known.
  void wake(int64_t freshness_us);
  // Nothing is told from then on.
  void stop();

 private:
  void watch(const std::stop_token& ending);
  void pulse(const std::stop_token& ending);
  void tell(const std::string& event);
  void look(std::unique_ptr<Report>& report);
  void look_at_engines(Report& report);
  // The lock is held, as in what follows. The event that tells of the change.
  std::string note_change(const std::string& version,
                          const Result<std::vector<SourceQuality>>& sources);
  std::string change_event() const;
  std::string pulse_event() const;

  OpenReport open_;
  Clock& clock_;
  size_t clients_max_;
  mutable std::mutex mutex_;
  std::condition_variable_any wanted_;  // for the watching thread
  std::condition_variable_any pulsed_;  // for the pulsing thread
  bool stopped_ = false;
  bool woken_ = false;
  size_t clients_ = 0;
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
  std::mutex tell_mutex_;
  Tell tell_;  // null: the feed has ended
  std::jthread watching_;
  std::jthread pulsing_;
};

}  // namespace hirestream
