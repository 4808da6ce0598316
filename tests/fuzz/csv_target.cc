// Input: one byte that chooses the size of the pieces, then a CSV file.
#include <array>
#include <cctype>

#include "adapters/files/csv_reader.h"
#include "adapters/files/csv_sample.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/record_check.h"

namespace hirestream {
namespace {

constexpr size_t kWindowBytes = 128;  // so small that records cross its end
constexpr std::array<WantedColumn, 4> kWanted = {
    {{"create_time", true}, {"ts", true}, {"ed", false}, {"bid", false}}};

using OpenedReader = Result<std::unique_ptr<RecordReader>>;

OpenedReader open_csv(std::unique_ptr<ByteStream> stream, CsvReader::By by,
                      const CsvDialect& dialect = {}, size_t window_bytes = kWindowBytes) {
  auto reader = CsvReader::open(std::move(stream), "fuzz.csv", kWanted, dialect, window_bytes, by);
  if (!reader) return forward(std::move(reader).error());
  return std::unique_ptr<RecordReader>(std::move(*reader));
}

OpenedReader open_indexed(std::unique_ptr<ByteStream> stream) {
  return open_csv(std::move(stream), CsvReader::By::kIndex);
}

OpenedReader open_by_fields(std::unique_ptr<ByteStream> stream) {
  return open_csv(std::move(stream), CsvReader::By::kFields);
}

// RFC 4180, one character at a time.
std::vector<std::string> split_slowly(std::string_view record) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  bool at_field_begin = true;
  for (size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < record.size() && record[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && at_field_begin) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
      at_field_begin = true;
      continue;
    } else {
      fields.back() += c;
    }
    at_field_begin = false;
  }
  return fields;
}

std::string quoted(const std::optional<std::string>& value) {
  std::string out = "\"";
  for (const char c : value.value_or("")) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// The values of all good records, written again, are read again.
void check_round_trip(const std::vector<ReadRecord>& records) {
  std::string file = "create_time,ts,ed,bid\r\n";
  std::vector<std::vector<std::optional<std::string>>> expected;
  for (const ReadRecord& record : records) {
    if (!record.malformed.empty()) continue;
    expected.push_back(record.values);
    file += quoted(record.values[0]) + "," + quoted(record.values[1]) + "," +
            quoted(record.values[2]) + "," + quoted(record.values[3]) + "\r\n";
  }
  const Bytes bytes(reinterpret_cast<const uint8_t*>(file.data()), file.size());
  const auto again = read_records(open_indexed, bytes, file.size());
  FUZZ_REQUIRE(again.has_value() && again->size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    FUZZ_REQUIRE((*again)[i].malformed.empty());
    FUZZ_REQUIRE((*again)[i].values == expected[i]);
  }
}

std::string bare_lower(std::string_view text) {
  std::string bare;
  for (const char c : text) {
    if (c != '"' && c != '\r' && static_cast<unsigned char>(c) < 0x80) {
      bare += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return bare;
}

// A file's header that is repeated is no record; nor are the lines of one that has more than one.
bool is_header_again(std::string_view file, std::string_view line) {
  return !line.empty() && bare_lower(file).find(bare_lower(line)) != std::string::npos &&
         (line.find_first_of("tT") != line.npos || line.find('"') != line.npos);
}

// Whatever the dialect: the rows do not depend on the pieces, nor on how records are found, and the
// work is in proportion.
void check_dialects(Bytes file, size_t piece) {
  for (const bool named : {false, true}) {
    CsvSettings settings;
    if (named) settings.header = {"create_time", "ts", "ed", "bid"};
    const CsvDialect dialect = find_csv_dialect(as_text(file), kWanted, settings);
    const auto open = [&dialect](CsvReader::By by, size_t window_bytes) {
      return [&dialect, by, window_bytes](std::unique_ptr<ByteStream> stream) {
        return open_csv(std::move(stream), by, dialect, window_bytes);
      };
    };
    const size_t whole = std::max<size_t>(file.size(), 1);
    const auto records = read_records(open(CsvReader::By::kIndex, kWindowBytes), file, whole);
    for (const CsvReader::By by : {CsvReader::By::kIndex, CsvReader::By::kFields}) {
      FUZZ_REQUIRE(read_records(open(by, kWindowBytes), file, std::max<size_t>(piece, 1)) ==
                   records);
      FUZZ_REQUIRE(read_records(open(by, InputWindow::kCapacity), file, whole) == records);
    }
  }
}

}  // namespace

void fuzz_csv(Bytes input) {
  InputReader reader(input);
  const size_t piece = reader.byte();
  const Bytes file = reader.rest();
  const auto records = read_and_check(open_indexed, file, piece,
                                      {"\r", /*has_header=*/true, [&](std::string_view line) {
                                         return is_header_again(as_text(file), line);
                                       }});
  FUZZ_REQUIRE(read_records(open_by_fields, file, std::max<size_t>(file.size(), 1)) == records);
  check_dialects(file, piece);
  if (!records) return;
  for (const ReadRecord& record : *records) {
    if (!record.malformed.empty()) continue;
    const std::vector<std::string> fields = split_slowly(record.bytes);
    for (const auto& value : record.values) {
      FUZZ_REQUIRE(!value || std::find(fields.begin(), fields.end(), *value) != fields.end());
    }
    // A field that the slow reading finds is not lost either: with these columns alone, values and
    // fields are the same.
    if (as_text(file).starts_with("create_time,ts,ed,bid\n")) {
      FUZZ_REQUIRE(fields.size() == kWanted.size());
      for (size_t i = 0; i < fields.size(); ++i) {
        FUZZ_REQUIRE(record.values[i].value_or("") == fields[i]);
      }
    }
  }
  check_round_trip(*records);
}

}  // namespace hirestream
