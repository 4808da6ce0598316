#include "adapters/files/csv_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "model/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hirestream {
namespace {

constexpr size_t kAbsent = SIZE_MAX;
constexpr size_t kOverlongShown = 4096;
constexpr char kWrongFieldCount[] = "wrong number of fields";

// One after the other, the commas, line feeds and quotes in [begin, end). Looks at 64 bytes at
// once, and so at up to 63 behind the end.
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
  Cursor(const InputWindow& window, bool only_one_line)
      : position(window.begin()),
        end(window.end()),
        marks(window.begin(), window.end()),
        one_line(only_one_line) {}

  const char* position;
  const char* end;
  Marks marks;
  // Stop at a line feed inside quotes.
  bool one_line;
};

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
      HIRESTREAM_TRY(fill());
    }
  }
  if (outcome == Scan::kMalformed) {
    return fail(ErrorKind::kConfig, "read header", name_,
                fmt::format("the first line is no CSV header: {}", why_malformed_),
                "is this file CSV, and is it compressed without .gz or .zst in its name?");
  }
  for (const Field& field : fields_) found_.emplace_back(field.begin, field.end);
  column_count_ = found_.size();
  fields_.resize(column_count_ + 1);
  return match_columns(wanted);
}

Result<void> CsvReader::match_columns(std::span<const WantedColumn> wanted) {
  std::vector<std::string_view> missing;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const std::string_view name = wanted[index].name;
    const auto choose = [&](auto matches) {
      std::vector<size_t> places;
      for (size_t place = 0; place < found_.size(); ++place) {
        if (matches(found_[place])) places.push_back(place);
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
    if (places.size() == 1) {
      columns_[index] = places.front();
      found_[places.front()] = name;
    }
    if (places.empty() && wanted[index].required) missing.push_back(name);
  }
  if (missing.empty()) return {};
  return fail(ErrorKind::kConfig, "read header", name_,
              fmt::format("no column {}; found: {}", fmt::join(missing, ", "),
                          excerpt(fmt::format("{}", fmt::join(found_, ", ")), 500)),
              "the first line must name the columns, separated by commas");
}

Result<bool> CsvReader::advance() {
  consume(consumed_size_);
  line_ += consumed_lines_;
  consumed_size_ = 0;
  consumed_lines_ = 0;
  for (;;) {
    const std::string_view rest(window_.begin(), window_.size());
    if (rest.starts_with('\n')) {
      consume(1);
      ++line_;
    } else if (rest.starts_with("\r\n")) {
      consume(2);
      ++line_;
    } else if (window_.at_end()) {
      if (rest == "\r") consume(1);
      return !window_.empty();
    } else if (rest.empty() || rest == "\r") {
      HIRESTREAM_TRY(fill());
    } else {
      return true;
    }
  }
}

Result<bool> CsvReader::next(Record& record) {
  for (;;) {
    HIRESTREAM_ASSIGN(const bool some, advance());
    if (!some) return false;
    const Scan outcome = scan();
    if (is_overlong(outcome)) {
      HIRESTREAM_TRY(take_overlong(record));
      return true;
    }
    if (outcome != Scan::kIncomplete) break;
    HIRESTREAM_TRY(fill());
  }
  take(record);
  return true;
}

void CsvReader::consume(size_t bytes) {
  window_.consume(bytes);
  open_quotes_.size -= std::min(bytes, open_quotes_.size);
}

Result<void> CsvReader::fill() {
  open_quotes_ = {};
  return window_.fill();
}

// Whatever the window happens to hold, the answer is the same: an incomplete record may yet turn
// out to end with a quote and CR LF.
bool CsvReader::is_overlong(Scan outcome) const {
  if (outcome == Scan::kIncomplete) return window_.size() > kRecordBytesMax + 2;
  return std::max(record_size_, decided_size_) > kRecordBytesMax;
}

CsvReader::Scan CsvReader::scan() {
  if (open_quotes_.size > 0) {
    if (const auto outcome = scan_behind_open_quotes()) return *outcome;
    open_quotes_ = {};
  }
  const Scan outcome = scan_record();
  if (outcome != Scan::kRecord && feeds_inside_ > 0) {
    open_quotes_ = {outcome == Scan::kIncomplete ? window_.size() : decided_size_, why_malformed_,
                    field_count_ - fields_before_feed_};
  }
  return outcome;
}

// Scans a whole record, through all its lines.
CsvReader::Scan CsvReader::scan_record() {
  const Stop stop = scan_fields(/*inside_quotes=*/false, /*only_one_line=*/false);
  return stop.outcome == Scan::kRecord ? end_at(stop.position) : stop.outcome;
}

// The same with what is known of open quotes, so that only one line is scanned, but that one twice:
// from inside the quotes, to know how many of their fields begin on it, and as the beginning of a
// record. Nothing: the quotes end on this line, or the record is a good one, whose fields are
// needed.
std::optional<CsvReader::Scan> CsvReader::scan_behind_open_quotes() {
  const Stop inside = scan_fields(/*inside_quotes=*/true, /*only_one_line=*/true);
  if (inside.outcome != Scan::kInsideQuotes) return std::nullopt;
  open_quotes_.fields_behind -= field_count_ - 1;
  const Stop stop = scan_fields(/*inside_quotes=*/false, /*only_one_line=*/true);
  if (stop.outcome == Scan::kRecord) return end_at(stop.position);
  if (stop.outcome != Scan::kInsideQuotes) return stop.outcome;
  field_count_ += open_quotes_.fields_behind;
  if (open_quotes_.why_malformed == nullptr) return Scan::kIncomplete;
  const bool is_whole = open_quotes_.why_malformed == kWrongFieldCount;
  if (is_whole && field_count_ == column_count_) return std::nullopt;
  decided_size_ = open_quotes_.size;
  return end_at_line_feed(open_quotes_.why_malformed);
}

// From field to field to the record's end, or its first line's.
CsvReader::Stop CsvReader::scan_fields(bool inside_quotes, bool only_one_line) {
  Cursor cursor(window_, only_one_line);
  if (column_count_ == 0) fields_.clear();
  consumed_size_ = 0;
  consumed_lines_ = 0;
  field_count_ = 0;
  feeds_inside_ = 0;
  decided_size_ = 0;
  any_escaped_ = false;
  why_malformed_ = nullptr;
  Scan outcome = Scan::kRecord;
  for (;;) {
    Field& field = next_field();
    const bool quoted = inside_quotes || (cursor.position < cursor.end && *cursor.position == '"');
    outcome = quoted ? scan_quoted(cursor, field, inside_quotes) : scan_unquoted(cursor, field);
    if (outcome != Scan::kRecord || cursor.position == cursor.end || *cursor.position == '\n')
      break;
    inside_quotes = false;
    ++cursor.position;
  }
  window_.note_examined(static_cast<size_t>(cursor.position - window_.begin()));
  return {outcome, cursor.position};
}

// The record ends at the line feed, or the end of the input, at `position`.
CsvReader::Scan CsvReader::end_at(const char* position) {
  record_size_ = static_cast<size_t>(position - window_.begin());
  consumed_size_ = record_size_ + (position < window_.end() ? 1 : 0);
  consumed_lines_ = 1 + feeds_inside_;
  if (record_size_ > 0 && position[-1] == '\r') --record_size_;
  if (column_count_ == 0 || field_count_ == column_count_) return Scan::kRecord;
  decided_size_ = record_size_;
  return end_at_line_feed(kWrongFieldCount);
}

CsvReader::Field& CsvReader::next_field() {
  if (column_count_ == 0) {
    ++field_count_;
    return fields_.emplace_back();
  }
  // Fields beyond the header's are only counted: the last place takes them all.
  return fields_[std::min(field_count_++, column_count_)];
}

// Both leave the cursor at the comma, line feed or end of input behind the field, with that mark
// taken.
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

CsvReader::Scan CsvReader::scan_quoted(Cursor& cursor, Field& field, bool inside_quotes) {
  const char* const end = cursor.end;
  // The opening quote.
  if (!inside_quotes) cursor.marks.next();
  field.escaped = false;
  field.begin = cursor.position + (inside_quotes ? 0 : 1);
  for (;;) {
    const char* quote = cursor.marks.next();
    if (quote == end) {
      cursor.position = quote;
      decided_size_ = window_.size();
      return window_.at_end() ? end_at_line_feed("a quote is never closed") : Scan::kIncomplete;
    }
    if (*quote == '\n') {
      if (feeds_inside_++ == 0) fields_before_feed_ = field_count_;
      cursor.position = quote;
      if (cursor.one_line) return Scan::kInsideQuotes;
    }
    if (*quote != '"') continue;
    field.end = quote;
    cursor.position = quote + 1;
    if (cursor.position == end && !window_.at_end()) return Scan::kIncomplete;
    if (cursor.position == end || *cursor.position != '"') break;
    // A doubled quote.
    cursor.marks.next();
    field.escaped = true;
    any_escaped_ = true;
  }
  if (cursor.position < end && *cursor.position == '\r') {
    if (cursor.position + 1 == end && !window_.at_end()) return Scan::kIncomplete;
    if (cursor.position + 1 == end || cursor.position[1] == '\n') ++cursor.position;
  }
  if (cursor.position == end) return Scan::kRecord;
  if (*cursor.position != ',' && *cursor.position != '\n') {
    decided_size_ = static_cast<size_t>(cursor.position - window_.begin());
    return end_at_line_feed("text behind a closing quote");
  }
  // The comma or line feed.
  cursor.marks.next();
  return Scan::kRecord;
}

CsvReader::Scan CsvReader::end_at_line_feed(const char* why) {
  const auto* feed = static_cast<const char*>(std::memchr(window_.begin(), '\n', window_.size()));
  const char* record_end = feed == nullptr ? window_.end() : feed;
  window_.note_examined(static_cast<size_t>(record_end - window_.begin()));
  if (feed == nullptr && !window_.at_end()) return Scan::kIncomplete;
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
  window_.note_examined(record_size_);
  if (why_malformed_ == nullptr && is_utf8(record.bytes)) {
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
  const std::string_view beginning(window_.begin(), kOverlongShown);
  unescaped_ = beginning.substr(0, beginning.find('\n'));
  std::fill(values_.begin(), values_.end(), std::nullopt);
  record.bytes = unescaped_;
  record.line = line_;
  record.values = values_;
  record.malformed =
      fmt::format("longer than {} bytes or a quote is never closed", kRecordBytesMax);
  if (end_at_line_feed(nullptr) != Scan::kIncomplete) return {};
  consumed_size_ = 0;
  consumed_lines_ = 1;
  open_quotes_ = {};
  return window_.skip_line();
}

}  // namespace hirestream
