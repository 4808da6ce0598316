#include "model/timestamp.h"

#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr int64_t kNoon = 1656678896000000;  // 2022-07-01 12:34:56 UTC

int64_t us_of(std::string_view text, bool has_offset = false) {
  const auto parsed = parse_timestamp(text);
  EXPECT_TRUE(parsed) << text;
  EXPECT_EQ(parsed.value_or(ParsedTimestamp{}).has_offset, has_offset) << text;
  return parsed.value_or(ParsedTimestamp{}).us;
}

TEST(Timestamp, ReadsDateAndTimeWithBlankOrT) {
  EXPECT_EQ(us_of("2022-07-01 12:34:56"), kNoon);
  EXPECT_EQ(us_of("2022-07-01T12:34:56"), kNoon);
  EXPECT_EQ(us_of("2022-07-01t12:34:56"), kNoon);  // RFC 3339 allows lower case
}

TEST(Timestamp, DateAloneIsMidnight) {
  EXPECT_EQ(us_of("2022-07-01"), 1656633600000000);
}

TEST(Timestamp, IgnoresBlanksAround) {
  EXPECT_EQ(us_of("  2022-07-01 12:34:56 "), kNoon);
  EXPECT_EQ(us_of("\t2022-07-01 12:34:56\r\n"), kNoon);
  EXPECT_EQ(us_of("\n2022-07-01\t"), us_of("2022-07-01"));
  EXPECT_FALSE(parse_timestamp(" \t\r\n"));
}

TEST(Timestamp, ReadsOneToNineFractionDigits) {
  EXPECT_EQ(us_of("2022-07-01 12:34:56.7"), kNoon + 700'000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.78"), kNoon + 780'000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.789"), kNoon + 789'000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.7891"), kNoon + 789'100);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.78912"), kNoon + 789'120);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.789123"), kNoon + 789'123);
  EXPECT_EQ(us_of("2022-07-01 12:34:56,789"), kNoon + 789'000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.000001"), kNoon + 1);
}

TEST(Timestamp, CutsOffWhatIsFinerThanMicroseconds) {
  EXPECT_EQ(us_of("2022-07-01 12:34:56.7891239"), kNoon + 789'123);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.789123999"), kNoon + 789'123);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.000000999"), kNoon);
  EXPECT_EQ(us_of("1969-12-31 23:59:59.999999999"), -1);
}

// Values of Python's datetime.fromisoformat.
TEST(Timestamp, ReadsEveryFormOfOffset) {
  EXPECT_EQ(us_of("2022-07-01T12:34:56Z", true), kNoon);
  EXPECT_EQ(us_of("2022-07-01T12:34:56z", true), kNoon);
  EXPECT_EQ(us_of("2022-07-01T12:34:56.789123Z", true), kNoon + 789'123);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+00:00", true), kNoon);
  EXPECT_EQ(us_of("2022-07-01 12:34:56-00:00", true), kNoon);
  EXPECT_EQ(us_of("2022-07-01 12:34:56.000000+0000", true), kNoon);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+02:00", true), 1656671696000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+0200", true), 1656671696000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+02", true), 1656671696000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56 +02:00", true), 1656671696000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56-09:30", true), 1656713096000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56-0930", true), 1656713096000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+05:45", true), 1656658196000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56+14:00", true), 1656628496000000);
  EXPECT_EQ(us_of("2022-07-01 12:34:56-23:59", true), 1656765236000000);
  EXPECT_EQ(us_of("2022-01-01 00:30:00+01:00", true), 1640993400000000);
  EXPECT_EQ(us_of("1970-01-01 00:00:00.000001+01:00", true), -3'599'999'999);
}

TEST(Timestamp, ReadsTheFirstAndTheLastInstant) {
  EXPECT_EQ(us_of("0001-01-01 00:00:00"), -62135596800000000);
  EXPECT_EQ(us_of("9999-12-31 23:59:59.999999"), 253402300799999999);
  EXPECT_EQ(us_of("1970-01-01 00:00:00"), 0);
  EXPECT_EQ(us_of("1969-12-31 23:59:59.999999"), -1);
}

