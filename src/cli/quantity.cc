#include "cli/quantity.h"

#include <fmt/format.h>

#include <cmath>

namespace hirestream {

std::string format_count(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) {
    digits.insert(at - 3, ",");
  }
  return digits;
}

std::string format_elapsed(int64_t us) {
  const auto value = static_cast<double>(us);
  if (us < 1'000) {
    return fmt::format("{} µs", us);
  }
  if (us < 1'000'000) {
    return fmt::format("{:.1f} ms", value / 1e3);
  }
  if (us < 60'000'000) {
    return fmt::format("{:.2f} s", value / 1e6);
  }
  const int64_t seconds = us / 1'000'000;
  if (seconds < 3600) {
    return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  }
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

std::string format_rate(double per_second) {
  if (per_second < 10) {
    return fmt::format("{:.1f}/s", per_second);
  }
  return format_count(std::llround(per_second)) + "/s";
}

}  // namespace hirestream
