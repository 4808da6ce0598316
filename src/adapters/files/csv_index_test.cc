#include "adapters/files/csv_index.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "adapters/files/csv_reader.h"
#include "adapters/files/record_rows_test.h"

namespace hirestream {
namespace {

using namespace std::string_view_literals;

// "begin-end" of all fields, records apart.
std::string indexed(std::string bytes) {
  const size_t size = bytes.size();
  bytes.append(CsvIndex::kPadding, '"');
  CsvIndex index;
  index.build(bytes.data(), size, ',');
  std::string out;
  for (size_t record = 0; record < index.records(); ++record) {
    for (size_t place = 0; place < index.field_count(record); ++place) {
      const size_t field = index.first_field(record) + place;
      out += bytes.substr(index.field_begin(field),
                          index.field_end(field) - index.field_begin(field)) +
             "|";
    }
    out += "/";
  }
  return out + (index.is_regular() ? "" : "irregular");
}

TEST(CsvIndex, FindsFieldsOfWholeRecords) {
  EXPECT_EQ(indexed(""), "");
  EXPECT_EQ(indexed("a,b\n,\n\nc,d"), "a|b|/||/|/");
  EXPECT_EQ(indexed("a,\"b,\n\"\"\"\r\nc\r\n"), "a|\"b,\n\"\"\"\r|/c\r|/");
  EXPECT_EQ(indexed("\"\",\"\"\"\",x\n\"a\n"), "\"\"|\"\"\"\"|x|/");
}

TEST(CsvIndex, StopsBeforeTheRecordWithAnIrregularPlace) {
  EXPECT_EQ(indexed("a\nb\"c\nd\n"), "a|/irregular");
  EXPECT_EQ(indexed("a\n\"b\"c\nd\n"), "a|/irregular");
  EXPECT_EQ(indexed("a\n\"b\"\rc\nd\n"), "a|/irregular");
  EXPECT_EQ(indexed("a\n \"b\"\n"), "a|/irregular");
}

TEST(CsvIndex, KnowsWhatABlockLeavesToTheNext) {
  for (size_t before = 55; before < 70; ++before) {
    const std::string filler(before, 'x');
    EXPECT_EQ(indexed(filler + ",\"a\"\"b\"\r\n"), filler + "|\"a\"\"b\"\r|/");
    EXPECT_EQ(indexed(filler + "\n\"a\"b\n"), filler + "|/irregular");
    EXPECT_EQ(indexed(filler + "\n\"a\"\rb\n"), filler + "|/irregular");
    EXPECT_EQ(indexed(filler + "\n\"a,\nb\",c\n"), filler + "|/\"a,\nb\"|c|/");
    EXPECT_EQ(indexed(filler + "\n\"a\",\"b\"\n"), filler + "|/\"a\"|\"b\"|/");
  }
}

TEST(CsvIndex, LooksAtSoManyBytesAtMost) {
  const std::string records(CsvIndex::kBytesMax + 1000, '\n');
  CsvIndex index;
  index.build(records.data(), records.size() - CsvIndex::kPadding, ',');
  EXPECT_EQ(index.size(), CsvIndex::kBytesMax);
  EXPECT_EQ(index.records(), CsvIndex::kBytesMax);
  const std::string delimiters(CsvIndex::kBytesMax + 1000, ',');
  index.build(delimiters.data(), delimiters.size() - CsvIndex::kPadding, ',');
  EXPECT_EQ(index.records(), 0U);
}

// All there is to be seen of a file, also why it is refused.
struct Seen {
  std::vector<Row> rows;
  std::string error;
  std::vector<std::string> notes;
  bool in_proportion = true;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read(const std::string& file, size_t piece, size_t window, CsvReader::By by,
          const CsvDialect& dialect) {
  constexpr std::array<WantedColumn, 3> kWanted = {{{"b"}, {"absent"}, {"a"}}};
  Seen seen;
  auto reader = CsvReader::open(std::make_unique<MemoryStream>(file, piece), "f.csv", kWanted,
                                dialect, window, by);
  if (!reader) return {{}, reader.error().text(), {}};
  for (Record record;;) {
    const auto some = (*reader)->next(record);
    if (!some) seen.error = some.error().text();
    if (!some || !*some) break;
    Row& row =
        seen.rows.emplace_back(Row{record.line, std::string(record.bytes), record.malformed, {}});
    for (const auto& value : record.values) row.values.emplace_back(value.value_or("<null>"));
  }
  seen.notes = (*reader)->notes();
  seen.in_proportion = (*reader)->bytes_examined() <= kExaminedPerByteMax * file.size();
  return seen;
}

class DirtyBytes {
 public:
  explicit DirtyBytes(uint64_t seed) : random_(seed) {}

