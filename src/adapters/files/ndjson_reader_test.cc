#include "adapters/files/ndjson_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>

#include "adapters/files/record_rows_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

constexpr std::array<WantedColumn, 3> kWanted = {{{"a", true}, {"bid", false}, {"ed", false}}};

std::vector<Row> parse(const std::string& text, size_t chunk = SIZE_MAX) {
  NdjsonReader reader(std::make_unique<MemoryStream>(text, chunk), kWanted);
  return read_all(reader);
}

std::vector<std::string> values(const std::string& text) {
  const std::vector<Row> rows = parse(text);
  EXPECT_EQ(rows.size(), 1U);
  if (rows.empty()) return {};
  EXPECT_EQ(rows[0].malformed, "") << text;
  return rows[0].values;
}

TEST(NdjsonReader, GivesTextOfStringsAndJsonOfTheRest) {
  EXPECT_THAT(values(R"({"a":"x","bid":1.40,"ed":{"jobId": "188", "l":[1,2]}})"),
              ElementsAre("x", "1.40", R"({"jobId": "188", "l":[1,2]})"));
  EXPECT_THAT(values(R"({ "a" : true , "bid" : 0.10000000000000000001 , "ed" : [1, {"x":2}] })"),
              ElementsAre("true", "0.10000000000000000001", R"([1, {"x":2}])"));
}

TEST(NdjsonReader, TakesNullEmptyAndAbsentAsNull) {
  EXPECT_THAT(values(R"({"a":null,"bid":""})"), ElementsAre("<null>", "<null>", "<null>"));
  EXPECT_THAT(values("{}"), ElementsAre("<null>", "<null>", "<null>"));
}

TEST(NdjsonReader, ResolvesEscapesInTextAndKeys) {
  EXPECT_THAT(values(R"({"\u0061":"\u00e4\n\"\\ \ud83d\ude00 \u0000","ed":"{\"jobId\":7}"})"),
              ElementsAre("\xC3\xA4\n\"\\ \xF0\x9F\x98\x80 \0"s, "<null>", R"({"jobId":7})"));
}

TEST(NdjsonReader, PrefersExactKeysAndTheLastOfEqualOnes) {
  EXPECT_THAT(values(R"({"BID":1,"A":2})"), ElementsAre("2", "1", "<null>"));
  EXPECT_THAT(values(R"({"BID":1,"bid":2,"Bid":3})"), ElementsAre("<null>", "2", "<null>"));
  EXPECT_THAT(values(R"({"bid":1,"bid":2})"), ElementsAre("<null>", "2", "<null>"));
  EXPECT_THAT(values(R"({"bid":1,"bid":null})"), ElementsAre("<null>", "<null>", "<null>"));
}

TEST(NdjsonReader, FollowsKeysThatChangeTheirPlaceFromLineToLine) {
  const auto rows = parse(
      "{\"a\":1,\"x\":{\"a\":9},\"bid\":2}\n{\"bid\":3,\"a\":4}\n{\"ab\":5,\"a\":6}\n"
      "{\"aB\":5,\"a\":\"a\"}\n");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_THAT(rows[0].values, ElementsAre("1", "2", "<null>"));
  EXPECT_THAT(rows[1].values, ElementsAre("4", "3", "<null>"));
  EXPECT_THAT(rows[2].values, ElementsAre("6", "<null>", "<null>"));
  EXPECT_THAT(rows[3].values, ElementsAre("a", "<null>", "<null>"));
}

TEST(NdjsonReader, SkipsByteOrderMarkAndBlankLinesButCountsLines) {
  const auto rows = parse("\xEF\xBB\xBF{\"a\":1}\r\n\r\n  \n{\"a\":2}");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (Row{1, "{\"a\":1}", "", {"1", "<null>", "<null>"}}));
  EXPECT_EQ(rows[1], (Row{4, "{\"a\":2}", "", {"2", "<null>", "<null>"}}));
  EXPECT_TRUE(parse("").empty());
  EXPECT_TRUE(parse("\xEF\xBB\xBF").empty());
}

