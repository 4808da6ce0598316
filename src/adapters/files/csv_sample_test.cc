#include "adapters/files/csv_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "adapters/files/csv_dialects_test.h"
#include "adapters/files/csv_reader.h"
#include "adapters/files/record_rows_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<WantedColumn, 3> kSampleColumns = {{{"a", true}, {"b", false}, {"ed", false}}};

CsvDialect found_in(const std::string& text, const CsvSettings& settings = {}) {
  return find_csv_dialect(text, kSampleColumns, settings);
}

struct Reading {
  std::vector<Row> rows;
  std::string refusal;
  std::vector<std::string> notes;
};

Reading read_csv(const std::string& text, const CsvDialect& dialect, size_t chunk = SIZE_MAX) {
  Reading reading;
  auto reader = CsvReader::open(std::make_unique<MemoryStream>(text, chunk), "x.csv",
                                kSampleColumns, dialect);
  if (!reader) {
    reading.refusal = reader.error().text();
    return reading;
  }
  for (Record record;;) {
    const auto some = (*reader)->next(record);
    if (!some) reading.refusal = some.error().text();
    if (!some || !*some) break;
    Row& row = reading.rows.emplace_back(
        Row{record.line, std::string(record.bytes), record.malformed, {}});
    for (const auto& value : record.values) row.values.emplace_back(value.value_or("<null>"));
  }
  EXPECT_LE((*reader)->bytes_examined(), kExaminedPerByteMax * text.size());
  reading.notes = (*reader)->notes();
  return reading;
}

Reading read_csv(const std::string& text) {
  return read_csv(text, found_in(text));
}

TEST(CsvSample, FindsTheDelimiterByTheHeader) {
  EXPECT_EQ(found_in("a,b,ed\n1;2,3,4\n").delimiter, ',');
  EXPECT_EQ(found_in("b;a;ed\n1,5;2,5;3,5\n").delimiter, ';');
  EXPECT_EQ(found_in("b\ta\ted\n1,5\t2\t3\n").delimiter, '\t');
  EXPECT_EQ(found_in("\"b\"|\"a\"|\"x,y,z\"\n1|2|3\n").delimiter, '|');
  EXPECT_EQ(found_in("").delimiter, ',');
  EXPECT_EQ(found_in("a\n1;2\n").delimiter, ',');
  EXPECT_EQ(found_in("sep=;\r\na;b;ed\r\n1;2;3\r\n").delimiter, ';');
  EXPECT_THAT(read_csv("sep=;\r\na;b;ed\r\n1;2;3\r\n").rows,
              ElementsAre(Row{3, "1;2;3", "", {"1", "2", "3"}}));
}

TEST(CsvSample, FindsTheDelimiterByAHeaderThatNamesAColumnTwice) {
  for (const std::string text : {"a;b;b;ed\n1;2;3;4\n", "a,b,b,ed\n1,2,3,4\n"}) {
    EXPECT_THAT(read_csv(text).refusal, HasSubstr("column b stands there 2 times")) << text;
  }
}

TEST(CsvSample, FindsTheDelimiterOfAFileWithoutHeaderByItsRows) {
  CsvSettings settings;
  settings.header = {"a", "b", "ed"};
  const std::string text = "1;\"x, \\\"y\\\"\";{\\\"k\\\":1}\n2;\"x, \\\"y\\\"\";3\n";
  const CsvDialect dialect = found_in(text, settings);
  EXPECT_EQ(dialect.delimiter, ';');
  EXPECT_EQ(dialect.escape, CsvEscape::kBackslash);
  const Reading reading = read_csv(text, dialect);
  ASSERT_EQ(reading.rows.size(), 2U);
  EXPECT_EQ(reading.rows[0],
            (Row{1, text.substr(0, text.find('\n')), "", {"1", "x, \"y\"", "{\"k\":1}"}}));
}

