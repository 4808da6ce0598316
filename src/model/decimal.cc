#include "model/decimal.h"

#include <array>
#include <charconv>
#include <cmath>

#include "model/text.h"

namespace hirestream {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A decimal number taken apart: 0.d₁d₂d₃… × 10^point, digits without leading zeros.
struct Digits {
  bool negative = false;
  std::string_view text;  // digits with at most one '.', leading zeros and point possible
  int64_t exponent = 0;
};

std::optional<Digits> split_number(std::string_view text) {
  Digits out;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    out.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  size_t end = 0;
  bool point = false;
  size_t digits = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '.' && !point) {
      point = true;
    } else if (is_digit(text[end])) {
      ++digits;
    } else {
      break;
    }
  }
  if (digits == 0) {
    return std::nullopt;
  }
  out.text = text.substr(0, end);
  text.remove_prefix(end);
  if (text.empty()) {
    return out;
  }
  if (text.front() != 'e' && text.front() != 'E') {
    return std::nullopt;
  }
  text.remove_prefix(1);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) {
      return std::nullopt;
    }
  }
  int32_t exponent = 0;
  const auto [next, status] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (status == std::errc::result_out_of_range) {
    exponent = text.front() == '-' ? -1'000'000'000 : 1'000'000'000;
    for (const char c : text.substr(text.front() == '-' ? 1 : 0)) {
      if (!is_digit(c)) {
        return std::nullopt;
      }
    }
  } else if (status != std::errc() || next != text.data() + text.size()) {
    return std::nullopt;
  }
  out.exponent = exponent;
  return out;
}

BidResult bad(DecimalError error) {
  return {0, error};
}

// Rounds half to even at 10⁻⁶. Any sign of a non-zero number counts, even of one that rounds to
// zero.
BidResult round_digits(const Digits& number) {
  // Position of the decimal point relative to the first digit in `text`, after the exponent.
  const size_t point_at = number.text.find('.');
  int64_t integer_digits =
      static_cast<int64_t>(point_at == std::string_view::npos ? number.text.size() : point_at) +
      number.exponent;
  int64_t micros = 0;
  bool nonzero = false;
  bool overflow = false;
  int half = 0;          // first digit that is cut off
  bool sticky = false;   // any non-zero digit behind that one
  int64_t position = 0;  // index of the digit, 0 = first
  for (const char c : number.text) {
    if (c == '.') {
      continue;
    }
    const int digit = c - '0';
    nonzero = nonzero || digit != 0;
    const int64_t weight = integer_digits - 1 - position;  // digit × 10^weight
    ++position;
    if (weight >= -6) {
      if (micros > kBidMicrosMax) {
        overflow = true;
      } else {
        micros = micros * 10 + digit;
      }
    } else if (weight == -7) {
      half = digit;
    } else {
      sticky = sticky || digit != 0;
    }
  }
  if (!nonzero) {
    return {0, std::nullopt};
  }
  // Places between the last digit given and the sixth behind the point.
  for (int64_t weight = integer_digits - position; weight > -6 && !overflow && micros != 0;
       --weight) {
    if (micros > kBidMicrosMax) {
      overflow = true;
    } else {
      micros *= 10;
    }
  }
  if (number.negative) {
    return bad(DecimalError::kNegative);
  }
  if (overflow) {
    return bad(DecimalError::kTooLarge);
  }
  // 10⁹ plus a fraction that rounding would hide is beyond 10⁹; what rounds up to 10⁹ is not.
  if (micros > kBidMicrosMax || (micros == kBidMicrosMax && (half != 0 || sticky))) {
    return bad(DecimalError::kTooLarge);
  }
  if (half > 5 || (half == 5 && (sticky || micros % 2 != 0))) {
    ++micros;
  }
  return {micros, std::nullopt};
}

std::optional<int64_t> whole_number(const Digits& number) {
  const size_t point_at = number.text.find('.');
  int64_t weight =
      static_cast<int64_t>(point_at == std::string_view::npos ? number.text.size() : point_at) +
      number.exponent;
  uint64_t value = 0;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  const auto append = [&value](uint64_t digit) {
    if (value > (kLimit - digit) / 10) {
      return false;
    }
    value = value * 10 + digit;
    return true;
  };
  for (const char c : number.text) {
    if (c == '.') {
      continue;
    }
    --weight;
    const bool fits = weight >= 0 ? append(static_cast<uint64_t>(c - '0')) : c == '0';
    if (!fits) {
      return std::nullopt;
    }
  }
  for (; weight > 0 && value != 0; --weight) {
    if (!append(0)) {
      return std::nullopt;
    }
  }
  if (number.negative) {
    return static_cast<int64_t>(0 - value);
  }
  return value < kLimit ? std::optional(static_cast<int64_t>(value)) : std::nullopt;
}