TEST(Timestamp, KnowsLeapYears) {
  EXPECT_EQ(us_of("2000-02-29 23:59:59.999999"), 951868799999999);
  EXPECT_EQ(us_of("2024-02-29"), 1709164800000000);
  EXPECT_EQ(us_of("1900-03-01"), -2203891200000000);
  for (const char* text : {"1900-02-29", "2100-02-29", "2022-02-29", "2023-02-29", "2000-02-30"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, KnowsTheLengthOfEachMonth) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    const std::string prefix = "2022-" + std::string(month < 10 ? "0" : "") + std::to_string(month);
    const int days = kDays[static_cast<size_t>(month - 1)];
    EXPECT_TRUE(parse_timestamp(prefix + "-" + std::to_string(days))) << prefix;
    EXPECT_FALSE(parse_timestamp(prefix + "-" + std::to_string(days + 1))) << prefix;
    EXPECT_FALSE(parse_timestamp(prefix + "-00")) << prefix;
  }
}

TEST(Timestamp, RefusesFieldsOutOfRange) {
  for (const char* text :
       {"2022-13-01", "2022-00-01", "0000-01-01", "2022-07-32", "2022-07-01 24:00:00",
        "2022-07-01 12:60:00", "2022-07-01 12:00:60", "2022-06-30 23:59:60",
        "2022-07-01 12:34:56+24:00", "2022-07-01 12:34:56+02:60", "2022-07-01 12:34:56-99"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, RefusesWhatIsNotOfItsFormat) {
  for (const char* text : {"",
                           " ",
                           "now",
                           "null",
                           "1656678896",
                           "2022",
                           "2022-07",
                           "2022-7-1",
                           "22-07-01",
                           "2022/07/01",
                           "20220701",
                           "01-07-2022",
                           "+2022-07-01",
                           "-2022-07-01",
                           "12022-07-01",
                           "2022-07-01T",
                           "2022-07-01Z",
                           "2022-07-01+02:00",
                           "2022-07-01 12",
                           "2022-07-01 12:34",
                           "2022-07-01 12:34Z",
                           "2022-07-01  12:34:56",
                           "2022-07-01_12:34:56",
                           "2022-07-01 1:34:56",
                           "2022-07-01 12:34:5",
                           "2022-07-01 12:34:56.",
                           "2022-07-01 12:34:56.Z",
                           "2022-07-01 12:34:56.1234567890",
                           "2022-07-01 12:34:56.1x",
                           "2022-07-01 12:34:56:789",
                           "2022-07-01 12:34:56 PM",
                           "2022-07-01 12:34:56 UTC",
                           "2022-07-01 12:34:56ZZ",
                           "2022-07-01 12:34:56Z+02:00",
                           "2022-07-01 12:34:56+",
                           "2022-07-01 12:34:56+2",
                           "2022-07-01 12:34:56+2:00",
                           "2022-07-01 12:34:56+02:",
                           "2022-07-01 12:34:56+020",
                           "2022-07-01 12:34:56+02:0",
                           "2022-07-01 12:34:56+02:00:00",
                           "2022-07-01 12:34:56+02000",
                           "2022-07-01 -1:34:56",
                           "२०२२-०७-०१"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
  EXPECT_FALSE(parse_timestamp(std::string("2022-07-01\0", 11)));
  EXPECT_FALSE(parse_timestamp(std::string("2022-07-01 12:34:56\0", 20)));
}

TEST(Timestamp, OneOtherByteIsADigitOrRefused) {
  const std::string time = "2022-07-01 12:34:56.789";
  for (size_t place = 0; place < time.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = time;
      changed[place] = static_cast<char>(byte);
      const bool both_digits = std::isdigit(byte) != 0 && std::isdigit(time[place]) != 0;
      const bool is_known = (place == 10 && (byte == 'T' || byte == 't')) ||
                            (place == 19 && (byte == ',' || byte == '.')) ||
                            (place == time.size() - 1 &&
                             (byte == 'Z' || byte == 'z' || is_blank(static_cast<char>(byte))));
      EXPECT_TRUE(both_digits || is_known || changed == time || !parse_timestamp(changed))
          << changed;
    }
  }
}

TEST(Timestamp, NoPrefixOfATimestampIsReadBeyondItsEnd) {
  const std::string full = "2022-07-01 12:34:56.789+02:00";
  for (size_t size = 0; size < full.size(); ++size) {
    const std::vector<char> exact(full.begin(), full.begin() + static_cast<ptrdiff_t>(size));
    const auto parsed = parse_timestamp({exact.data(), exact.size()});
    const bool complete =
        size == 10 || size == 11 || size == 19 || (size >= 21 && size <= 23) || size == 26;
    EXPECT_EQ(parsed.has_value(), complete) << full.substr(0, size);
  }
}

TEST(Timestamp, WritesMillisecondsAndMicrosecondsFloored) {
  EXPECT_EQ(format_timestamp_ms(kNoon + 789'999), "2022-07-01 12:34:56.789");
  EXPECT_EQ(format_timestamp_us(kNoon + 789'123), "2022-07-01 12:34:56.789123");
  EXPECT_EQ(format_timestamp_ms(-1), "1969-12-31 23:59:59.999");
  EXPECT_EQ(format_timestamp_us(-1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(format_timestamp_us(0), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(format_timestamp_us(-62135596800000000), "0001-01-01 00:00:00.000000");
  EXPECT_EQ(format_timestamp_us(253402300799999999), "9999-12-31 23:59:59.999999");
}

// Impossible times occur in rejected rows, which are shown to people.
TEST(Timestamp, WritesAnyNumberWithoutOverflow) {
  EXPECT_EQ(format_timestamp_us(std::numeric_limits<int64_t>::min()),
            "-290308-12-21 19:59:05.224192");
  EXPECT_EQ(format_timestamp_us(std::numeric_limits<int64_t>::max()),
            "294247-01-10 04:00:54.775807");
  EXPECT_EQ(format_timestamp_ms(std::numeric_limits<int64_t>::min()), "-290308-12-21 19:59:05.224");
  EXPECT_EQ(format_timestamp_us(253402300800000000), "10000-01-01 00:00:00.000000");
  EXPECT_EQ(format_date(-719163), "0000-12-31");
  EXPECT_EQ(format_date(-719162 - 366 - 1), "-0001-12-31");
}

TEST(Timestamp, ReadsWhatItWrites) {
  for (const int64_t us : {int64_t{0}, int64_t{-1}, kNoon + 1, int64_t{-62135596800000000},
                           int64_t{253402300799999999}, int64_t{-2203891200000001}}) {
    EXPECT_EQ(us_of(format_timestamp_us(us)), us);
  }
}

// Python: date(y, m, d).toordinal() - 719163
TEST(Timestamp, CountsDaysOfTheProlepticGregorianCalendar) {
  struct Known {
    int year;
    unsigned month;
    unsigned day;
    int32_t days;
    const char* text;
  };
  for (const Known& known : std::vector<Known>{{1, 1, 1, -719162, "0001-01-01"},
                                               {1582, 10, 15, -141427, "1582-10-15"},
                                               {1900, 2, 28, -25509, "1900-02-28"},
                                               {1900, 3, 1, -25508, "1900-03-01"},
                                               {1969, 12, 31, -1, "1969-12-31"},
                                               {1970, 1, 1, 0, "1970-01-01"},
                                               {2000, 2, 29, 11016, "2000-02-29"},
                                               {2000, 3, 1, 11017, "2000-03-01"},
                                               {2022, 7, 1, 19174, "2022-07-01"},
                                               {2100, 2, 28, 47540, "2100-02-28"},
                                               {2100, 3, 1, 47541, "2100-03-01"},
                                               {9999, 12, 31, 2932896, "9999-12-31"}}) {
    EXPECT_EQ(days_from_civil(known.year, known.month, known.day), known.days) << known.text;
    EXPECT_EQ(format_date(known.days), known.text);
  }
}

TEST(Timestamp, EveryDayOfFourHundredYearsIsReadBack) {
  for (int32_t days = days_from_civil(1800, 1, 1); days < days_from_civil(2200, 1, 1); ++days) {
    const auto parsed = parse_timestamp(format_date(days));
    ASSERT_TRUE(parsed) << format_date(days);
    ASSERT_EQ(parsed->us, days * int64_t{86'400'000'000}) << format_date(days);
  }
}

// Times of a raw log may lie far outside the years that people know.
TEST(Timestamp, DatesOfAllDaysThatMicrosecondsReachAreWritten) {
  EXPECT_EQ(format_date(INT32_MAX), "5881580-07-11");
  EXPECT_EQ(format_date(INT32_MIN), "-5877641-06-23");
  EXPECT_EQ(format_timestamp_us(INT64_MAX), "294247-01-10 04:00:54.775807");
  EXPECT_EQ(format_timestamp_us(INT64_MIN), "-290308-12-21 19:59:05.224192");
  EXPECT_EQ(format_date(days_from_civil(-1, 3, 1)), "-0001-03-01");
  EXPECT_EQ(format_date(days_from_civil(0, 2, 29)), "0000-02-29");
  EXPECT_EQ(format_date(days_from_civil(-32767, 1, 1)), "-32767-01-01");
  EXPECT_EQ(format_date(days_from_civil(32767, 12, 31)), "32767-12-31");
}

}  // namespace
}  // namespace hirestream
