// Time, as the engine sees it. Thread-safe.
#pragma once

#include <cstdint>

namespace hirestream {

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since 1970-01-01 UTC. May step backwards or forwards (NTP, an operator):
  // correctness must not depend on it.
  virtual int64_t now_us() = 0;
};

// Whether so long has passed since that time of the clock. Also if the clock was set back since
// then: how long it has been is not known, and waiting until it has caught up may take days.
constexpr bool has_passed(int64_t interval_us, int64_t since_us, int64_t now_us) {
  return now_us < since_us || now_us - since_us >= interval_us;
}

}  // namespace hirestream
