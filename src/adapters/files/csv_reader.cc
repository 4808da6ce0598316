#include "adapters/files/csv_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>
#include <strings.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hirestream {
namespace {

constexpr size_t kAbsent = SIZE_MAX;
constexpr size_t kOverlongShown = 4096;
constexpr char kWrongFieldCount[] = "wrong number of fields";

// One after the other, the commas, line feeds and quotes in [begin, end). Looks at 64 bytes at once, and so at up to 63 behind the end.
class Marks {
 public:
  Marks(const char* begin, const char* end) : block_(begin), end_(end), mask_(load()) {}

  // The next one, or the end.
  const char* next() {
    while (mask_ == 0) {
      if (end_ - block_ <= kBlock) return end_;
      block_ += kBlock;
      mask_ = load();
    }
    const char* mark = block_ + std::countr_zero(mask_);
    mask_ &= mask_ - 1;
    return std::min(mark, end_);
  }

 private:
  static constexpr std::ptrdiff_t kBlock = 64;
  static_assert(kBlock <= static_cast<std::ptrdiff_t>(InputWindow::kPadding));

  // Bit i: byte i of the block is a mark.
  uint64_t load() const {
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i comma = _mm_set1_epi8(',');
    const __m128i feed = _mm_set1_epi8('\n');
    const __m128i quote = _mm_set1_epi8('"');
    for (int part = 0; part < 4; ++part) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(block_ + std::ptrdiff_t{16} * part));
      const __m128i hits =
          _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, feed)),
                       _mm_cmpeq_epi8(bytes, quote));
      mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(hits))) << (16 * part);
    }
#else
    for (int index = 0; index < kBlock; ++index) {
      const char byte = block_[index];
      const bool is_mark = byte == ',' || byte == '\n' || byte == '"';
      mask |= static_cast<uint64_t>(is_mark) << index;
    }
#endif
    return mask;
  }

  const char* block_;
  const char* end_;
  uint64_t mask_;
};

}  // namespace

// The scan's place in the record: the position, and the marks behind it.
struct CsvReader::Cursor {
  const char* position;
  const char* end;
  Marks marks;
};

namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ByteStream> stream, std::string name, size_t window_bytes)
    : window_(std::move(stream), window_bytes), name_(std::move(name)) {}

Result<std::unique_ptr<CsvReader>> CsvReader::open(std::unique_ptr<ByteStream> stream,
                                                   std::string name,
                                                   std::span<const WantedColumn> wanted,
                                                   size_t window_bytes) {
  std::unique_ptr<CsvReader> reader(
      new CsvReader(std::move(stream), std::move(name), window_bytes));
  HIRESTREAM_TRY(reader->window_.skip_byte_order_mark());
  HIRESTREAM_TRY(reader->read_header(wanted));
  return reader;
}

Result<void> CsvReader::read_header(std::span<const WantedColumn> wanted) {
  values_.resize(wanted.size());
  columns_.assign(wanted.size(), kAbsent);
  Scan outcome = Scan::kIncomplete;
  while (outcome == Scan::kIncomplete) {
    HIRESTREAM_ASSIGN(const bool some, advance());
    if (!some) return {};
    outcome = scan();
    if (outcome == Scan::kIncomplete) {
      if (window_.size() > kRecordBytesMax) {
        why_malformed_ = "it is too long";
        outcome = Scan::kMalformed;
      }
      HIRESTREAM_TRY(window_.fill());
    }
  }
  if (outcome == Scan::kMalformed) {
    return fail(ErrorKind::kConfig, "read header", name_,
                fmt::format("the first line is no CSV header: {}", why_malformed_),
                "is this file CSV, and is it compressed without .gz or .zst in its name?");
  }
  std::vector<std::string> found;
  for (const Field& field : fields_) found.emplace_back(field.begin, field.end);
  column_count_ = found.size();
  fields_.resize(column_count_ + 1);
  return match_columns(found, wanted);
}

