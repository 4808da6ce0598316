#include "model/decimal.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

bool operator==(const BidResult& a, const BidResult& b) {
  return a.micros == b.micros && a.error == b.error;
}

void PrintTo(const BidResult& bid, std::ostream* out) {
  *out << bid.micros << (bid.error ? " " + std::string(describe(*bid.error)) : "");
}

namespace {

constexpr BidResult kNotANumber{0, DecimalError::kNotANumber};
constexpr BidResult kNegative{0, DecimalError::kNegative};
constexpr BidResult kTooLarge{0, DecimalError::kTooLarge};

BidResult micros(int64_t value) {
  return {value, std::nullopt};
}

std::vector<uint8_t> from_hex(std::string_view hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

TEST(BidText, ReadsPlainDecimals) {
  EXPECT_EQ(bid_from_text("0"), micros(0));
  EXPECT_EQ(bid_from_text("1"), micros(1'000'000));
  EXPECT_EQ(bid_from_text("1.4"), micros(1'400'000));
  EXPECT_EQ(bid_from_text("2.50"), micros(2'500'000));
  EXPECT_EQ(bid_from_text("+7"), micros(7'000'000));
  EXPECT_EQ(bid_from_text("1."), micros(1'000'000));
  EXPECT_EQ(bid_from_text(".5"), micros(500'000));
  EXPECT_EQ(bid_from_text("000123.456"), micros(123'456'000));
  EXPECT_EQ(bid_from_text("0.000001"), micros(1));
  EXPECT_EQ(bid_from_text("123456789.123456"), micros(123'456'789'123'456));
}

TEST(BidText, IgnoresBlanksAround) {
  EXPECT_EQ(bid_from_text(" \t1.4\r\n"), micros(1'400'000));
  EXPECT_EQ(bid_from_text("1 .4"), kNotANumber);
  EXPECT_EQ(bid_from_text("- 1"), kNotANumber);
}

TEST(BidText, RoundsHalfToEvenAtTheSeventhDigit) {
  EXPECT_EQ(bid_from_text("0.0000005"), micros(0));
  EXPECT_EQ(bid_from_text("0.0000015"), micros(2));
  EXPECT_EQ(bid_from_text("0.0000025"), micros(2));
  EXPECT_EQ(bid_from_text("0.0000035"), micros(4));
  EXPECT_EQ(bid_from_text("0.00000050000000000000000000000000001"), micros(1));
  EXPECT_EQ(bid_from_text("0.0000025000000000000000000000000"), micros(2));
  EXPECT_EQ(bid_from_text("0.0000024999999999999999999999999"), micros(2));
  EXPECT_EQ(bid_from_text("0.0000004999999999999999999999999"), micros(0));
  EXPECT_EQ(bid_from_text("0.00000051"), micros(1));
  EXPECT_EQ(bid_from_text("1.9999995"), micros(2'000'000));
  EXPECT_EQ(bid_from_text("1.9999985"), micros(1'999'998));
  EXPECT_EQ(bid_from_text("0.9999999"), micros(1'000'000));
  EXPECT_EQ(bid_from_text("5e-7"), micros(0));
  EXPECT_EQ(bid_from_text("15e-7"), micros(2));
  EXPECT_EQ(bid_from_text("50000001e-14"), micros(1));
}

TEST(BidText, ReadsExponents) {
  EXPECT_EQ(bid_from_text("1e3"), micros(1'000'000'000));
  EXPECT_EQ(bid_from_text("1E+3"), micros(1'000'000'000));
  EXPECT_EQ(bid_from_text("1.5e3"), micros(1'500'000'000));
  EXPECT_EQ(bid_from_text("1500e-3"), micros(1'500'000));
  EXPECT_EQ(bid_from_text("0.0015e3"), micros(1'500'000));
  EXPECT_EQ(bid_from_text("1e-6"), micros(1));
  EXPECT_EQ(bid_from_text("1e9"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("0.000000001e18"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("1e-400"), micros(0));
  EXPECT_EQ(bid_from_text("1e-99999999999999999999"), micros(0));
  EXPECT_EQ(bid_from_text("1e007"), micros(10'000'000'000'000));
}

TEST(BidText, ZeroIsZeroWhateverItsSignOrExponent) {
  for (const char* text :
       {"-0", "+0", "-0.000", "0e400", "0e-400", "-0e999999999999", ".0", "0."}) {
    EXPECT_EQ(bid_from_text(text), micros(0)) << text;
  }
}

TEST(BidText, RefusesNegativeNumbersEvenThoseThatRoundToZero) {
  for (const char* text : {"-1", "-0.000001", "-0.0000001", "-1e-400", "-1e400", "-1000000001"}) {
    EXPECT_EQ(bid_from_text(text), kNegative) << text;
  }
}

TEST(BidText, AllowsExactlyABillionAndNothingBeyond) {
  EXPECT_EQ(bid_from_text("1000000000"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("1000000000.000000000000000"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("999999999.999999"), micros(kBidMicrosMax - 1));
  EXPECT_EQ(bid_from_text("1000000000.000001"), kTooLarge);
  EXPECT_EQ(bid_from_text("1000000000.0000001"), kTooLarge);
  EXPECT_EQ(bid_from_text("1000000000.00000000000000000000000000001"), kTooLarge);
  EXPECT_EQ(bid_from_text("1000000001"), kTooLarge);
  EXPECT_EQ(bid_from_text("1e10"), kTooLarge);
  EXPECT_EQ(bid_from_text("1e400"), kTooLarge);
  EXPECT_EQ(bid_from_text("1e99999999999999999999"), kTooLarge);
  EXPECT_EQ(bid_from_text("0.00001e15"), kTooLarge);
}

TEST(BidText, WhatIsBelowABillionButRoundsUpToItIsAllowed) {
  EXPECT_EQ(bid_from_text("999999999.9999995"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("999999999.9999999"), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_text("999999999.99999949"), micros(kBidMicrosMax - 1));
}

TEST(BidText, ReadsNumbersOfAnyLength) {
  const std::string zeros(100'000, '0');
  const std::string nines(100'000, '9');
  EXPECT_EQ(bid_from_text(zeros + "1.5"), micros(1'500'000));
  EXPECT_EQ(bid_from_text("1.5" + zeros), micros(1'500'000));
  EXPECT_EQ(bid_from_text("0." + nines), micros(1'000'000));
  EXPECT_EQ(bid_from_text("0.0000005" + zeros + "1"), micros(1));
  EXPECT_EQ(bid_from_text("0." + zeros + "1e100001"), micros(1'000'000));
  EXPECT_EQ(bid_from_text("1" + zeros + "e-100000"), micros(1'000'000));
  EXPECT_EQ(bid_from_text(nines), kTooLarge);
  EXPECT_EQ(bid_from_text("-" + nines), kNegative);
}

TEST(BidText, RefusesWhatIsNotANumber) {
  for (const char* text : {"",
                           " ",
                           "NaN",
                           "nan",
                           "inf",
                           "-inf",
                           "Infinity",
                           "null",
                           "None",
                           "1,5",
                           "1..2",
                           "1.2.3",
                           ".",
                           "-",
                           "+",
                           "+-1",
                           "--1",
                           "e5",
                           "1e",
                           "1e+",
                           "1e-",
                           "1e+-5",
                           "1e--5",
                           "1e5.0",
                           "1e 5",
                           "0x10",
                           "1_000",
                           "$1",
                           "1 2",
                           "1d",
                           "abc",
                           "1e99999999999999999999x",
                           "1e-99999999999999999999x",
                           "१",
                           "1e5e5",
                           "-.e1"}) {
    EXPECT_EQ(bid_from_text(text), kNotANumber) << text;
  }
  EXPECT_EQ(bid_from_text(std::string_view("1\0", 2)), kNotANumber);
}

TEST(BidInteger, IsTakenUpToABillion) {
  EXPECT_EQ(bid_from_int(0), micros(0));
  EXPECT_EQ(bid_from_int(7), micros(7'000'000));
  EXPECT_EQ(bid_from_int(1'000'000'000), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_int(1'000'000'001), kTooLarge);
  EXPECT_EQ(bid_from_int(std::numeric_limits<int64_t>::max()), kTooLarge);
  EXPECT_EQ(bid_from_int(-1), kNegative);
  EXPECT_EQ(bid_from_int(std::numeric_limits<int64_t>::min()), kNegative);
}

// Expected: Python, Decimal(repr(x)) rounded half to even at the sixth digit.
TEST(BidDouble, IsTheShortestDecimalRoundedHalfToEven) {
  EXPECT_EQ(bid_from_double(1.4), micros(1'400'000));
  EXPECT_EQ(bid_from_double(0.1 + 0.2), micros(300'000));
  EXPECT_EQ(bid_from_double(2.675), micros(2'675'000));
  EXPECT_EQ(bid_from_double(4.35), micros(4'350'000));
  EXPECT_EQ(bid_from_double(1.005), micros(1'005'000));
  EXPECT_EQ(bid_from_double(1e-7), micros(0));
  EXPECT_EQ(bid_from_double(5e-7), micros(0));
  EXPECT_EQ(bid_from_double(1.5e-6), micros(2));
  EXPECT_EQ(bid_from_double(2.5e-6), micros(2));
  EXPECT_EQ(bid_from_double(8.5e-6), micros(8));
  EXPECT_EQ(bid_from_double(0.1234565), micros(123'456));
  EXPECT_EQ(bid_from_double(0.1234575), micros(123'458));
  EXPECT_EQ(bid_from_double(12345678.9012345), micros(12'345'678'901'234));
  EXPECT_EQ(bid_from_double(123456789.123456789), micros(123'456'789'123'457));
  EXPECT_EQ(bid_from_double(987654321.1234565), micros(987'654'321'123'456));
  EXPECT_EQ(bid_from_double(99999999.9999995), micros(100'000'000'000'000));
  EXPECT_EQ(bid_from_double(5e-324), micros(0));
}

TEST(BidDouble, KeepsTheSameLimitsAsText) {
  EXPECT_EQ(bid_from_double(1e9), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_double(999999999.9999999), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_double(1000000000.0000001), kTooLarge);
  EXPECT_EQ(bid_from_double(1e22), kTooLarge);
  EXPECT_EQ(bid_from_double(std::numeric_limits<double>::max()), kTooLarge);
  EXPECT_EQ(bid_from_double(std::numeric_limits<double>::infinity()), kTooLarge);
  EXPECT_EQ(bid_from_double(-std::numeric_limits<double>::infinity()), kNegative);
  EXPECT_EQ(bid_from_double(-5e-324), kNegative);
  EXPECT_EQ(bid_from_double(-1.4), kNegative);
  EXPECT_EQ(bid_from_double(-0.0), micros(0));
  EXPECT_EQ(bid_from_double(std::numeric_limits<double>::quiet_NaN()), kNotANumber);
  EXPECT_EQ(bid_from_double(-std::numeric_limits<double>::quiet_NaN()), kNotANumber);
}

TEST(BidDouble, AgreesWithItsTextForEveryHundredth) {
  for (int64_t cents = 0; cents <= 1'000'000; ++cents) {
    ASSERT_EQ(bid_from_double(static_cast<double>(cents) / 100), micros(cents * 10'000)) << cents;
  }
}

// Expected: the fewest digits that Python's struct packs into the same four bytes, as Decimal,
// rounded half to even.
TEST(BidFloat, IsTheShortestDecimalOfAFloat) {
  EXPECT_EQ(bid_from_float(1.4F), micros(1'400'000));
  EXPECT_EQ(bid_from_float(0.1F), micros(100'000));
  EXPECT_EQ(bid_from_float(0.3F), micros(300'000));
  EXPECT_EQ(bid_from_float(2.5F), micros(2'500'000));
  EXPECT_EQ(bid_from_float(123456.789F), micros(123'456'790'000));
  EXPECT_EQ(bid_from_float(0.1234567F), micros(123'457));
  EXPECT_EQ(bid_from_float(5e-7F), micros(0));
  EXPECT_EQ(bid_from_float(1.5e-6F), micros(2));
  EXPECT_EQ(bid_from_float(1e-45F), micros(0));
  EXPECT_EQ(bid_from_float(12345678.0F), micros(12'345'678'000'000));
  EXPECT_EQ(bid_from_float(16777216.0F), micros(16'777'216'000'000));
  EXPECT_EQ(bid_from_float(33554436.0F), micros(33'554'436'000'000));
}

// Above 2^24 the exact integer has more digits than the shortest decimal: 1.0000001e8 is what was
// meant.
TEST(BidFloat, IsTheShortestDecimalOfALargeWholeNumberToo) {
  EXPECT_EQ(bid_from_float(67108872.0F), micros(67'108'870'000'000));
  EXPECT_EQ(bid_from_float(100000008.0F), micros(100'000'010'000'000));
  EXPECT_EQ(bid_from_float(987654336.0F), micros(987'654'340'000'000));
  EXPECT_EQ(bid_from_float(999999936.0F), micros(999'999'940'000'000));
}

TEST(BidFloat, KeepsTheSameLimitsAsText) {
  EXPECT_EQ(bid_from_float(1e9F), micros(kBidMicrosMax));
  EXPECT_EQ(bid_from_float(1000000064.0F), kTooLarge);
  EXPECT_EQ(bid_from_float(std::numeric_limits<float>::max()), kTooLarge);
  EXPECT_EQ(bid_from_float(std::numeric_limits<float>::infinity()), kTooLarge);
  EXPECT_EQ(bid_from_float(-std::numeric_limits<float>::infinity()), kNegative);
  EXPECT_EQ(bid_from_float(-1e-45F), kNegative);
  EXPECT_EQ(bid_from_float(-0.0F), micros(0));
  EXPECT_EQ(bid_from_float(std::numeric_limits<float>::quiet_NaN()), kNotANumber);
}

BidResult decimal(std::string_view hex, int32_t scale) {
  return bid_from_decimal(from_hex(hex), scale);
}

// Bytes: Python, int.to_bytes(n, "big", signed=True).
TEST(BidDecimal, IsUnscaledTimesTenToMinusScale) {
  EXPECT_EQ(decimal("0e", 1), micros(1'400'000));                   // 14
  EXPECT_EQ(decimal("0080", 2), micros(1'280'000));                 // 128
  EXPECT_EQ(decimal("00ff", 0), micros(255'000'000));               // 255
  EXPECT_EQ(decimal("02dfdc1c39", 7), micros(1'234'567'890));       // 12345678905: half, to even
  EXPECT_EQ(decimal("02dfdc1c43", 7), micros(1'234'567'892));       // 12345678915
  EXPECT_EQ(decimal("0000000e", 1), micros(1'400'000));             // not the shortest form
  EXPECT_EQ(decimal("018ee90ff6c373e0ee4e3f0ad2", 20), kTooLarge);  // 1234567890.1234…
  EXPECT_EQ(decimal("018ee90ff6c373e0ee4e3f0ad2", 21), micros(123'456'789'012'346));
}

TEST(BidDecimal, TakesNegativeScales) {
  EXPECT_EQ(decimal("03", -8), micros(300'000'000'000'000));
  EXPECT_EQ(decimal("01", -9), micros(kBidMicrosMax));
  EXPECT_EQ(decimal("01", -10), kTooLarge);
  EXPECT_EQ(decimal("02", -9), kTooLarge);
  EXPECT_EQ(decimal("01", std::numeric_limits<int32_t>::min()), kTooLarge);
}

TEST(BidDecimal, ZeroIsZeroAtAnyScale) {
  for (const int32_t scale :
       {0, 7, -9, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
    EXPECT_EQ(decimal("00", scale), micros(0)) << scale;
    EXPECT_EQ(decimal(std::string(80, '0'), scale), micros(0)) << scale;
  }
}

TEST(BidDecimal, TakesBigUnscaledValues) {
  EXPECT_EQ(decimal("1d6329f1c35ca4bfabb9f5610000000000", 40), micros(1'000'000));  // 10^40
  EXPECT_EQ(decimal("08b65424154a6ddfc619c75f9e701d8debdee000000000000000", 61),    // 14 × 10^60
            micros(1'400'000));
  EXPECT_EQ(decimal("0080000000000000000000000000000000", 38), micros(1'701'412));  // 2^127
  EXPECT_EQ(decimal("0080000000000000000000000000000000", 0), kTooLarge);
  EXPECT_EQ(decimal("7f" + std::string(2046, 'f'), 2466), micros(545'374));  // 2^8191 - 1
  EXPECT_EQ(decimal("01", std::numeric_limits<int32_t>::max()), micros(0));
}

TEST(BidDecimal, KeepsTheSameLimitsAsText) {
  EXPECT_EQ(decimal("3b9aca00", 0), micros(kBidMicrosMax));
  EXPECT_EQ(decimal("3b9aca01", 0), kTooLarge);
  EXPECT_EQ(decimal("038d7ea4c68000", 6), micros(kBidMicrosMax));
  EXPECT_EQ(decimal("038d7ea4c68001", 6), kTooLarge);
  EXPECT_EQ(decimal("2386f26fc10001", 7), kTooLarge);
  EXPECT_EQ(decimal("f2", 1), kNegative);  // -14
  EXPECT_EQ(decimal("ff", 400), kNegative);
  EXPECT_EQ(decimal("80000000000000000000000000000000000000", 0), kNegative);
  EXPECT_EQ(decimal("", 0), kNotANumber);
}

// Small ones are read without their digits.
TEST(BidDecimal, IsWhatItsTextIs) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t unscaled = random() >> (1 + random() % 63);
    const auto scale = static_cast<int32_t>(random() % 10) - 1;
    std::vector<uint8_t> bytes;
    for (size_t size = std::bit_width(unscaled) / 8 + 1; size-- > 0;) {
      bytes.push_back(static_cast<uint8_t>(size < 8 ? unscaled >> (8 * size) : 0));
    }
    const std::string text = std::to_string(unscaled) + "e" + std::to_string(-scale);
    ASSERT_EQ(bid_from_decimal(bytes, scale), bid_from_text(text)) << text;
  }
}

TEST(BidDecimal, RefusesSizesThatNobodyMeans) {
  EXPECT_EQ(bid_from_decimal(std::vector<uint8_t>(1 << 20, 0x11), 0), kTooLarge);
}

TEST(FormatMicros, HasAlwaysSixDigitsBehindThePoint) {
  EXPECT_EQ(format_micros(0), "0.000000");
  EXPECT_EQ(format_micros(1), "0.000001");
  EXPECT_EQ(format_micros(-1), "-0.000001");
  EXPECT_EQ(format_micros(1'400'000), "1.400000");
  EXPECT_EQ(format_micros(-12'345'678), "-12.345678");
  EXPECT_EQ(format_micros(kBidMicrosMax), "1000000000.000000");
  EXPECT_EQ(format_micros(std::numeric_limits<int64_t>::max()), "9223372036854.775807");
  EXPECT_EQ(format_micros(std::numeric_limits<int64_t>::min()), "-9223372036854.775808");
}

TEST(FormatMicros, IsReadBack) {
  for (const int64_t value : {int64_t{0}, int64_t{1}, int64_t{999'999}, kBidMicrosMax}) {
    EXPECT_EQ(bid_from_text(format_micros(value)), micros(value));
  }
}

TEST(ParseInteger, ReadsSignedDigits) {
  EXPECT_EQ(parse_integer("188"), 188);
  EXPECT_EQ(parse_integer("+188"), 188);
  EXPECT_EQ(parse_integer("-188"), -188);
  EXPECT_EQ(parse_integer(" 188\r\n"), 188);
  EXPECT_EQ(parse_integer("000188"), 188);
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-0"), 0);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<int64_t>::min());
}

TEST(ParseInteger, ReadsWhatSpreadsheetsMakeOfAnInteger) {
  EXPECT_EQ(parse_integer("188.0"), 188);
  EXPECT_EQ(parse_integer("188.000"), 188);
  EXPECT_EQ(parse_integer("188."), 188);
  EXPECT_EQ(parse_integer("-3.0"), -3);
  EXPECT_EQ(parse_integer("1e0"), 1);
  EXPECT_EQ(parse_integer(" 1.88E+2 "), 188);
  EXPECT_EQ(parse_integer("1880e-1"), 188);
  EXPECT_EQ(parse_integer("-9.223372036854775808e18"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(parse_integer("0e999999999"), 0);
}

TEST(ParseInteger, RefusesTheRest) {
  for (const char* text : {"",
                           " ",
                           "abc",
                           "188.5",
                           "188.0.0",
                           "1e-1",
                           "1e19",
                           "1e",
                           ".",
                           "+",
                           "-",
                           "+-1",
                           "--1",
                           "- 1",
                           "1 2",
                           "1,000",
                           "0x1f",
                           "188 .0",
                           "188x",
                           "4,1,2",
                           "NaN",
                           "9223372036854775808",
                           "-9223372036854775809",
                           "188.0x",
                           "+ 5",
                           "१"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
  EXPECT_FALSE(parse_integer(std::string_view("1\0", 2)));
}

TEST(DecimalError, IsDescribedInWords) {
  EXPECT_EQ(describe(DecimalError::kNotANumber), "not a number");
  EXPECT_EQ(describe(DecimalError::kNegative), "negative");
  EXPECT_EQ(describe(DecimalError::kTooLarge), "beyond 10^9");
}

}  // namespace
}  // namespace hirestream
