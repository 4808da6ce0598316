// A bid by school arithmetic on strings of digits: slow, and independent of model/decimal.cc, whose
// results it judges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "model/decimal.h"

namespace hirestream {

inline std::string without_leading_zeros(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

inline bool greater(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

inline std::string plus_one(std::string digits) {
  size_t i = digits.size();
  while (i > 0 && digits[i - 1] == '9') {
    digits[--i] = '0';
  }
  if (i == 0) {
    return "1" + digits;
  }
  ++digits[i - 1];
  return digits;
}

// digits × 10^exponent by school arithmetic.
inline BidResult bid_by_hand(bool negative, const std::string& all_digits, int exponent) {
  std::string digits = without_leading_zeros(all_digits);
  if (digits.empty()) {
    return {0, std::nullopt};
  }
  if (negative) {
    return {0, DecimalError::kNegative};
  }
  const int shift = exponent + 6;  // micros = digits × 10^shift
  std::string cut;
  std::string limit = "1" + std::string(15, '0');
  if (shift >= 0) {
    digits += std::string(static_cast<size_t>(shift), '0');
  } else {
    limit += std::string(static_cast<size_t>(-shift), '0');
  }
  if (greater(digits, limit)) {
    return {0, DecimalError::kTooLarge};
  }
  if (shift < 0) {
    const auto places = static_cast<size_t>(-shift);
    digits.insert(0, places > digits.size() ? places - digits.size() : 0, '0');
    cut = digits.substr(digits.size() - places);
    digits.resize(digits.size() - places);
    const std::string half = "5" + std::string(places - 1, '0');
    const bool odd = !digits.empty() && (digits.back() - '0') % 2 == 1;
    if (cut > half || (cut == half && odd)) {
      digits = plus_one(digits);
    }
  }
  int64_t micros = 0;
  for (const char c : digits) {
    micros = micros * 10 + (c - '0');
  }
  return {micros, std::nullopt};
}

}  // namespace hirestream
