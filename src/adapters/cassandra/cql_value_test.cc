#include "adapters/cassandra/cql_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace hirestream {
namespace {

std::span<const uint8_t> bytes(const std::string& cell) {
  return {reinterpret_cast<const uint8_t*>(cell.data()), cell.size()};
}

std::string encoded(CqlType type, std::string_view text) {
  TimeZone zone;
  std::string out;
  const auto problem = append_from_text(type, text, zone, out);
  EXPECT_FALSE(problem) << *problem;
  return out;
}

std::string problem_of(CqlType type, std::string_view text) {
  TimeZone zone;
  std::string out = "kept";
  const auto problem = append_from_text(type, text, zone, out);
  EXPECT_EQ(out, "kept") << "a refused value leaves nothing behind";
  return problem.value_or("");
}

TEST(CqlValue, KnowsTypeNames) {
  EXPECT_EQ(cql_type_from_name("varchar"), CqlType::kText);
  EXPECT_EQ(cql_type_from_name("timeuuid"), CqlType::kTimeuuid);
  EXPECT_EQ(cql_type_from_name("map<text, int>"), CqlType::kOther);
  EXPECT_EQ(cql_type_name(CqlType::kText), "text");
}

TEST(CqlValue, WritesIntegersBigEndian) {
  EXPECT_EQ(encoded(CqlType::kInt, "258"), std::string("\0\0\1\2", 4));
  EXPECT_EQ(encoded(CqlType::kSmallint, "-2"), "\xFF\xFE");
  EXPECT_EQ(encoded(CqlType::kTinyint, "-128"), "\x80");
  EXPECT_EQ(encoded(CqlType::kBigint, "1"), std::string("\0\0\0\0\0\0\0\1", 8));
}

TEST(CqlValue, RefusesIntegersThatDoNotFit) {
  EXPECT_EQ(problem_of(CqlType::kTinyint, "128"), "does not fit tinyint");
  EXPECT_EQ(problem_of(CqlType::kSmallint, "-32769"), "does not fit smallint");
  EXPECT_EQ(problem_of(CqlType::kInt, "2147483648"), "does not fit int");
  EXPECT_EQ(problem_of(CqlType::kBigint, "x"), "is no integer");
}

TEST(CqlValue, WritesAndReadsDates) {
  EXPECT_EQ(encoded(CqlType::kDate, "1970-01-02"), std::string("\x80\0\0\1", 4));
  EXPECT_EQ(read_date(bytes(encoded(CqlType::kDate, "1969-12-31 23:59:59"))), -1);
  EXPECT_EQ(problem_of(CqlType::kDate, "today"), "is no date (YYYY-MM-DD)");
  std::string last;
  append_date_cell(INT64_MAX / 2, last);
  EXPECT_EQ(last, "\xFF\xFF\xFF\xFF");
}

TEST(CqlValue, SaysEachValueSoThatItCanBeWrittenAgain) {
  for (const auto& [type, text] : std::vector<std::pair<CqlType, std::string>>{
           {CqlType::kText, " as it is "},
           {CqlType::kTimeuuid, "f3a1c2d0-0000-11ed-8123-0123456789ab"},
           {CqlType::kTimestamp, "2022-07-16 19:33:20.123+0000"},
           {CqlType::kDate, "2022-07-16"},
           {CqlType::kBoolean, "true"},
           {CqlType::kVarint, "-129"},
           {CqlType::kDouble, "1.4"},
           {CqlType::kDouble, "NaN"},
           {CqlType::kFloat, "1.4"},
           {CqlType::kDecimal, "14E-1"},
           {CqlType::kTinyint, "7"}}) {
    const std::string cell = encoded(type, text);
    EXPECT_EQ(cell_text(type, bytes(cell)), text) << cql_type_name(type);
  }
  EXPECT_FALSE(
      cell_text(CqlType::kTimestamp, bytes(encoded(CqlType::kBigint, "9223372036854775807"))));
  EXPECT_FALSE(cell_text(CqlType::kInt, bytes("123")));
}

TEST(CqlValue, WritesVarintsInTheFewestBytes) {
  EXPECT_EQ(encoded(CqlType::kVarint, "0"), std::string(1, '\0'));
  EXPECT_EQ(encoded(CqlType::kVarint, "127"), "\x7F");
  EXPECT_EQ(encoded(CqlType::kVarint, "128"), std::string("\0\x80", 2));
  EXPECT_EQ(encoded(CqlType::kVarint, "-128"), "\x80");
  EXPECT_EQ(encoded(CqlType::kVarint, "-129"), "\xFF\x7F");
  EXPECT_EQ(encoded(CqlType::kVarint, "9223372036854775807"), "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
}

TEST(CqlValue, ReadsWhatItWrote) {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{127}, int64_t{-128},
                              int64_t{255}, INT64_MAX, INT64_MIN}) {
    for (const CqlType type : {CqlType::kTinyint, CqlType::kSmallint, CqlType::kInt,
                               CqlType::kBigint, CqlType::kVarint}) {
      std::string cell;
      if (append_integer(type, value, cell)) {
        EXPECT_EQ(read_integer(type, bytes(cell)).value, value) << cql_type_name(type);
      } else {
        EXPECT_TRUE(cell.empty());
      }
    }
  }
}