TEST(CsvSample, RefusesAFileWithoutHeaderAndSaysWhatToDo) {
  const Reading reading = read_csv("396bf981-dad9-11ee-8000-0242ac120002,2,3\n");
  EXPECT_THAT(reading.refusal, HasSubstr("it has no header"));
  EXPECT_THAT(reading.refusal, HasSubstr("--csv-header create_time,…"));
}

TEST(CsvSample, FindsLinesThatEndWithCarriageReturns) {
  EXPECT_EQ(found_in("a,b,ed\r1,2,\"3\n3\r\n3\"\r").line_end, '\r');
  EXPECT_EQ(found_in("a,b,ed\r\n1,2,\"3\r3\r3\r3\"\r\n").line_end, '\n');
  EXPECT_EQ(found_in("a,b,ed\r\r\n1,2,3\r\r\n").line_end, '\n');
  EXPECT_EQ(found_in("a,b,ed\r").line_end, '\n');
  EXPECT_EQ(found_in("a,b,ed\n1\r2,3,4\r").line_end, '\n');
  EXPECT_THAT(read_csv("a,b,ed\r\r1,\"2\r2\",3\r4,5,6").rows,
              ElementsAre(Row{3, "1,\"2\r2\",3", "", {"1", "2\r2", "3"}},
                          Row{5, "4,5,6", "", {"4", "5", "6"}}));
}

TEST(CsvSample, FindsBackslashesByWhatIsMalformedWithoutThem) {
  EXPECT_EQ(found_in("a,b,ed\n1,\"x\\\"y\",3\n").escape, CsvEscape::kBackslash);
  EXPECT_EQ(found_in("a,b,ed\n1,\"x\\\\\"y\\\\\", z\",3\n").escape, CsvEscape::kPlainBackslash);
  EXPECT_EQ(found_in("a,b,ed\n1,\"x\\\\\",\"y\\\"\"\n").escape, CsvEscape::kBackslash);
}

TEST(CsvSample, TakesRfc4180WhereBothFit) {
  for (const std::string row :
       {"1,C:\\dir,3", "1,\"C:\\\",3", "1,\"\"\"x\"\"\",\"{\"\"k\"\":\"\"a\\\"\"b\"\"}\"",
        "1,\\N,3", "1,\"x\\\\\",3", "1,{\"k\":\"a\\\"b\"},3"}) {
    EXPECT_EQ(found_in("a,b,ed\n" + row + "\n").escape, CsvEscape::kDoubledQuote) << row;
    EXPECT_EQ(read_csv("a,b,ed\n" + row + "\n").refusal, "") << row;
  }
}

TEST(CsvSample, FindsBackslashesByTextsThatAreJsonOnlySo) {
  EXPECT_EQ(found_in("a,b,ed\n1,2,{\\\"k\\\":1}\n").escape, CsvEscape::kBackslash);
  EXPECT_EQ(found_in("a,b,ed\n1,say \\\"x\\\",3\n").escape, CsvEscape::kBackslash);
  // {"k":"C:\\dir"} as older and newer writers have it, and {"k":"a\"b"} escaped twice.
  EXPECT_EQ(found_in("a,b,ed\n1,2,\"{\\\"k\\\":\\\"C:\\\\dir\\\"}\"\n").escape,
            CsvEscape::kPlainBackslash);
  EXPECT_EQ(found_in("a,b,ed\n1,2,\"{\\\"k\\\":\\\"C:\\\\\\\\dir\\\"}\"\n").escape,
            CsvEscape::kBackslash);
  EXPECT_EQ(found_in("a,b,ed\n1,2,\"{\\\"k\\\":\\\"a\\\\\\\\\\\"b\\\"}\"\n").escape,
            CsvEscape::kTwiceBackslash);
}

TEST(CsvSample, FindsBackslashesThatAreNotDoubledByOneThatStandsAlone) {
  const std::string text = "a,b,ed\n1,2,\"{\\\"k\\\":\\\"x\\\\r\\u00e4\\\"}\"\n";
  EXPECT_EQ(found_in(text).escape, CsvEscape::kPlainBackslash);
  EXPECT_EQ(read_csv(text).rows[0].values[2], "{\"k\":\"x\\\\r\\u00e4\"}");
}

