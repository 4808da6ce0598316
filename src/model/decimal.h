// Bids in fixed point: millionths (10⁻⁶, "micros") in an int64, rounded half to even. Sums of
// integers do not depend on their order; floating point sums do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hirestream {

inline constexpr int64_t kMicros = 1'000'000;
// A bid beyond 10⁹ rejects its row.
inline constexpr int64_t kBidMicrosMax = 1'000'000'000 * kMicros;

enum class DecimalError { kNotANumber, kNegative, kTooLarge };

struct BidResult {
  int64_t micros = 0;
  std::optional<DecimalError> error;
};

// Decimal text with optional sign, fraction and exponent; blanks around it are ignored. "nan",
// "inf", "" are not numbers.
BidResult bid_from_text(std::string_view text);
BidResult bid_from_int(int64_t value);
// The shortest decimal that reads back as the same binary number is what was meant: 1.4f is 1.4,
// not 1.39999998.
BidResult bid_from_double(double value);
BidResult bid_from_float(float value);
// Two's complement big-endian unscaled value and scale, as Cassandra's decimal: value = unscaled ×
// 10^-scale.
BidResult bid_from_decimal(std::span<const uint8_t> unscaled, int32_t scale);

// "-12.345678": always six digits behind the point.
std::string format_micros(int64_t micros);
// A whole number in any decimal notation, blanks around it or not: "188.0" and "1.88e2" are 188
// (spreadsheets and pandas write nullable integers so). Nothing: a fraction, or beyond 64 bits.
std::optional<int64_t> parse_integer(std::string_view text);

std::string_view describe(DecimalError error);

}  // namespace hirestream
