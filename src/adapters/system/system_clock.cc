#include "adapters/system/system_clock.h"

#include <chrono>

namespace hirestream {

int64_t SystemClock::now_us() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
}

}  // namespace hirestream
