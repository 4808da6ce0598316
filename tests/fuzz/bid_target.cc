// Input: one byte that chooses the kind of number, then the number.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "fuzz/fuzz_target.h"
#include "model/decimal.h"
#include "property/bid_by_hand.h"

namespace hirestream {
namespace {

constexpr size_t kBytesMax = 300;
constexpr int kExponentMax =
    1000;  // beyond it more digits than there are places: nothing changes any more

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

std::string_view digits_of(std::string_view& text) {
  const size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

bool accept(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == any_of.npos) return false;
  text.remove_prefix(1);
  return true;
}

int clamped_exponent(bool negative, std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = std::min(value * 10 + (c - '0'), kExponentMax);
  return negative ? -value : value;
}

struct Number {
  bool negative = false;
  std::string digits;  // value = digits × 10^exponent
  int exponent = 0;
};

// sign digits [. digits] [e [sign] digits], by the grammar alone.
std::optional<Number> number_of(std::string_view text) {
  Number number;
  number.negative = text.starts_with('-');
  accept(text, "+-");
  const std::string whole(digits_of(text));
  const std::string fraction(accept(text, ".") ? digits_of(text) : std::string_view());
  if (whole.empty() && fraction.empty()) return std::nullopt;
  if (accept(text, "eE")) {
    const bool down = text.starts_with('-');
    accept(text, "+-");
    const std::string_view digits = digits_of(text);
    if (digits.empty()) return std::nullopt;
    number.exponent = clamped_exponent(down, digits);
  }
  if (!text.empty()) return std::nullopt;
  number.digits = whole + fraction;
  number.exponent -= static_cast<int>(fraction.size());
  return number;
}

BidResult bid_slowly(std::string_view text) {
  const auto number = number_of(without_blanks(text));
  if (!number) return {0, DecimalError::kNotANumber};
  return bid_by_hand(number->negative, number->digits, number->exponent);
}

// Two's complement big-endian → digits, by adding and doubling.
std::string digits_of_bytes(Bytes bytes) {
  std::string reversed = "0";
  for (const uint8_t byte : bytes) {
    for (int bit = 7; bit >= 0; --bit) {
      int carry = byte >> bit & 1;
      for (char& c : reversed) {
        const int value = 2 * (c - '0') + carry;
        c = static_cast<char>('0' + value % 10);
        carry = value / 10;
      }
      if (carry != 0) reversed += '1';
    }
  }
  return {reversed.rbegin(), reversed.rend()};
}

void check(const BidResult& got, const BidResult& expected) {
  FUZZ_REQUIRE(got.error == expected.error);
  FUZZ_REQUIRE(got.micros == expected.micros);
  FUZZ_REQUIRE(got.micros >= 0 && got.micros <= kBidMicrosMax);
  if (got.error) return;
  const BidResult again = bid_from_text(format_micros(got.micros));
  FUZZ_REQUIRE(!again.error && again.micros == got.micros);
}

void check_decimal(InputReader& reader) {
  constexpr size_t kUnscaledMax = 64;
  const auto scale = reader.integer<int32_t>();
  const Bytes unscaled = reader.take(kUnscaledMax);
  if (unscaled.empty()) {
    FUZZ_REQUIRE(bid_from_decimal(unscaled, scale).error == DecimalError::kNotANumber);
    return;
  }
  const bool negative = (unscaled[0] & 0x80) != 0;
  const std::string digits = negative ? "1" : digits_of_bytes(unscaled);
  check(bid_from_decimal(unscaled, scale),
        bid_by_hand(negative, digits, -std::clamp(scale, -kExponentMax, kExponentMax)));
}

// A decimal number without a fraction, by writing its digits out.
void check_integer(std::string_view text) {
  const auto got = parse_integer(text);
  std::string_view rest = without_blanks(text);
  const auto number = number_of(rest);
  if (!number) {
    FUZZ_REQUIRE(!got);
    return;
  }
  std::string digits = number->digits;
  int exponent = number->exponent;
  for (; exponent < 0 && digits.ends_with('0'); ++exponent) digits.pop_back();
  digits = without_leading_zeros(digits);
  constexpr int kZerosMax = 30;  // more than any 64-bit number has
  if (!digits.empty() && exponent > 0) {
    digits.append(static_cast<size_t>(std::min(exponent, kZerosMax)), '0');
  }
  const bool whole = exponent >= 0 || digits.empty();
  const bool good =
      whole && !greater(digits, number->negative ? "9223372036854775808" : "9223372036854775807");
  FUZZ_REQUIRE(got.has_value() == good);
  if (!good) return;
  FUZZ_REQUIRE(std::to_string(*got) ==
               (digits.empty() ? "0" : (number->negative ? "-" : "") + digits));
}

}  // namespace

void fuzz_bid(Bytes input) {
  InputReader reader(input.first(std::min(input.size(), kBytesMax)));
  switch (reader.byte() % 5) {
    case 0: {
      const std::string_view text = as_text(reader.rest());
      check(bid_from_text(text), bid_slowly(text));
      break;
    }
    case 1:
      check_decimal(reader);
      break;
    case 2: {
      const auto value = std::bit_cast<double>(reader.integer<uint64_t>());
      if (std::isfinite(value)) check(bid_from_double(value), bid_slowly(fmt::format("{}", value)));
      break;
    }
    case 3: {
      const auto value = std::bit_cast<float>(reader.integer<uint32_t>());
      if (std::isfinite(value)) check(bid_from_float(value), bid_slowly(fmt::format("{}", value)));
      break;
    }
    default:
      check_integer(as_text(reader.rest()));
      break;
  }
}

}  // namespace hirestream