TEST(NdjsonReader, DeliversWhatIsNoObjectAsMalformedAndGoesOn) {
  const std::vector<std::string> bad = {
      "{",
      "{\"a\":1",
      "{\"a\":\"x",
      "{\"a\":1}}",
      "{\"a\":1}{\"a\":2}",
      "{\"a\":1},",
      "[1]",
      "5",
      "\"x\"",
      "null",
      "a",
      "{\"a\":}",
      "{\"a\" 1}",
      "{\"a\":1 \"bid\":2}",
      "{a:1}",
      "{\"a\":\"\xFF\"}",
      "{\"a\":\"\\q\"}",
      "{\"a\":\"x\ty\"}",
      "{\"ed\":{\"x\":1}",
      "{\"a\":nul}",
      "{\"a\":nullx}",
      "{\"a\":tru}",
      "{\"a\":01}",
      "{\"a\":1.}",
      "{\"a\":-}",
      "{\"a\":1e}",
      "{\"ed\":" + std::string(1'000'000, '['),
      "{\"ed\":" + std::string(5'000, '[') + std::string(5'000, ']') + "}",
      R"({"a":1,"d":"x":"y"}})",
      R"({"ed":{"x":1]})",
      R"({"x":{"y":tru},"a":1})",
      "{\"a\":1x}",
      "{\"a\":1}\0"s,
      "\0"s};
  for (const std::string& line : bad) {
    const auto rows = parse("{\"a\":0}\n" + line + "\n{\"a\":2}\n");
    ASSERT_EQ(rows.size(), 3U) << line;
    EXPECT_NE(rows[1].malformed, "") << line;
    EXPECT_EQ(rows[1].line, 2);
    EXPECT_EQ(rows[1].bytes, line);
    EXPECT_THAT(rows[1].values, ElementsAre("<null>", "<null>", "<null>"));
    EXPECT_EQ(rows[0].malformed + rows[2].malformed, "");
    EXPECT_THAT(rows[2].values, ElementsAre("2", "<null>", "<null>"));
  }
}

// As where files were joined.
TEST(NdjsonReader, SkipsAByteOrderMarkAtALinesBeginningOnly) {
  const std::string mark = "\xEF\xBB\xBF";
  for (const size_t chunk : {SIZE_MAX, size_t{1}, size_t{2}}) {
    EXPECT_THAT(
        parse("\n" + mark + "{\"a\":1}\n" + mark + "{\"a\":2}\r\n" + mark + "\n" + mark, chunk),
        ElementsAre(Row{2, "{\"a\":1}", "", {"1", "<null>", "<null>"}},
                    Row{3, "{\"a\":2}", "", {"2", "<null>", "<null>"}}))
        << chunk;
    EXPECT_THAT(parse(mark + "[{\"a\":1}]\n" + mark + "[{\"a\":2},\n{\"a\":3}]" + mark, chunk),
                ElementsAre(Row{1, "{\"a\":1}", "", {"1", "<null>", "<null>"}},
                            Row{2, "{\"a\":2}", "", {"2", "<null>", "<null>"}},
                            Row{3, "{\"a\":3}", "", {"3", "<null>", "<null>"}}))
        << chunk;
    EXPECT_NE(parse("{\"a\":1}\n{" + mark + "\"a\":1}", chunk)[1].malformed, "") << chunk;
  }
}

// A writer that cuts texts after so many units of UTF-16 leaves halves of pairs.
TEST(NdjsonReader, TakesHalfOfASurrogatePairForACharacterThatIsUnknown) {
  NdjsonReader reader(std::make_unique<MemoryStream>(
                          "{\"a\":1,\"ed\":\"x\\ud83d\"}\n{\"ed\":\"\\uDE00 \\ud83d\\ude00\"}\n"
                          "{\"x\":\"\\ud83d\",\"a\":3}\n",
                          SIZE_MAX),
                      kWanted);
  const auto rows = read_all(reader);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].malformed + rows[1].malformed + rows[2].malformed, "");
  EXPECT_THAT(rows[0].values, ElementsAre("1", "<null>", "x\xEF\xBF\xBD"));
  EXPECT_THAT(rows[1].values, ElementsAre("<null>", "<null>", "\xEF\xBF\xBD \xF0\x9F\x98\x80"));
  EXPECT_THAT(rows[2].values, ElementsAre("3", "<null>", "<null>"));
  EXPECT_THAT(reader.notes(),
              ElementsAre("2 escapes that are half of a surrogate pair read as U+FFFD"));
}

