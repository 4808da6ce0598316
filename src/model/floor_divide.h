// Division that rounds down, also below zero: buckets and days of times before 1970.
#pragma once

#include <cstdint>

namespace hirestream {

// b > 0.
constexpr int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace hirestream
