#include "cli/generate_writing.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "cli/retry_backoff.h"
#include "cli/retry_deadline.h"
#include "telemetry/log_observer.h"

namespace hirestream {
namespace {

Result<bool> try_patiently(const std::function<Result<void>()>& attempt, const Patience& patience,
                           const std::stop_token& stop, int64_t& retries) {
  RetryDeadline deadline(patience.give_up_after_us);
  RetryBackoff backoff;
  for (;;) {
    const auto done = attempt();
    if (done) {
      return true;
    }
    if (done.error().kind != ErrorKind::kTransient) {
      return forward(done.error());
    }
    if (stop.stop_requested()) {
      return false;
    }
    const int64_t left_us = deadline.left_us(steady_now_us(), 0);
    if (left_us <= 0) {
      return forward(done.error());
    }
    const int64_t delay_us = std::min(backoff.next(), left_us);
    if (patience.on_retry) {
      patience.on_retry(done.error(), backoff.attempts(), delay_us);
    }
    if (!sleep_unless_stopped(delay_us, stop)) {
      return false;
    }
    ++retries;
  }
}

}  // namespace

bool sleep_unless_stopped(int64_t us, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::microseconds(us), [] { return false; });
  return !stop.stop_requested();
}

RetryNote logged_retries(const CommandContext& context) {
  const auto log = std::make_shared<LogObserver>(context.log);
  return [log](const Error& error, int attempt, int64_t delay_us) {
    log->on_retry(error, attempt, delay_us);
  };
}

Result<bool> write_patiently(RawLogWriter& writer, std::span<const RawEvent> events,
                             const Patience& patience, const std::stop_token& stop,
                             int64_t& retries) {
  return try_patiently([&] { return writer.write(events); }, patience, stop, retries);
}

Result<bool> finish_patiently(RawLogWriter& writer, const Patience& patience,
                              const std::stop_token& stop, int64_t& retries) {
  return try_patiently([&] { return writer.finish(); }, patience, stop, retries);
}

}  // namespace hirestream
