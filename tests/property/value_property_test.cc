// Bids against an independent arithmetic on strings of digits, and against each other.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/decimal.h"
#include "property/bid_by_hand.h"

namespace hirestream {
namespace {

bool same(const BidResult& a, const BidResult& b) {
  return a.micros == b.micros && a.error == b.error;
}

void log_pair(const BidResult& got, const BidResult& expected) {
  const auto text = [](const BidResult& bid) {
    return bid.error ? std::string(describe(*bid.error)) : format_micros(bid.micros);
  };
  RC_LOG() << "got " << text(got) << ", expected " << text(expected);
}

// Often zeros, nines and a single five: where roundings and limits are.
std::string any_digits(size_t size_max) {
  const auto size = *rc::gen::inRange<size_t>(0, size_max + 1);
  const auto alphabet = *rc::gen::element<std::string>("0", "9", "05", "0123456789", "49", "01");
  std::string digits;
  for (size_t i = 0; i < size; ++i) {
    digits += alphabet[*rc::gen::inRange<size_t>(0, alphabet.size())];
  }
  return digits;
}

RC_GTEST_PROP(BidFromText, AgreesWithArithmeticByHand, ()) {
  const auto negative = *rc::gen::weightedElement<bool>({{9, false}, {1, true}});
  const std::string whole = any_digits(12);
  const std::string fraction = any_digits(10);
  RC_PRE(!whole.empty() || !fraction.empty());
  const auto exponent = *rc::gen::weightedOneOf<int>(
      {{3, rc::gen::just(0)}, {3, rc::gen::inRange(-12, 13)}, {1, rc::gen::inRange(-400, 401)}});
  std::string text = negative ? "-" : *rc::gen::element<std::string>("", "+");
  text += whole;
  text += fraction.empty() ? *rc::gen::element<std::string>("", ".") : "." + fraction;
  if (exponent != 0) {
    text += *rc::gen::element<std::string>("e", "E");
    text +=
        (exponent > 0 ? *rc::gen::element<std::string>("", "+") : "") + std::to_string(exponent);
  }
  const BidResult expected =
      bid_by_hand(negative, whole + fraction, exponent - static_cast<int>(fraction.size()));
  RC_LOG() << text;
  const BidResult got = bid_from_text(text);
  log_pair(got, expected);
  RC_ASSERT(same(got, expected));
}

// A billion, and what lies a few places before and behind it.
RC_GTEST_PROP(BidFromText, AgreesWithArithmeticByHandAtTheLimit, ()) {
  const std::string whole =
      *rc::gen::element<std::string>("1000000000", "999999999", "0999999999", "1000000001");
  const std::string fraction = any_digits(9);
  const std::string text = whole + "." + fraction;
  RC_LOG() << text;
  const BidResult expected =
      bid_by_hand(false, whole + fraction, -static_cast<int>(fraction.size()));
  log_pair(bid_from_text(text), expected);
  RC_ASSERT(same(bid_from_text(text), expected));
}

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Unsigned128;

std::vector<uint8_t> minimal_bytes(Int128 value) {
  std::vector<uint8_t> bytes;
  for (int shift = 120; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
  const auto sign = static_cast<uint8_t>(value < 0 ? 0xFF : 0x00);
  size_t first = 0;
  while (first + 1 < bytes.size() && bytes[first] == sign &&
         (bytes[first + 1] & 0x80) == (sign & 0x80)) {
    ++first;
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(first));
  return bytes;
}

RC_GTEST_PROP(BidFromDecimal, AgreesWithArithmeticByHand, ()) {
  const auto high = *rc::gen::arbitrary<int64_t>();
  const auto low = *rc::gen::arbitrary<uint64_t>();
  const auto bits = *rc::gen::inRange(0, 128);
  const Int128 whole = static_cast<Int128>(high) << 64 | static_cast<Int128>(low);
  const Int128 value = whole >> bits;
  const auto scale = *rc::gen::inRange(-12, 45);
  auto magnitude =
      value < 0 ? 0 - static_cast<Unsigned128>(value) : static_cast<Unsigned128>(value);
  std::string digits;
  for (; magnitude != 0; magnitude /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
  }
  const BidResult expected = bid_by_hand(value < 0, digits, -scale);
  std::vector<uint8_t> bytes = minimal_bytes(value);
  RC_ASSERT(same(bid_from_decimal(bytes, scale), expected));
  // Sign bytes in front change nothing.
  bytes.insert(bytes.begin(), *rc::gen::inRange<size_t>(0, 40),
               static_cast<uint8_t>(value < 0 ? 0xFF : 0x00));
  RC_ASSERT(same(bid_from_decimal(bytes, scale), expected));
}

RC_GTEST_PROP(BidFromDouble, IsThatOfTheShortestText, ()) {
  const auto micros = *rc::gen::inRange<int64_t>(0, kBidMicrosMax + 1000);
  const auto bits = *rc::gen::arbitrary<uint64_t>();
  const auto step = *rc::gen::inRange(-3, 4);
  double near_micros = static_cast<double>(micros) / 1e6;
  for (int i = 0; i < std::abs(step); ++i) {
    near_micros = std::nextafter(near_micros, step < 0 ? -1.0 : 1e300);
  }
  for (const double value : {near_micros, std::bit_cast<double>(bits)}) {
    if (std::isfinite(value)) {
      RC_LOG() << fmt::format("{}", value);
      RC_ASSERT(same(bid_from_double(value), bid_from_text(fmt::format("{}", value))));
    }
  }
}

RC_GTEST_PROP(BidFromFloat, IsThatOfTheShortestText, ()) {
  const auto small = static_cast<float>(*rc::gen::inRange(0, 10'000'000)) / 1000.0F;
  const auto whole = static_cast<float>(*rc::gen::inRange(0, 1'000'000'100));
  const auto any = std::bit_cast<float>(*rc::gen::arbitrary<uint32_t>());
  for (const float value : {small, whole, any}) {
    if (std::isfinite(value)) {
      RC_LOG() << fmt::format("{}", value);
      RC_ASSERT(same(bid_from_float(value), bid_from_text(fmt::format("{}", value))));
    }
  }
}

RC_GTEST_PROP(BidFromInteger, IsThatOfItsText, ()) {
  for (const int64_t value :
       {*rc::gen::arbitrary<int64_t>(), *rc::gen::inRange<int64_t>(-5, 1'000'000'005)}) {
    RC_ASSERT(same(bid_from_int(value), bid_from_text(std::to_string(value))));
  }
}

RC_GTEST_PROP(FormattedMicros, AreReadBack, ()) {
  const auto micros = *rc::gen::inRange<int64_t>(0, kBidMicrosMax + 1);
  RC_ASSERT(same(bid_from_text(format_micros(micros)), {micros, std::nullopt}));
}

RC_GTEST_PROP(Integers, AreReadBack, ()) {
  const auto value = *rc::gen::arbitrary<int64_t>();
  RC_ASSERT(parse_integer(std::to_string(value)) == value);
  RC_ASSERT(parse_integer(std::to_string(value) + ".0") == value);
}

RC_GTEST_PROP(Numbers, SurviveAnyText, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('0', '1', '9', '-', '+', '.', 'e', 'E', ' ', 'x'));
  const BidResult bid = bid_from_text(text);
  RC_ASSERT(bid.error.has_value() || (bid.micros >= 0 && bid.micros <= kBidMicrosMax));
  parse_integer(text);
}

}  // namespace
}  // namespace hirestream
