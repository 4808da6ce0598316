// When to give up on work that can be tried again: so long after the first failure since it last
// got farther. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace hirestream {

// Of a clock that nobody sets.
inline int64_t steady_now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

class RetryDeadline {
 public:
  explicit RetryDeadline(int64_t give_up_after_us) : give_up_after_us_(give_up_after_us) {}

  // A failure: what is left then, 0 or less: give up. `reached`: how far this attempt got; it may
  // begin anew each time, and only what no attempt reached before is progress.
  int64_t left_us(int64_t now_us, int64_t reached) {
    if (!deadline_us_ || reached > farthest_) {
      deadline_us_ = now_us + give_up_after_us_;
      farthest_ = reached;
    }
    return *deadline_us_ - now_us;
  }

 private:
  int64_t give_up_after_us_;
  int64_t farthest_ = 0;
  std::optional<int64_t> deadline_us_;
};

}  // namespace hirestream
