#include "aggregation/payload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace hirestream {
namespace {

std::optional<int64_t> job_of(std::string_view json) {
  PayloadParser parser;
  return parser.parse(json).job_id;
}

std::optional<int64_t> publisher_of(std::string_view json) {
  PayloadParser parser;
  return parser.parse(json).publisher_id;
}

TEST(Payload, ReadsWhatTheTrackingScriptWrites) {
  PayloadParser parser;
  const PayloadIds ids =
      parser.parse(R"({"customEvent":"click","jobId":"188","publisherId":"1","userId":78})");
  EXPECT_EQ(ids.job_id, 188);
  EXPECT_EQ(ids.publisher_id, 1);
}

TEST(Payload, ComparesKeysWithoutCase) {
  for (const char* key : {"jobId", "jobid", "JOBID", "JobID", "jOBiD"}) {
    EXPECT_EQ(job_of(std::string("{\"") + key + "\":7}"), 7) << key;
  }
  for (const char* key : {"publisherId", "publisherid", "PUBLISHERID", "PublisherID"}) {
    EXPECT_EQ(publisher_of(std::string("{\"") + key + "\":7}"), 7) << key;
  }
}

TEST(Payload, IgnoresKeysThatAreOnlySimilar) {
  for (const char* key : {"job_id", "job", "jobIds", "ajobId", "jobId ", "job\\u0131d", ""}) {
    EXPECT_FALSE(job_of(std::string("{\"") + key + "\":7}")) << key;
  }
}

TEST(Payload, ReadsEscapedKeysAsTheyAreMeant) {
  EXPECT_EQ(job_of(R"({"job\u0049d":7})"), 7);
}

TEST(Payload, TakesIntegersAndStringsOfDigits) {
  EXPECT_EQ(job_of(R"({"jobId":188})"), 188);
  EXPECT_EQ(job_of(R"({"jobId":"188"})"), 188);
  EXPECT_EQ(job_of(R"({"jobId":"00188"})"), 188);
  EXPECT_EQ(job_of(R"({"jobId":-5})"), -5);
  EXPECT_EQ(job_of(R"({"jobId":9223372036854775807})"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(job_of(R"({"jobId":"9223372036854775807"})"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(job_of(R"({"jobId":-9223372036854775808})"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(job_of(" \n{ \"jobId\" : 188 } \t"), 188);
}

TEST(Payload, LeavesEverythingElseAway) {
  for (const char* value : {"0",
                            "-0",
                            "\"0\"",
                            "\"000\"",
                            "null",
                            "true",
                            "1.5",
                            "188.0",
                            "1e2",
                            "\"\"",
                            "\"4,1,2\"",
                            "\"-5\"",
                            "\"+5\"",
                            "\" 188\"",
                            "\"188 \"",
                            "\"188.0\"",
                            "\"1e2\"",
                            "\"abc\"",
                            "\"0x1f\"",
                            "[188]",
                            "[]",
                            "{}",
                            "{\"jobId\":188}",
                            "9223372036854775808",
                            "18446744073709551615",
                            "18446744073709551616",
                            "\"9223372036854775808\"",
                            "\"99999999999999999999999\"",
                            "\"१८८\"",
                            "\"18\\u0000\""}) {
    EXPECT_FALSE(job_of(std::string("{\"jobId\":") + value + "}")) << value;
    EXPECT_FALSE(publisher_of(std::string("{\"publisherId\":") + value + "}")) << value;
  }
}

TEST(Payload, OneUnusableIdDoesNotHideTheOther) {
  PayloadParser parser;
  const PayloadIds ids = parser.parse(R"({"publisherId":"4,1,2","jobId":188})");
  EXPECT_EQ(ids.job_id, 188);
  EXPECT_FALSE(ids.publisher_id);
}

TEST(Payload, NumbersOfAnySizeElsewhereDoNotHideTheIds) {
  for (const char* number :
       {"123456789012345678901234567890", "-123456789012345678901234567890", "18446744073709551616",
        "1e400", "-1.5E+400", "1e-99999", "0.1e999", "[1e400,[2e400]]", "{\"x\":1e400}"}) {
    const std::string before = fmt::format(R"({{"a":{},"jobId":"188","publisherId":7}})", number);
    EXPECT_EQ(job_of(before), 188) << number;
    EXPECT_EQ(publisher_of(before), 7) << number;
    EXPECT_EQ(job_of(fmt::format(R"({{"jobId":188,"b\"":"1e400","c":{}}})", number)), 188)
        << number;
    EXPECT_FALSE(job_of(fmt::format(R"({{"jobId":{},"jobid":1,"d":1e400}})", number))) << number;
  }
  EXPECT_EQ(job_of(R"({"jobId":9223372036854775807,"a":1e400})"), 9223372036854775807);
  EXPECT_EQ(job_of(R"({"jobId":"12","a":"\\","b":1e400})"), 12);
  const std::string long_number(100'000, '7');
  EXPECT_EQ(job_of(fmt::format(R"({{"a":{},"jobId":188}})", long_number)), 188);
  EXPECT_EQ(job_of(fmt::format(R"({{"a":{0}.{0}e{0},"jobId":188}})", long_number)), 188);
}

TEST(Payload, WhatIsNoNumberStaysMalformedBesideAHugeOne) {
  for (const char* wrong : {"01e400", "1e", "1e+", "1.e400", ".1e400", "+1e400", "1e400x", "--1",
                            "1e400.5", "0123456789012345678901234567890", "-"}) {
    EXPECT_FALSE(job_of(fmt::format(R"({{"jobId":188,"a":1e400,"b":{}}})", wrong))) << wrong;
    EXPECT_FALSE(job_of(fmt::format(R"({{"jobId":188,"b":{}}})", wrong))) << wrong;
  }
}

TEST(Payload, FirstMatchingKeyCountsEvenIfItsValueIsUnusable) {
  EXPECT_EQ(job_of(R"({"jobId":1,"jobid":2})"), 1);
  EXPECT_EQ(job_of(R"({"jobid":2,"jobId":1})"), 2);
  EXPECT_FALSE(job_of(R"({"jobId":null,"jobid":2})"));
}

TEST(Payload, LooksOnlyAtTheTop) {
  EXPECT_FALSE(job_of(R"({"data":{"jobId":188}})"));
  EXPECT_FALSE(job_of(R"([{"jobId":188}])"));
  EXPECT_EQ(job_of(R"({"data":{"jobId":1},"list":[{"jobId":2}],"jobId":188})"), 188);
}

TEST(Payload, JsonThatIsNoObjectGivesNothing) {
  for (const char* json : {"188", "\"jobId\"", "null", "true", "[]", "[1,2]", "{}"}) {
    EXPECT_FALSE(job_of(json)) << json;
  }
}

TEST(Payload, MalformedJsonGivesNothing) {
  for (const char* json : {"",
                           " ",
                           "{",
                           "}",
                           R"({"jobId":188)",
                           R"({"jobId":188}})",
                           R"({"jobId":188,})",
                           R"({jobId:188})",
                           R"({'jobId':188})",
                           R"({"jobId" 188})",
                           R"({"jobId":188 "a":1})",
                           R"({"jobId":0188})",
                           R"({"jobId":+1})",
                           R"({"jobId":.5})",
                           R"({"jobId":"188})",
                           R"({"jobId":188} trailing)",
                           R"({"jobId":188}{"jobId":1})",
                           R"({"jobId":nul})",
                           "{\"jobId\":188,\"a\":\"\xFF\"}",
                           "{\"jobId\":188,\"a\":\"\n\"}",
                           "jobId=188"}) {
    EXPECT_FALSE(job_of(json)) << json;
  }
  EXPECT_FALSE(job_of(std::string_view("{\"jobId\":188}\0", 14)));
  EXPECT_FALSE(job_of(std::string_view("\0", 1)));
}

TEST(Payload, EveryTruncationGivesNothing) {
  const std::string json = R"({"customEvent":"click","jobId":"188","list":[1,{"a":null}]})";
  for (size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(job_of(std::string_view(json).substr(0, size))) << size;
  }
  EXPECT_EQ(job_of(json), 188);
}

TEST(Payload, SurvivesDeepNestingAndLongTexts) {
  const std::string deep =
      "{\"jobId\":188,\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_FALSE(job_of(deep));
  EXPECT_EQ(job_of("{\"a\":\"" + std::string(1 << 20, 'x') + "\",\"jobId\":188}"), 188);
}

TEST(Payload, ParserCanBeUsedAgainAfterAnErrorAndMoved) {
  PayloadParser parser;
  EXPECT_EQ(parser.parse(R"({"jobId":1})").job_id, 1);
  EXPECT_FALSE(parser.parse("{broken").job_id);
  EXPECT_FALSE(parser.parse("{}").job_id);
  EXPECT_EQ(parser.parse(R"({"jobId":2})").job_id, 2);
  PayloadParser moved = std::move(parser);
  EXPECT_EQ(moved.parse(R"({"jobId":3})").job_id, 3);
}

TEST(Payload, ReadsOnlyTheBytesItWasGiven) {
  const std::string json = R"({"jobId":188}{"jobId":1})";
  EXPECT_EQ(job_of(std::string_view(json).substr(0, 13)), 188);
}

TEST(Payload, RefusesAMegabyteOfZerosWithoutReadingThemAgainAndAgain) {
  PayloadParser parser;
  EXPECT_EQ(parser.parse("{\"jobId\":1,\"x\":" + std::string(1 << 20, '0') + "}").job_id,
            std::nullopt);
}

}  // namespace
}  // namespace hirestream