Result<void> CsvReader::match_columns(std::span<const std::string> found,
                                      std::span<const WantedColumn> wanted) {
  std::vector<std::string_view> missing;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const std::string_view name = wanted[index].name;
    const auto choose = [&](auto matches) {
      std::vector<size_t> places;
      for (size_t place = 0; place < found.size(); ++place) {
        if (matches(found[place])) places.push_back(place);
      }
      return places;
    };
    std::vector<size_t> places = choose([&](std::string_view text) { return text == name; });
    if (places.empty()) {
      places = choose([&](std::string_view text) { return equal_without_case(text, name); });
    }
    if (places.size() > 1) {
      return fail(ErrorKind::kConfig, "read header", name_,
                  fmt::format("column {} stands there {} times", name, places.size()),
                  "rename all but one of them");
    }
    if (places.size() == 1) columns_[index] = places.front();
    if (places.empty()) absent_.push_back(name);
    if (places.empty() && wanted[index].required) missing.push_back(name);
  }
  if (missing.empty()) return {};
  return fail(ErrorKind::kConfig, "read header", name_,
              fmt::format("no column {}; found: {}", fmt::join(missing, ", "),
                          excerpt(fmt::format("{}", fmt::join(found, ", ")), 500)),
              "the first line must name the columns, separated by commas");
}

Result<bool> CsvReader::advance() {
  window_.consume(consumed_size_);
  line_ += consumed_lines_;
  consumed_size_ = 0;
  consumed_lines_ = 0;
  for (;;) {
    const std::string_view rest(window_.begin(), window_.size());
    if (rest.starts_with('\n')) {
      window_.consume(1);
      ++line_;
    } else if (rest.starts_with("\r\n")) {
      window_.consume(2);
      ++line_;
    } else if (window_.at_end()) {
      if (rest == "\r") window_.consume(1);
      return !window_.empty();
    } else if (rest.empty() || rest == "\r") {
      HIRESTREAM_TRY(window_.fill());
    } else {
      return true;
    }
  }
}

Result<bool> CsvReader::next(Record& record) {
  for (;;) {
    HIRESTREAM_ASSIGN(const bool some, advance());
    if (!some) return false;
    const bool complete = scan() != Scan::kIncomplete;
    if ((complete ? record_size_ : window_.size()) > kRecordBytesMax) {
      HIRESTREAM_TRY(take_overlong(record));
      return true;
    }
    if (complete) break;
    HIRESTREAM_TRY(window_.fill());
  }
  take(record);
  return true;
}

// Finds the record at the beginning of the window.
CsvReader::Scan CsvReader::scan() {
  const char* const begin = window_.begin();
  Cursor cursor{begin, window_.end(), Marks(begin, window_.end())};
  if (column_count_ == 0) fields_.clear();
  field_count_ = 0;
  feeds_inside_ = 0;
  any_escaped_ = false;
  why_malformed_ = nullptr;
  for (bool last = false; !last;) {
    Field& field = next_field();
    const bool quoted = cursor.position < cursor.end && *cursor.position == '"';
    const Scan outcome = quoted ? scan_quoted(cursor, field) : scan_unquoted(cursor, field);
    if (outcome != Scan::kRecord) return outcome;
    last = cursor.position == cursor.end || *cursor.position == '\n';
    if (!last) ++cursor.position;
  }
  const bool has_feed = cursor.position < cursor.end;
  record_size_ = static_cast<size_t>(cursor.position - begin);
  consumed_size_ = record_size_ + (has_feed ? 1 : 0);
  consumed_lines_ = 1 + feeds_inside_;
  if (record_size_ > 0 && begin[record_size_ - 1] == '\r') --record_size_;
  if (column_count_ != 0 && field_count_ != column_count_) {
    return end_at_line_feed(kWrongFieldCount);
  }
  return Scan::kRecord;
}

CsvReader::Field& CsvReader::next_field() {
  if (column_count_ == 0) {
    ++field_count_;
    return fields_.emplace_back();
  }
  // Fields beyond the header's are only counted: the last place takes them all.
  return fields_[std::min(field_count_++, column_count_)];
}

// Both leave the cursor at the comma, line feed or end of input behind the field, with that mark taken.
CsvReader::Scan CsvReader::scan_unquoted(Cursor& cursor, Field& field) {
  field.begin = cursor.position;
  field.escaped = false;
  do {
    cursor.position = cursor.marks.next();
  } while (cursor.position < cursor.end && *cursor.position == '"');
  if (cursor.position == cursor.end && !window_.at_end()) return Scan::kIncomplete;
  field.end = cursor.position;
  const bool last = cursor.position == cursor.end || *cursor.position == '\n';
  if (last && field.end > field.begin && field.end[-1] == '\r') --field.end;
  return Scan::kRecord;
}