TEST(CsvSample, LeavesWhatSettingsSay) {
  CsvSettings settings;
  settings.delimiter = ';';
  settings.escapes = {CsvEscape::kDoubledQuote};
  const CsvDialect dialect = found_in("a,b,ed\n1,\"x\\\"y\",3\n", settings);
  EXPECT_EQ(dialect.delimiter, ';');
  EXPECT_EQ(dialect.escape, CsvEscape::kDoubledQuote);
  EXPECT_TRUE(dialect.other_escapes.empty());
  EXPECT_TRUE(dialect.other_delimiters.empty());
}

// Good rows first, so many that the sample holds nothing else.
std::string long_file(const std::string& header, const std::string& row, const std::string& last) {
  std::string text = header;
  while (text.size() <= kCsvSampleBytes) text += row;
  return text + last;
}

TEST(CsvSample, RefusesAFileWhoseEndIsOfAnotherDialect) {
  const struct {
    std::string header, row, last, said;
  } cases[] = {
      {"a,b,ed\n", "1,2,3\n", "1,\"x\\\"y\",3\n", "--csv-escape backslash-doubled or double"},
      {"a,b,ed\n", "1,\"\"\"\",3\n", "1,\"x\\\"y\n\",3\n", "--csv-escape backslash-doubled"},
      {"a,b,ed\n", "1,2,3\n", "1,2,{\\\"k\\\":1}\n", "--csv-escape backslash-doubled"},
      {"a,b,ed\n", "1,\"x\\\"y\",3\n", "1,\"x\"\"y\",3\n", "--csv-escape double or backslash"},
      {"a,b,ed\n", "1,\"x\\\"y\",3\n", "1,\"x\\\\\"y\\\\\", z\",3\n",
       "--csv-escape backslash-plain"},
      {"a,b,ed\n", "1,\"x\\\"y\",3\n", "1,2,\"{\\\"k\\\":\\\"a\\\\\\\\\\\"b\\\"}\"\n",
       "--csv-escape backslash-twice"},
      {"a,b,ed\n", "1,2,3\n", "1;2;3\n", "delimiter ; instead of delimiter ,"},
      {"a\tb\ted\n", "1\t2\t3\n", "1,2,3\n", "delimiter , instead of delimiter tab"},
      {"a,b,ed\n", "1,2,3\n", "1,2,3\r4,5,6\r7,8,9\r", "write the file with one kind of line ends"},
      {"a,b,ed\r", "1,2,3\r", "1,2,3\n4,5,6\n7,8,9\n", "write the file with one kind of line ends"},
      {"a,b,ed\n", "1,2,3\n", "b,a,ed\n4,5,6\n", "named again, in another order"},
      {"a,b,ed\n", "1,2,3\n", "a,b,c,ed\n4,5,6,7\n", "named again, 4 of them"},
      {"a,b,ed\n", "1,2,3\n", "a;b;ed\n4;5;6\n", "delimiter ; instead of delimiter ,"},
  };
  for (const auto& one : cases) {
    const std::string text = long_file(one.header, one.row, one.last);
    const CsvDialect dialect = found_in(text.substr(0, kCsvSampleBytes));
    const Reading reading = read_csv(text, dialect);
    EXPECT_THAT(reading.refusal, HasSubstr(one.said)) << one.last;
    EXPECT_THAT(reading.refusal, HasSubstr("x.csv:" + std::to_string(reading.rows.size() + 2)));
    EXPECT_EQ(read_csv(text, dialect, 1000).refusal, reading.refusal);
  }
}

TEST(CsvSample, RejectsRowsThatNoDialectFits) {
  const Reading reading = read_csv("a,b,ed\n1,2\n1,\"x\n4,5,6\n\"y\"z,1,2\n7,\"8\\\"\"\",9\n");
  EXPECT_EQ(reading.refusal, "");
  EXPECT_EQ(reading.rows.size(), 5U);
  EXPECT_EQ(std::count_if(reading.rows.begin(), reading.rows.end(),
                          [](const Row& row) { return row.malformed.empty(); }),
            2);
}

