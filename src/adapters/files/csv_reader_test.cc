#include "adapters/files/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "adapters/files/record_rows_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

constexpr std::array<WantedColumn, 3> kWanted = {{{"a", true}, {"b", false}, {"c", false}}};

Result<std::unique_ptr<CsvReader>> open(const std::string& text, size_t chunk = SIZE_MAX) {
  return CsvReader::open(std::make_unique<MemoryStream>(text, chunk), "events.csv", kWanted);
}

std::vector<Row> parse(const std::string& text, size_t chunk = SIZE_MAX) {
  auto reader = open(text, chunk);
  EXPECT_TRUE(reader) << reader.error().text();
  return reader ? read_all(**reader) : std::vector<Row>{};
}

std::vector<std::string> values(const std::string& text) {
  const std::vector<Row> rows = parse(text);
  EXPECT_EQ(rows.size(), 1U);
  if (rows.empty()) return {};
  EXPECT_EQ(rows[0].malformed, "");
  return rows[0].values;
}

TEST(CsvReader, GivesWantedColumnsWhateverTheirOrder) {
  EXPECT_THAT(values("c,x,a\n3,9,1\n"), ElementsAre("1", "<null>", "3"));
}

TEST(CsvReader, MatchesNamesWithoutCaseOnlyWhereNoneMatchesExactly) {
  EXPECT_THAT(values("A,B,c\n1,2,3\n"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(values("A,a,c\n1,2,3\n"), ElementsAre("2", "<null>", "3"));
}

TEST(CsvReader, PassesOverBlanksAroundNames) {
  EXPECT_THAT(values("c, x ,\ta\n3,9,1\n"), ElementsAre("1", "<null>", "3"));
  EXPECT_THAT(parse("c, a\n3,1\nc, a\n4,2\n").size(), 2U) << "the header again";
}

TEST(CsvReader, RefusesHeadersThatAreAmbiguousOrLackRequiredColumns) {
  const auto twice = open("a,b,b\n");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(twice.error().text(), HasSubstr("column b stands there 2 times"));
  EXPECT_FALSE(open("a,B,B\n"));
  const auto missing = open("x;b\n1;2\n");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(missing.error().text(), HasSubstr("events.csv"));
  EXPECT_THAT(missing.error().text(), HasSubstr("no column a; found: x;b"));
}

TEST(CsvReader, TakesAFileWithoutAnyRecordAsEmpty) {
  for (const std::string text : {"", "\n", "\r\n\r\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"}) {
    EXPECT_TRUE(parse(text).empty());
  }
}

TEST(CsvReader, SkipsByteOrderMarkAndBlankLinesButCountsLines) {
  const auto rows = parse(
      "\xEF\xBB\xBF"
      "a,b,c\r\n\r\n1,2,3\r\n\n4,5,6");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (Row{3, "1,2,3", "", {"1", "2", "3"}}));
  EXPECT_EQ(rows[1], (Row{5, "4,5,6", "", {"4", "5", "6"}}));
}

TEST(CsvReader, KeepsCommasLineEndsAndDoubledQuotesOfQuotedFields) {
  EXPECT_THAT(values("a,b,c\n\"1,1\",\"2\r\n2\n\",\"\"\"3\"\"\"\r\n"),
              ElementsAre("1,1", "2\r\n2\n", "\"3\""));
}

TEST(CsvReader, CountsLinesInsideQuotedFields) {
  const auto rows = parse("a,b,c\n\"1\n1\n1\",2,3\n4,5,6\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].line, 2);
  EXPECT_EQ(rows[1].line, 5);
}

TEST(CsvReader, TakesEmptyFieldsAsNullQuotedOrNot) {
  EXPECT_THAT(values("a,b,c\n,\"\",\n"), ElementsAre("<null>", "<null>", "<null>"));
}

TEST(CsvReader, TakesQuotesInsideUnquotedFieldsAsTheyAre) {
  EXPECT_THAT(values("a,b,c\n1\"1,{\"x\":1},3\n"), ElementsAre("1\"1", "{\"x\":1}", "3"));
}

TEST(CsvReader, KeepsNulBytesAndCarriageReturnsInsideFields) {
  EXPECT_THAT(values("a,b,c\n1\0001,2\r2,3\r\n"s), ElementsAre("1\0001"s, "2\r2", "3"));
}

TEST(CsvReader, DeliversRowsWithAWrongNumberOfFieldsAsMalformed) {
  const auto rows = parse("a,b,c\n1,2\n1,2,3,4\n1,2,3\n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].malformed, "2 fields where the header has 3");
  EXPECT_EQ(rows[0].bytes, "1,2");
  EXPECT_THAT(rows[0].values, ElementsAre("<null>", "<null>", "<null>"));
  EXPECT_EQ(rows[1].malformed, "4 fields where the header has 3");
  EXPECT_EQ(rows[2].malformed, "");
}

TEST(CsvReader, LosesOneLineToAQuoteThatIsNeverClosed) {
  const auto rows = parse("a,b,c\n1,\"2,3\n4,5,6\n7,8,9\n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].malformed, "a quote is never closed");
  EXPECT_EQ(rows[0].bytes, "1,\"2,3");
  EXPECT_EQ(rows[1], (Row{3, "4,5,6", "", {"4", "5", "6"}}));
  EXPECT_EQ(rows[2].line, 4);
}

TEST(CsvReader, LosesOneLineToAStrayQuoteThatALaterRowCloses) {
  const auto rows = parse("a,b,c\n1,\"2,3\n4,\"5\",6\n1,\"2,3\n4,5,\"\"\n7,8,9\n");
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].malformed, "text behind a closing quote");
  EXPECT_THAT(rows[1].values, ElementsAre("4", "5", "6"));
  EXPECT_NE(rows[2].malformed, "");
  EXPECT_THAT(rows[3].values, ElementsAre("4", "5", "<null>"));
  EXPECT_THAT(rows[4].values, ElementsAre("7", "8", "9"));
}

TEST(CsvReader, DeliversInvalidUtf8AsMalformed) {
  const auto rows = parse("a,b,c\n1,\xFF,3\n4,\xC3\xA4,6\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].malformed, "invalid UTF-8");
  EXPECT_THAT(rows[1].values, ElementsAre("4", "\xC3\xA4", "6"));
}

TEST(CsvReader, ReadsFieldsOfManyMegabytes) {
  const std::string huge(5 << 20, 'x');
  const auto rows = parse("a,b,c\n1,\"" + huge + "\",3\n4,5,6\n", 100'000);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].values[1], huge);
  EXPECT_THAT(rows[1].values, ElementsAre("4", "5", "6"));
}

TEST(CsvReader, CutsOverlongRecordsAndGoesOnBehindThem) {
  const std::string huge(kRecordBytesMax + (1 << 20), 'x');
  const auto rows = parse("a,b,c\n1," + huge + ",3\n4,5,6\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_THAT(rows[0].malformed, HasSubstr("longer than"));
  EXPECT_LT(rows[0].bytes.size(), 10'000U);
  EXPECT_EQ(rows[1], (Row{3, "4,5,6", "", {"4", "5", "6"}}));
}

TEST(CsvReader, GivesTheSameRowsWhateverTheChunks) {
  const std::string text =
      "\xEF\xBB\xBF"
      "b,a,c\r\n\"1\r\n\"\"\",2,\xC3\xA4\r\n\n\"x\"y,2,3\n,,\r\n1,2\n\"\",\"\n\n\","
      "\xFF\n1\0,2,3\n1,2,\"open\n4,5,6\r\n7,8,\"9\"\r"s;
  const std::vector<Row> expected = parse(text);
  EXPECT_EQ(expected.size(), 9U);
  for (size_t chunk = 1; chunk < text.size(); ++chunk) {
    EXPECT_EQ(parse(text, chunk), expected) << chunk;
  }
}

// Written by the rules of RFC 4180, read back the same; with random chunks.
TEST(CsvReader, ReadsBackWhateverValuesAreQuotedByTheRules) {
  std::mt19937 random(1);
  const std::vector<std::string> pieces = {",",
                                           "\"",
                                           "\n",
                                           "\r\n",
                                           "x",
                                           "\xC3\xA4",
                                           std::string(1, '\0'),
                                           " ",
                                           "\xF0\x9F\x98\x80",
                                           std::string(300, 'y')};
  for (int round = 0; round < 300; ++round) {
    std::string text = "a,b,c\n";
    std::vector<std::vector<std::string>> expected;
    for (int row = 0; row < 20; ++row) {
      std::vector<std::string>& fields = expected.emplace_back();
      for (int column = 0; column < 3; ++column) {
        std::string value;
        for (auto count = random() % 5; count > 0; --count)
          value += pieces[random() % pieces.size()];
        std::string quoted = "\"";
        for (const char c : value) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        text += (column > 0 ? "," : "") + quoted + "\"";
        fields.push_back(value.empty() ? "<null>" : value);
      }
      text += random() % 2 == 0 ? "\n" : "\r\n";
    }
    const std::vector<Row> rows = parse(text, 1 + random() % 50);
    ASSERT_EQ(rows.size(), expected.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      EXPECT_EQ(rows[row].malformed, "");
      EXPECT_EQ(rows[row].values, expected[row]);
    }
  }
}

// Any bytes: ends, does not depend on the chunks, and every byte that is no line end belongs to
// some row.
TEST(CsvReader, AccountsForEveryByteOfGarbage) {
  std::mt19937 random(2);
  const std::string alphabet = "\",\n\r1\xC3\xA4\0"s;
  for (int round = 0; round < 3000; ++round) {
    std::string garbage;
    for (auto count = random() % 60; count > 0; --count)
      garbage += alphabet[random() % alphabet.size()];
    const std::vector<Row> rows = parse("a,b,c\n" + garbage);
    EXPECT_EQ(parse("a,b,c\n" + garbage, 1 + random() % 7), rows);
    const auto commas_and_quotes = [](const std::string& bytes) {
      return std::count_if(bytes.begin(), bytes.end(),
                           [](char c) { return c != '\n' && c != '\r'; });
    };
    std::ptrdiff_t found = 0;
    for (const Row& row : rows) found += commas_and_quotes(row.bytes);
    EXPECT_EQ(found, commas_and_quotes(garbage)) << ::testing::PrintToString(garbage);
  }
}

// As many bytes of such lines, and how the reader fared.
std::string lines_of(std::string_view line, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += line;
  return text;
}

// Each line leaves a quote open or sends the reader back to the next line: what was scanned for
// one record must not be scanned again for the next.
TEST(CsvReader, TakesTimeInProportionToItsInputWhateverTheQuotes) {
  for (const std::string_view line :
       {"a\",\"\n", "1,\"2\n", "\",\"\n", "1,\"2,3\n4,\"5\",6\n", "\"\"\"\n", "\"a\nb\n\",\n",
        "\n\"", "1,\"2\",3\n\"", "\"\n\n\r\n\",\"\n", "1,2,3\n"}) {
    for (const size_t chunk : {SIZE_MAX, size_t{1000}, size_t{1}}) {
      const std::string text = "a,b,c\n" + lines_of(line, chunk == 1 ? 10'000 : 1 << 20);
      auto reader = open(text, chunk);
      ASSERT_TRUE(reader);
      EXPECT_FALSE(read_all(**reader).empty());
      EXPECT_LE((*reader)->bytes_examined(), kExaminedPerByteMax * text.size())
          << ::testing::PrintToString(line) << " in pieces of " << chunk;
    }
  }
}

TEST(CsvReader, TakesTimeInProportionToItsInputWhenEveryRecordIsOverlong) {
  const std::string text =
      "a,b,c\n" + lines_of("a\",\"" + std::string(50'000, 'x') + "\n", 3 * kRecordBytesMax);
  auto reader = open(text);
  ASSERT_TRUE(reader);
  const std::vector<Row> rows = read_all(**reader);
  EXPECT_EQ(rows.front().malformed, "longer than 16777216 bytes or a quote is never closed");
  EXPECT_EQ(static_cast<size_t>(rows.back().line), rows.size() + 1);
  EXPECT_LE((*reader)->bytes_examined(), kExaminedPerByteMax * text.size());
}

}  // namespace
}  // namespace hirestream
