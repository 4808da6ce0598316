#include "fuzz/record_check.h"

#include <algorithm>

namespace hirestream {

std::optional<std::vector<ReadRecord>> read_records(const OpenReader& open, Bytes file,
                                                    size_t piece) {
  auto reader = open(std::make_unique<ViewStream>(as_text(file), piece));
  if (!reader) {
    FUZZ_REQUIRE(reader.error().kind == ErrorKind::kConfig);
    FUZZ_REQUIRE(!reader.error().message.empty());
    return std::nullopt;
  }
  std::vector<ReadRecord> records;
  for (Record record;;) {
    const auto some = (*reader)->next(record);
    if (!some) {
      FUZZ_REQUIRE(some.error().kind == ErrorKind::kRejected);
      FUZZ_REQUIRE(!some.error().message.empty());
      check_work(**reader, file.size());
      return std::nullopt;
    }
    if (!*some) break;
    ReadRecord& copy = records.emplace_back();
    copy.bytes = record.bytes;
    copy.line = record.line;
    copy.malformed = record.malformed;
    for (const auto& value : record.values) {
      FUZZ_REQUIRE(!value || !value->empty());
      FUZZ_REQUIRE(!value || copy.malformed.empty());
      copy.values.emplace_back(value);
    }
  }
  FUZZ_REQUIRE((*reader)->file_bytes() == static_cast<int64_t>(file.size()));
  check_work(**reader, file.size());
  return records;
}

void check_work(const RecordReader& reader, size_t bytes) {
  FUZZ_REQUIRE(reader.bytes_examined() <= kExaminedPerByteMax * bytes);
}

std::optional<std::vector<ReadRecord>> read_and_check(const OpenReader& open, Bytes file,
                                                      size_t piece, const BetweenRecords& between) {
  auto records = read_records(open, file, std::max<size_t>(file.size(), 1));
  FUZZ_REQUIRE(read_records(open, file, 1) == records);
  FUZZ_REQUIRE(read_records(open, file, std::max<size_t>(piece, 1)) == records);
  if (!records) return std::nullopt;
  std::string_view rest = as_text(file);
  if (!between.has_header && rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  const auto is_blank = [&](char c) { return between.blanks.find(c) != between.blanks.npos; };
  const auto is_nothing = [&](std::string_view line) {
    return std::all_of(line.begin(), line.end(), is_blank) || between.is_passed_over(line);
  };
  int64_t line = 1;
  bool before_first = between.has_header;
  for (const ReadRecord& record : *records) {
    // From the known place on to the next record; a file's header is what no record delivers.
    while (line < record.line) {
      const size_t feed = rest.find('\n');
      FUZZ_REQUIRE(feed != rest.npos);
      FUZZ_REQUIRE(before_first || is_nothing(rest.substr(0, feed)));
      rest.remove_prefix(feed + 1);
      ++line;
    }
    FUZZ_REQUIRE(line == record.line);
    before_first = false;
    FUZZ_REQUIRE(!record.bytes.empty());
    while (!rest.starts_with(record.bytes) && !rest.empty() && is_blank(rest[0])) {
      rest.remove_prefix(1);
    }
    FUZZ_REQUIRE(rest.starts_with(record.bytes));
    line += std::count(record.bytes.begin(), record.bytes.end(), '\n');
    rest.remove_prefix(record.bytes.size());
  }
  while (!before_first && !rest.empty()) {
    const size_t feed = std::min(rest.find('\n'), rest.size());
    FUZZ_REQUIRE(is_nothing(rest.substr(0, feed)));
    rest.remove_prefix(std::min(feed + 1, rest.size()));
  }
  return records;
}

}  // namespace hirestream