CsvReader::Scan CsvReader::scan_quoted(Cursor& cursor, Field& field) {
  const char* const end = cursor.end;
  cursor.marks.next();  // the opening quote
  field.escaped = false;
  field.begin = cursor.position + 1;
  for (;;) {
    const char* quote = cursor.marks.next();
    if (quote == end) {
      return window_.at_end() ? end_at_line_feed("a quote is never closed") : Scan::kIncomplete;
    }
    if (*quote == '\n') ++feeds_inside_;
    if (*quote != '"') continue;
    if (quote + 1 == end && !window_.at_end()) return Scan::kIncomplete;
    field.end = quote;
    cursor.position = quote + 1;
    if (cursor.position == end || *cursor.position != '"') break;
    cursor.marks.next();  // a doubled quote
    field.escaped = true;
    any_escaped_ = true;
  }
  if (cursor.position < end && *cursor.position == '\r') {
    if (cursor.position + 1 == end && !window_.at_end()) return Scan::kIncomplete;
    if (cursor.position + 1 == end || cursor.position[1] == '\n') ++cursor.position;
  }
  if (cursor.position == end) return Scan::kRecord;
  if (*cursor.position != ',' && *cursor.position != '\n') {
    return end_at_line_feed("text behind a closing quote");
  }
  cursor.marks.next();  // the comma or line feed
  return Scan::kRecord;
}

CsvReader::Scan CsvReader::end_at_line_feed(const char* why) {
  const auto* feed = static_cast<const char*>(std::memchr(window_.begin(), '\n', window_.size()));
  if (feed == nullptr && !window_.at_end()) return Scan::kIncomplete;
  const char* record_end = feed == nullptr ? window_.end() : feed;
  record_size_ = static_cast<size_t>(record_end - window_.begin());
  consumed_size_ = record_size_ + (feed == nullptr ? 0 : 1);
  consumed_lines_ = 1;
  if (record_size_ > 0 && record_end[-1] == '\r') --record_size_;
  why_malformed_ = why;
  return Scan::kMalformed;
}

void CsvReader::take(Record& record) {
  record.bytes = std::string_view(window_.begin(), record_size_);
  record.line = line_;
  record.values = values_;
  record.malformed.clear();
  if (why_malformed_ == nullptr && simdjson::validate_utf8(record.bytes)) {
    take_values();
    return;
  }
  std::fill(values_.begin(), values_.end(), std::nullopt);
  if (why_malformed_ == nullptr) {
    record.malformed = "invalid UTF-8";
  } else if (why_malformed_ == kWrongFieldCount) {
    record.malformed =
        fmt::format("{} fields where the header has {}", field_count_, column_count_);
  } else {
    record.malformed = why_malformed_;
  }
}

void CsvReader::take_values() {
  // Reserved at once: views into it must stay valid while it grows.
  unescaped_.clear();
  if (any_escaped_) unescaped_.reserve(record_size_);
  for (size_t index = 0; index < columns_.size(); ++index) {
    std::optional<std::string_view>& value = values_[index];
    value.reset();
    if (columns_[index] == kAbsent) continue;
    const Field& field = fields_[columns_[index]];
    if (field.begin == field.end) continue;
    if (!field.escaped) {
      value = std::string_view(field.begin, static_cast<size_t>(field.end - field.begin));
      continue;
    }
    const size_t begin = unescaped_.size();
    for (const char* position = field.begin; position < field.end; ++position) {
      unescaped_.push_back(*position);
      if (*position == '"') ++position;
    }
    value = std::string_view(unescaped_).substr(begin);
  }
}

Result<void> CsvReader::take_overlong(Record& record) {
  unescaped_.assign(window_.begin(), kOverlongShown);
  if (const size_t feed = unescaped_.find('\n'); feed != std::string::npos) unescaped_.resize(feed);
  std::fill(values_.begin(), values_.end(), std::nullopt);
  record.bytes = unescaped_;
  record.line = line_;
  record.values = values_;
  record.malformed =
      fmt::format("longer than {} bytes or a quote is never closed", kRecordBytesMax);
  consumed_size_ = 0;
  consumed_lines_ = 1;
  return window_.skip_line();
}

}  // namespace hirestream
