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

}  // namespace hirestream