TEST(NdjsonReader, CutsOverlongLinesAndGoesOnBehindThem) {
  const auto rows =
      parse("{\"a\":\"" + std::string(kRecordBytesMax + (1 << 20), 'x') + "\"}\n{\"a\":2}\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_THAT(rows[0].malformed, HasSubstr("longer than"));
  EXPECT_EQ(rows[1], (Row{2, "{\"a\":2}", "", {"2", "<null>", "<null>"}}));
}

TEST(NdjsonReader, ReadsValuesOfManyMegabytes) {
  const std::string huge(5 << 20, 'x');
  const auto rows = parse("{\"a\":\"" + huge + "\"}\n{\"a\":2}", 100'000);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].values[0], huge);
  EXPECT_EQ(rows[1].values[0], "2");
}

TEST(NdjsonReader, ReadsBackWhateverValuesAreWrittenByAnotherLibrary) {
  std::mt19937 random(1);
  const std::vector<std::string> pieces = {"\"",
                                           "\\",
                                           "\n",
                                           "x",
                                           "\xC3\xA4",
                                           std::string(1, '\0'),
                                           "\x1f",
                                           "\xF0\x9F\x98\x80",
                                           std::string(300, 'y')};
  for (int round = 0; round < 200; ++round) {
    std::string text;
    std::vector<std::vector<std::string>> expected;
    for (int row = 0; row < 20; ++row) {
      nlohmann::json object;
      std::vector<std::string>& fields = expected.emplace_back();
      for (const WantedColumn& column : kWanted) {
        std::string value;
        for (auto count = random() % 5; count > 0; --count)
          value += pieces[random() % pieces.size()];
        if (!value.empty() || random() % 2 == 0) object[std::string(column.name)] = value;
        fields.push_back(value.empty() ? "<null>" : value);
      }
      if (object.is_null()) object = nlohmann::json::object();
      text += object.dump(-1, ' ', random() % 2 == 0) + (random() % 2 == 0 ? "\n" : "\r\n");
    }
    const std::vector<Row> rows = parse(text, 1 + random() % 50);
    ASSERT_EQ(rows.size(), expected.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      EXPECT_EQ(rows[row].malformed, "");
      EXPECT_EQ(rows[row].values, expected[row]);
    }
  }
}

// Damaged lines: malformed is what another library refuses (escapes that nobody resolves left
// aside), and no line is lost.
TEST(NdjsonReader, DeliversEveryDamagedLineOnce) {
  std::mt19937 random(2);
  const std::string good = R"({"a":"x\n","bid":1.5,"ed":{"jobId":"188"}})";
  const std::string alphabet = "{}[]\":,\\ux1n\0\xC3"s;
  for (int round = 0; round < 5000; ++round) {
    std::string line = good;
    for (auto count = 1 + random() % 3; count > 0; --count) {
      const size_t place = random() % line.size();
      if (random() % 3 == 0) {
        line.erase(place, 1);
      } else {
        line[place] = alphabet[random() % alphabet.size()];
      }
    }
    const auto rows = parse(good + "\n" + line + "\n" + good + "\n", 1 + random() % 90);
    ASSERT_EQ(rows.size(), 3U) << line;
    EXPECT_EQ(rows[1].bytes, line);
    EXPECT_EQ(rows[0].values, rows[2].values);
    EXPECT_EQ(rows[0].malformed + rows[2].malformed, "");
    const auto judged = nlohmann::json::parse(line, nullptr, false);
    if (judged.is_object() || std::count(line.begin(), line.end(), '\\') <= 1) {
      EXPECT_EQ(rows[1].malformed.empty(), judged.is_object()) << line;
    }
  }
}

TEST(NdjsonReader, TakesTimeInProportionToItsInputWhateverThePieces) {
  const std::string line = "{\"a\":\"" + std::string(70'000, 'x') + "\"}\n";
  for (const size_t chunk : {SIZE_MAX, size_t{1000}, size_t{1}}) {
    std::string text;
    for (int i = 0; i < 10; ++i) text += line;
    NdjsonReader reader(std::make_unique<MemoryStream>(text, chunk), kWanted);
    EXPECT_EQ(read_all(reader).size(), 10U);
    EXPECT_LE(reader.bytes_examined(), kExaminedPerByteMax * text.size()) << chunk;
  }
}

TEST(NdjsonReader, TakesWordsOfPythonForWhatCsvHas) {
  NdjsonReader reader(
      std::make_unique<MemoryStream>(
          "{\"a\":NaN,\"bid\": -Infinity, \"ed\":{\"x\":Infinity,\"y\":\"\\\"NaN\"}}\n"
          "{\"a\":\"NaN\",\"bid\":1}\n{\"x\":[NaN,1],\"a\":\"\xC3\xA4\"}\n{\"a\":nan}\n{\"a\":NaNN}"
          "\n",
          SIZE_MAX),
      kWanted);
  const auto rows = read_all(reader);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_THAT(rows[0].values,
              ElementsAre("<null>", "-Infinity", "{\"x\":\"Infinity\",\"y\":\"\\\"NaN\"}"));
  EXPECT_THAT(rows[0].bytes, HasSubstr("-Infinity"));
  EXPECT_THAT(rows[1].values, ElementsAre("NaN", "1", "<null>"));
  EXPECT_THAT(rows[2].values, ElementsAre("\xC3\xA4", "<null>", "<null>"));
  EXPECT_EQ(rows[3].malformed, "a word is none of true, false and null");
  EXPECT_NE(rows[4].malformed, "");
  EXPECT_THAT(reader.notes(), ElementsAre("2 values NaN read as null"));
}

TEST(NdjsonReader, KnowsEachWantedColumnHoweverManyOthersThereAre) {
  std::string line = "{";
  for (int number = 0; number < 300; ++number) line += "\"other" + std::to_string(number) + "\":1,";
  line += "\"A\":2,\"b\\u0069d\":3}\n";
  NdjsonReader reader(std::make_unique<MemoryStream>(line, SIZE_MAX), kWanted);
  EXPECT_THAT(read_all(reader)[0].values, ElementsAre("2", "3", "<null>"));
  const auto found = reader.found_columns();
  EXPECT_THAT(found, testing::Contains("a"));
  EXPECT_THAT(found, testing::Contains("bid"));
  EXPECT_THAT(found, testing::Not(testing::Contains("ed")));
}

TEST(NdjsonReader, SkipsWhatCqlshPrintsAndReadsItsDoubledBackslashes) {
  NdjsonReader reader(
      std::make_unique<MemoryStream>(
          "\n [json]\n-----------\n "
          "{\"a\":\"1\",\"ed\":\"{\\\\\"k\\\\\":\\\\\"C:\\\\\\\\\\\\\\\\dir\\\\\"}\"}\n"
          "---MORE---\n---MORE--- {\"a\":2}\n {\"a\":\"x\\\\\\\\y\"}\n {\"a\":\"x\\\"y\"}\n "
          "{\"a\":\n\n(4 rows)\n",
          SIZE_MAX),
      kWanted);
  const auto rows = read_all(reader);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_THAT(rows[0].values, ElementsAre("1", "<null>", "{\"k\":\"C:\\\\dir\"}"));
  EXPECT_EQ(rows[1].values[0], "2");
  EXPECT_EQ(rows[2].values[0], "x\\y");
  EXPECT_EQ(rows[3].values[0], "x\"y");
  EXPECT_THAT(rows[4].malformed, HasSubstr("the row is cut off"));
  EXPECT_THAT(reader.notes(),
              ElementsAre("4 lines that cqlsh prints around rows skipped",
                          "2 rows with backslashes doubled by cqlsh read with single ones"));
}

TEST(NdjsonReader, ReadsOneArrayOfObjectsOnAnyLines) {
  const std::vector<std::string> texts = {
      "[{\"a\":1,\"ed\":{\"x\":[1,\"]},{\"]}},{\"a\":\"\\\"\"}, 5,\n{\"a\":}, {\"a\":2}]",
      "\xEF\xBB\xBF\n [\n  {\n\"a\": 1,\r\n\"ed\":{\"x\":[1,\"]},{\"]}\n  },\n\n{\"a\":\"\\\"\"} "
      ",5\n,"
      "{\"a\":}\n,{\"a\":2},\n]\n\n"};
  for (const std::string& text : texts) {
    const auto rows = parse(text);
    ASSERT_EQ(rows.size(), 5U);
    EXPECT_THAT(rows[0].values, ElementsAre("1", "<null>", "{\"x\":[1,\"]},{\"]}"));
    EXPECT_EQ(rows[1].values[0], "\"");
    EXPECT_THAT(rows[2].malformed, HasSubstr("no JSON object"));
    EXPECT_NE(rows[3].malformed, "");
    EXPECT_EQ(rows[4].values[0], "2");
    for (size_t chunk = 1; chunk < text.size(); ++chunk) EXPECT_EQ(parse(text, chunk), rows);
  }
  EXPECT_EQ(parse(texts[1])[0].line, 3);
  EXPECT_EQ(parse(texts[1])[1].line, 8);
  EXPECT_EQ(parse(texts[1])[4].line, 10);
  EXPECT_TRUE(parse(" [ \n] ").empty());
}

TEST(NdjsonReader, ReadsArraysAndLinesThatFollowAnArray) {
  const auto rows = parse("[{\"a\":1}]\n[{\"a\":2},\n{\"a\":3}]\n{\"a\":4}\n[5]\n[]\n");
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[2], (Row{3, "{\"a\":3}", "", {"3", "<null>", "<null>"}}));
  EXPECT_EQ(rows[3].line, 4);
  EXPECT_EQ(rows[5].line, 6);
  EXPECT_NE(rows[5].malformed, "");
}

TEST(NdjsonReader, RefusesAnArrayThatIsNotWhole) {
  for (const auto& [text, line, message] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"[{\"a\":1},\n{\"a\":2}", "rows.json:2", "is not closed"},
           {"[{\"a\":1},\n{\"a\":\"2\n\"}]", "rows.json:2", "a string is not closed"},
           {"[{\"a\":1},\n{\"a\":[\"2\"}]", "rows.json:2", "is not closed"},
           {"[{\"a\":\"" + std::string(kRecordBytesMax, 'x') + "\"}]", "rows.json:1",
            "longer than"}}) {
    NdjsonReader reader(std::make_unique<MemoryStream>(text, SIZE_MAX), kWanted, "rows.json");
    Record record;
    auto some = reader.next(record);
    while (some && *some) some = reader.next(record);
    ASSERT_FALSE(some);
    EXPECT_EQ(some.error().kind, ErrorKind::kRejected);
    EXPECT_THAT(some.error().text(), HasSubstr(line));
    EXPECT_THAT(some.error().text(), HasSubstr(message));
  }
}

