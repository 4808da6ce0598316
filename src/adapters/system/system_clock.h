// The machine's wall clock.
#pragma once

#include <cstdint>

#include "ports/clock.h"

namespace hirestream {

class SystemClock : public Clock {
 public:
  int64_t now_us() override;
};

}  // namespace hirestream
