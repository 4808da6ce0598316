// Division that rounds down, also below zero: buckets and days of times before 1970.
#pragma once

#include <cstdint>

namespace hirestream {

// b > 0.
constexpr int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// The day, since 1970 UTC, of a time in microseconds.
constexpr int32_t utc_day(int64_t us) {
  return static_cast<int32_t>(floor_divide(us, int64_t{86'400'000'000}));
}

}  // namespace hirestream
