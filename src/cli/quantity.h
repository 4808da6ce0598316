// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace hirestream {

std::string format_count(int64_t value);     // 1,234,567
std::string format_elapsed(int64_t us);      // 850 µs, 12.3 ms, 4.56 s, 3 min 5 s, 2 h 10 min
std::string format_rate(double per_second);  // 1,234/s, 0.5/s

}  // namespace hirestream