TEST(NdjsonReader, ReadsArraysOfAnySizeInBoundedMemoryAndTime) {
  std::string text = "[";
  for (int row = 0; row < 30'000; ++row) {
    text += (row > 0 ? ",\n  " : "") + ("{\n  \"a\": " + std::to_string(row) + ",\n  \"x\": \"") +
            std::string(100, ']') + "\"\n}";
  }
  text += "]\n";
  for (const size_t chunk : {SIZE_MAX, size_t{1000}}) {
    NdjsonReader reader(std::make_unique<MemoryStream>(text, chunk), kWanted, "", 1000);
    EXPECT_EQ(read_all(reader).back().values[0], "29999");
    EXPECT_LE(reader.bytes_examined(), kExaminedPerByteMax * text.size());
  }
}

TEST(NdjsonReader, SaysWhatIsWrongInWords) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"a\":\"x", "a string is not closed"},
      {"{\"a\":1", "the object is not closed"},
      {"[1]", "no JSON object"},
      {"{\"a\":1}{\"a\":2}", "more stands behind the object"},
      {"{\"a\":tru}", "none of true, false and null"},
      {"{\"a\":01}", "a number is not written as in JSON"},
      {"{\"a\":\"\\q\"}", "column a: a string has an escape that JSON does not know"},
      {"{\"a\":\"x\ty\"}", "a control character"},
      {"{\"a\":\"\xFF\"}", "invalid UTF-8"},
      {"{\"a\" 1}", "no JSON"},
  };
  for (const auto& [line, reason] : cases) {
    EXPECT_THAT(parse("{}\n" + line)[1].malformed, HasSubstr(reason)) << line;
  }
}

}  // namespace
}  // namespace hirestream