TEST(CsvSample, SkipsTheHeaderAgainAndSaysSo) {
  const Reading reading = read_csv(
      "a,b,ed\n1,2,3\na,b,ed\n4,5,6\n\xEF\xBB\xBF"
      "a,b,ed\r\n\"A\",b,\"ed\"\n7,8,9\na,b,x\n");
  EXPECT_THAT(
      reading.rows,
      ElementsAre(Row{2, "1,2,3", "", {"1", "2", "3"}}, Row{4, "4,5,6", "", {"4", "5", "6"}},
                  Row{7, "7,8,9", "", {"7", "8", "9"}}, Row{8, "a,b,x", "", {"a", "b", "x"}}));
  EXPECT_THAT(reading.notes, ElementsAre("3 more lines with the header skipped"));
  CsvSettings named;
  named.header = {"a", "b", "ed"};
  const std::string text = "a,b,ed\n1,2,3\n";
  EXPECT_EQ(read_csv(text, found_in(text, named)).rows.size(), 1U);
}

// The same values, whatever writes them.
TEST(CsvSample, GivesTheSameValuesInEveryDialect) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    const auto table = random_table(random, kSampleColumns.size());
    std::vector<std::vector<std::string>> expected;
    for (const auto& row : table) {
      auto& values = expected.emplace_back();
      for (const std::string& value : row) values.push_back(value.empty() ? "<null>" : value);
    }
    for (const WrittenDialect& written : written_dialects()) {
      const std::string text = written.write({"a", "b", "ed"}, table);
      const CsvDialect dialect = found_in(text);
      const Reading reading = read_csv(text, dialect, 1 + random() % 200);
      ASSERT_EQ(reading.refusal, "") << written.name << "\n" << text;
      std::vector<std::vector<std::string>> values;
      for (const Row& row : reading.rows) {
        EXPECT_EQ(row.malformed, "");
        values.push_back(row.values);
      }
      ASSERT_EQ(values, expected) << written.name << ": " << dialect.text() << "\n" << text;
    }
  }
}

// Any bytes: ends, in proportion to the input, the same whatever the chunks.
TEST(CsvSample, ReadsGarbageInProportionToItsSize) {
  std::mt19937 random(4);
  const std::string alphabet = "\",;\t|\n\r\\1{}a";
  for (int round = 0; round < 2000; ++round) {
    std::string text = round % 2 == 0 ? "a,b,ed\n" : "a;b;ed\r";
    for (auto count = random() % 200; count > 0; --count)
      text += alphabet[random() % alphabet.size()];
    const CsvDialect dialect = found_in(text);
    const Reading reading = read_csv(text, dialect);
    const Reading again = read_csv(text, dialect, 1 + random() % 9);
    EXPECT_EQ(again.rows, reading.rows) << ::testing::PrintToString(text);
    EXPECT_EQ(again.refusal, reading.refusal) << ::testing::PrintToString(text);
  }
}

TEST(CsvSample, FollowsOtherDialectsInProportionToTheInput) {
  for (const std::string line : {"a\",\"\n", "\"x\\\"\n", "1,\"2;|||\t\r\n", "\"\\\"\"\"x\n",
                                 "\";\"\r\"|\"\t\n", "\"\\\\\"x\n"}) {
    std::string text = "a,b,ed\n";
    while (text.size() < 1 << 20) text += line;
    CsvDialect dialect;
    dialect.other_escapes = {CsvEscape::kBackslash, CsvEscape::kPlainBackslash,
                             CsvEscape::kTwiceBackslash};
    dialect.other_delimiters = ";\t|";
    dialect.other_line_ends = true;
    for (const size_t chunk : {SIZE_MAX, size_t{1000}}) {
      EXPECT_EQ(read_csv(text, dialect, chunk).refusal, "") << line;
    }
  }
}

}  // namespace
}  // namespace hirestream