template <typename Float>
BidResult from_shortest_decimal(Float value) {
  std::array<char, 64> buffer{};
  // Without this format whole numbers above 2^24 (float) come out exactly, not shortest.
  const auto [end, status] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                           std::chars_format::scientific);
  if (status != std::errc()) {
    return bad(DecimalError::kNotANumber);
  }
  return bid_from_text({buffer.data(), static_cast<size_t>(end - buffer.data())});
}

}  // namespace

BidResult bid_from_text(std::string_view text) {
  const auto number = split_number(trim(text));
  return number ? round_digits(*number) : bad(DecimalError::kNotANumber);
}

BidResult bid_from_int(int64_t value) {
  if (value < 0) {
    return bad(DecimalError::kNegative);
  }
  if (value > kBidMicrosMax / kMicros) {
    return bad(DecimalError::kTooLarge);
  }
  return {value * kMicros, std::nullopt};
}

BidResult bid_from_double(double value) {
  if (!std::isfinite(value)) {
    return bad(std::isnan(value) ? DecimalError::kNotANumber
                                 : (value < 0 ? DecimalError::kNegative : DecimalError::kTooLarge));
  }
  // A decimal of at most 15 digits that reads back as `value` is the shortest one; then no text is
  // needed.
  if (value >= 0 && value < 1e8) {
    // std::nearbyint without a call: beyond 2⁵² doubles are whole numbers.
    constexpr double kWhole = 0x1p52;
    const double micros = value * 1e6 + kWhole - kWhole;
    if (micros / 1e6 == value) {
      return {static_cast<int64_t>(micros), std::nullopt};
    }
  }
  return from_shortest_decimal(value);
}

BidResult bid_from_float(float value) {
  if (!std::isfinite(value)) {
    return bid_from_double(static_cast<double>(value));
  }
  return from_shortest_decimal(value);
}

BidResult bid_from_decimal(std::span<const uint8_t> unscaled, int32_t scale) {
  if (unscaled.empty() || unscaled.size() > 1024) {
    return bad(unscaled.empty() ? DecimalError::kNotANumber : DecimalError::kTooLarge);
  }
  const bool negative = (unscaled[0] & 0x80) != 0;
  if (negative) {
    return bad(DecimalError::kNegative);
  }
  if (unscaled.size() > 16) {
    size_t zeros = 0;
    while (zeros < unscaled.size() && unscaled[zeros] == 0) {
      ++zeros;
    }
    unscaled = unscaled.subspan(zeros);
    if (unscaled.empty()) {
      return {0, std::nullopt};
    }
  }
  // Up to 2⁴⁰ with as many digits as a bid keeps: no product is beyond 64 bits.
  if (unscaled.size() <= 5 && scale >= 0 && scale <= 6) {
    uint64_t value = 0;
    for (const uint8_t byte : unscaled) {
      value = value << 8 | byte;
    }
    constexpr std::array<uint64_t, 7> kMicrosOfUnit = {1'000'000, 100'000, 10'000, 1'000,
                                                       100,       10,      1};
    const uint64_t micros = value * kMicrosOfUnit[static_cast<size_t>(scale)];
    return micros > kBidMicrosMax ? bad(DecimalError::kTooLarge)
                                  : BidResult{static_cast<int64_t>(micros), std::nullopt};
  }
  // Repeated division by ten gives the decimal digits of a number of any size.
  std::string bytes(unscaled.begin(), unscaled.end());
  std::string reversed;
  bool more = true;
  while (more) {
    unsigned remainder = 0;
    more = false;
    for (char& byte : bytes) {
      const unsigned value = remainder << 8 | static_cast<uint8_t>(byte);
      byte = static_cast<char>(value / 10);
      remainder = value % 10;
      more = more || byte != 0;
    }
    reversed += static_cast<char>('0' + remainder);
  }
  Digits number;
  const std::string digits(reversed.rbegin(), reversed.rend());
  number.text = digits;
  number.exponent = -int64_t{scale};
  return round_digits(number);
}

std::string format_micros(int64_t micros) {
  const bool negative = micros < 0;
  const uint64_t magnitude =
      negative ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::string fraction = std::to_string(magnitude % static_cast<uint64_t>(kMicros));
  fraction.insert(0, 6 - fraction.size(), '0');
  return (negative ? "-" : "") + std::to_string(magnitude / static_cast<uint64_t>(kMicros)) + "." +
         fraction;
}

std::optional<int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status == std::errc() && end == text.data() + text.size()) {
    return value;
  }
  const auto number = split_number(text);
  return number ? whole_number(*number) : std::nullopt;
}

std::string_view describe(DecimalError error) {
  switch (error) {
    case DecimalError::kNotANumber:
      return "not a number";
    case DecimalError::kNegative:
      return "negative";
    case DecimalError::kTooLarge:
      return "beyond 10^9";
  }
  return "";
}

}  // namespace hirestream