TEST(CqlValue, ReadsVarintsWithRepeatedSignBytes) {
  EXPECT_EQ(read_integer(CqlType::kVarint, bytes(std::string("\0\0\0\0\0\0\0\0\0\5", 10))).value,
            5);
  const std::string minus_one(12, '\xFF');
  EXPECT_EQ(read_integer(CqlType::kVarint, bytes(minus_one)).value, -1);
  const IntegerCell beyond = read_integer(CqlType::kVarint, bytes("\x01" + std::string(8, '\0')));
  EXPECT_TRUE(beyond.well_formed);
  EXPECT_FALSE(beyond.value);
}

TEST(CqlValue, RefusesCellsOfTheWrongSize) {
  for (size_t size = 0; size <= 17; ++size) {
    const std::string cell(size, '\1');
    EXPECT_EQ(read_int32(bytes(cell)).has_value(), size == 4);
    EXPECT_EQ(read_int64(bytes(cell)).has_value(), size == 8);
    EXPECT_EQ(read_float(bytes(cell)).has_value(), size == 4);
    EXPECT_EQ(read_double(bytes(cell)).has_value(), size == 8);
    EXPECT_EQ(read_uuid(bytes(cell)).has_value(), size == 16);
    EXPECT_EQ(read_integer(CqlType::kSmallint, bytes(cell)).well_formed, size == 2);
    EXPECT_EQ(read_integer(CqlType::kVarint, bytes(cell)).well_formed, size > 0);
  }
}

TEST(CqlValue, WritesDecimalsAsScaleAndUnscaled) {
  EXPECT_EQ(encoded(CqlType::kDecimal, "1.50"), std::string("\0\0\0\2\0\x96", 6));
  EXPECT_EQ(encoded(CqlType::kDecimal, "-3"), std::string("\0\0\0\0\xFD", 5));
  EXPECT_EQ(encoded(CqlType::kDecimal, "2e3"), std::string("\xFF\xFF\xFF\xFD\2", 5));
  EXPECT_EQ(problem_of(CqlType::kDecimal, "1.2.3"), "is no decimal of at most 18 digits");
  EXPECT_EQ(problem_of(CqlType::kDecimal, ""), "is no decimal of at most 18 digits");
  EXPECT_EQ(problem_of(CqlType::kDecimal, "1e"), "is no decimal of at most 18 digits");
  EXPECT_EQ(problem_of(CqlType::kDecimal, "1234567890123456789"),
            "is no decimal of at most 18 digits");
}

TEST(CqlValue, WritesFloats) {
  EXPECT_EQ(read_float(bytes(encoded(CqlType::kFloat, "1.4"))), 1.4F);
  EXPECT_EQ(read_double(bytes(encoded(CqlType::kDouble, " -2.5 "))), -2.5);
  EXPECT_EQ(problem_of(CqlType::kDouble, "1.4x"), "is no number");
}

TEST(CqlValue, WritesTimestampsInTheirZone) {
  EXPECT_EQ(read_int64(bytes(encoded(CqlType::kTimestamp, "1970-01-01 00:00:01.5"))), 1500);
  EXPECT_EQ(read_int64(bytes(encoded(CqlType::kTimestamp, "1970-01-01T02:00:00+02:00"))), 0);
  EXPECT_EQ(read_int64(bytes(encoded(CqlType::kTimestamp, "1969-12-31 23:59:59.9999"))), -1);
  auto zone = TimeZone::find("Europe/Berlin");
  ASSERT_TRUE(zone);
  std::string out;
  ASSERT_FALSE(append_from_text(CqlType::kTimestamp, "1970-01-01 01:00:00", *zone, out));
  EXPECT_EQ(read_int64(bytes(out)), 0);
  EXPECT_NE(problem_of(CqlType::kTimestamp, "yesterday"), "");
}

TEST(CqlValue, WritesUuidsAndRefusesOtherVersionsAsTimeuuid) {
  const std::string version_1 = "f3a1c2d0-0000-11ed-8000-000000000001";
  EXPECT_EQ(format_uuid(*read_uuid(bytes(encoded(CqlType::kTimeuuid, version_1)))), version_1);
  const std::string version_4 = "f3a1c2d0-0000-41ed-8000-000000000001";
  EXPECT_EQ(encoded(CqlType::kUuid, version_4).size(), 16U);
  EXPECT_EQ(problem_of(CqlType::kTimeuuid, version_4), "is no version-1 UUID");
  EXPECT_EQ(problem_of(CqlType::kUuid, "no uuid"), "is no UUID");
}

TEST(CqlValue, RefusesTextThatIsNotAscii) {
  EXPECT_EQ(encoded(CqlType::kAscii, "plain"), "plain");
  EXPECT_EQ(problem_of(CqlType::kAscii, "na\xC3\xAFve"), "is not ASCII");
}

TEST(CqlValue, WritesBooleans) {
  EXPECT_EQ(encoded(CqlType::kBoolean, "true"), std::string(1, '\1'));
  EXPECT_EQ(encoded(CqlType::kBoolean, "0"), std::string(1, '\0'));
  EXPECT_EQ(problem_of(CqlType::kBoolean, "maybe"), "is neither true nor false");
}

}  // namespace
}  // namespace hirestream