  size_t below(size_t limit) { return random_() % limit; }

  std::string file() {
    std::string out = one_of(std::array{"a,b,c\n"sv,
                                        "\xEF\xBB\xBF"
                                        "a,b,c\r\n"sv,
                                        "a,b\n"sv, "b\n"sv, "a;b;c\n"sv, "sep=,\na,b,c\n"sv});
    // Few are dirty through and through: most have long stretches without any fault.
    const size_t faults = std::array<size_t, 4>{0, 200, 20, 2}[below(4)];
    const size_t rows = 1 + below(60);
    for (size_t row = 0; row < rows; ++row) append_record(faults, out);
    if (below(3) == 0) out += one_of(std::array{"x"sv, "\"x"sv, "1,2,3"sv, "1,2,\"3\"\r"sv});
    return out;
  }

 private:
  static constexpr std::array kPieces = {
      "\""sv,   "\"\""sv,         ","sv, "\n"sv, "\r"sv, "\r\n"sv, "\0"sv,
      "\xFF"sv, "\xC0\x80"sv,     "ä"sv, ";"sv,  "\\"sv, "a"sv,    "\\\""sv,
      "€"sv,    "\xEF\xBB\xBF"sv, " "sv};

  template <typename Texts>
  std::string one_of(const Texts& texts) {
    return std::string(texts[below(texts.size())]);
  }

  void append_record(size_t faults, std::string& out) {
    if (below(40) == 0) out += one_of(std::array{"a,b,c\n"sv, "A,B,C\r\n"sv, "c,a,b\n"sv, "a\n"sv});
    const size_t fields = below(30) == 0 ? 1 + below(5) : 3;
    for (size_t field = 0; field < fields; ++field) {
      out += field == 0 ? "" : ",";
      if (below(1000) < faults) {
        for (size_t i = below(4); i > 0; --i) out += one_of(kPieces);
      } else if (below(3) == 0) {
        out += '"';
        for (size_t i = below(12); i > 0; --i) {
          out += one_of(std::array{","sv, "\n"sv, "\"\""sv, "\r\n"sv, "y"sv, "ö"sv, "yyyyyyyyy"sv});
        }
        out += '"';
      } else {
        out += std::string(below(20) == 0 ? below(200) : below(12), 'x');
      }
    }
    out += below(4) == 0 ? "\r\n" : "\n";
  }

  std::mt19937_64 random_;
};

TEST(CsvIndex, GivesExactlyWhatReadingFieldByFieldGives) {
  size_t good = 0;
  size_t malformed = 0;
  size_t refused = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    DirtyBytes dirty(seed);
    const std::string file = dirty.file();
    CsvDialect dialect;
    if (dirty.below(4) == 0) dialect.other_delimiters = ";";
    if (dirty.below(4) == 0) dialect.other_escapes = {CsvEscape::kBackslash};
    if (dirty.below(4) == 0) dialect.header = {"a", "b", "c"};
    const Seen expected =
        read(file, file.size(), InputWindow::kCapacity, CsvReader::By::kFields, dialect);
    for (const size_t window : {size_t{1}, 1 + dirty.below(300), size_t{1} << 18}) {
      const size_t piece = 1 + dirty.below(file.size());
      ASSERT_EQ(read(file, piece, window, CsvReader::By::kIndex, dialect), expected)
          << "seed " << seed << ", window " << window << ", piece " << piece << "\n"
          << file;
    }
    refused += expected.error.empty() ? 0 : 1;
    for (const Row& row : expected.rows) ++(row.malformed.empty() ? good : malformed);
  }
  EXPECT_GT(good, 50'000U);
  EXPECT_GT(malformed, 5'000U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace hirestream
