#include "cli/generate_writing.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hirestream {

bool sleep_unless_stopped(int64_t us, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::microseconds(us), [] { return false; });
  return !stop.stop_requested();
}

Result<void> write_patiently(RawLogWriter& writer, std::span<const RawEvent> events,
                             int64_t give_up_after_us, const std::stop_token& stop,
                             int64_t& retries) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::microseconds(give_up_after_us);
  int64_t pause_us = 100'000;
  while (true) {
    auto written = writer.write(events);
    if (written || written.error().kind != ErrorKind::kTransient || Clock::now() >= deadline ||
        !sleep_unless_stopped(pause_us, stop)) {
      return written;
    }
    ++retries;
    pause_us = std::min<int64_t>(pause_us * 2, 5'000'000);
  }
}

}  // namespace hirestream
