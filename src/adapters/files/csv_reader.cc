#include "adapters/files/csv_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "adapters/files/csv_escape.h"
#include "model/row_id.h"
#include "model/text.h"
#include "model/timestamp.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hirestream {
namespace {

constexpr size_t kAbsent = SIZE_MAX;
constexpr size_t kOverlongShown = 4096;
constexpr char kWrongFieldCount[] = "wrong number of fields";
constexpr std::string_view kSeparatorLine = "sep=";
// Of a record that another dialect might fit: how far it is followed, and how many bytes in all for
// each byte of the file.
constexpr size_t kFollowedBytesMax = 64 << 10;
constexpr size_t kFollowedPerByteMax = 6;

// One after the other, the delimiters, line ends and quotes in [begin, end). Looks at 64 bytes at
// once, and so at up to 63 behind the end.
class Marks {
 public:
  Marks(const char* begin, const char* end, const CsvDialect& dialect)
      : delimiter_(dialect.delimiter),
        line_end_(dialect.line_end),
        block_(begin),
        end_(end),
        mask_(load()) {}

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
    const __m128i delimiter = _mm_set1_epi8(delimiter_);
    const __m128i line_end = _mm_set1_epi8(line_end_);
    const __m128i quote = _mm_set1_epi8('"');
    for (int part = 0; part < 4; ++part) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(block_ + std::ptrdiff_t{16} * part));
      const __m128i hits = _mm_or_si128(
          _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiter), _mm_cmpeq_epi8(bytes, line_end)),
          _mm_cmpeq_epi8(bytes, quote));
      mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(hits))) << (16 * part);
    }
#else
    for (int index = 0; index < kBlock; ++index) {
      const char byte = block_[index];
      const bool is_mark = byte == delimiter_ || byte == line_end_ || byte == '"';
      mask |= static_cast<uint64_t>(is_mark) << index;
    }
#endif
    return mask;
  }

  char delimiter_;
  char line_end_;
  const char* block_;
  const char* end_;
  uint64_t mask_;
};

}  // namespace

// The scan's place in the record: the position, and the marks behind it.
struct CsvReader::Cursor {
  Cursor(const InputWindow& window, const CsvDialect& dialect, bool only_one_line, size_t bytes_max)
      : position(window.begin()),
        end(window.begin() + std::min(window.size(), bytes_max)),
        at_end(window.at_end() && end == window.end()),
        line_end(dialect.line_end),
        marks(window.begin(), end, dialect),
        one_line(only_one_line) {}

  const char* position;
  const char* end;
  // The input ends there.
  bool at_end;
  char line_end;
  Marks marks;
  // Stop at a line end inside quotes.
  bool one_line;
};

namespace {

// It has an id or a time where a header has a name.
bool looks_like_row(std::span<const std::string> fields) {
  return std::any_of(fields.begin(), fields.end(), [](const std::string& field) {
    return parse_uuid(field) || parse_timestamp(field);
  });
}

std::string_view text_of(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// What `dialect` has otherwise than `other`, in words.
std::string difference(const CsvDialect& dialect, const CsvDialect& other) {
  if (dialect.delimiter != other.delimiter) {
    return fmt::format("delimiter {}", csv_delimiter_name(dialect.delimiter));
  }
  if (dialect.line_end != other.line_end) {
    return dialect.line_end == '\r' ? "lines that end with CR" : "lines that end with LF";
  }
  return fmt::format("escape {}", csv_escape_name(dialect.escape));
}

std::string other_dialect_text(const CsvDialect& fitting, const CsvDialect& found) {
  return fmt::format("this record is of another dialect than those before it: {} instead of {}",
                     difference(fitting, found), difference(found, fitting));
}

std::string way_out(const CsvDialect& found, const CsvDialect& fitting) {
  if (found.delimiter != fitting.delimiter) {
    return fmt::format(
        "if the file was joined from parts, split it; to reject such records: --csv-delimiter {}",
        csv_delimiter_name(found.delimiter));
  }
  if (found.line_end != fitting.line_end) return "write the file with one kind of line ends";
  return fmt::format("say how it is written: --csv-escape {} or {}; what does not fit is rejected",
                     csv_escape_name(fitting.escape), csv_escape_name(found.escape));
}

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ByteStream> stream, std::string name, CsvDialect dialect,
                     size_t window_bytes, By by)
    : window_(std::move(stream), window_bytes),
      name_(std::move(name)),
      dialect_(std::move(dialect)),
      by_index_(by == By::kIndex && dialect_.escape == CsvEscape::kDoubledQuote &&
                dialect_.line_end == '\n') {
  const auto add = [this](auto change) {
    CsvDialect other = dialect_;
    change(other);
    others_.push_back(std::move(other));
  };
  for (const CsvEscape escape : dialect_.other_escapes) {
    add([escape](CsvDialect& other) { other.escape = escape; });
  }
  for (const char delimiter : dialect_.other_delimiters) {
    add([delimiter](CsvDialect& other) { other.delimiter = delimiter; });
  }
  if (dialect_.other_line_ends) {
    add([](CsvDialect& other) { other.line_end = other.line_end == '\n' ? '\r' : '\n'; });
  }
}

Result<std::unique_ptr<CsvReader>> CsvReader::open(std::unique_ptr<ByteStream> stream,
                                                   std::string name,
                                                   std::span<const WantedColumn> wanted,
                                                   CsvDialect dialect, size_t window_bytes, By by) {
  std::unique_ptr<CsvReader> reader(
      new CsvReader(std::move(stream), std::move(name), std::move(dialect), window_bytes, by));
  HIRESTREAM_TRY(reader->window_.skip_byte_order_mark());
  HIRESTREAM_TRY(reader->skip_separator_line());
  HIRESTREAM_TRY(reader->read_header(wanted));
  return reader;
}

std::string CsvReader::dialect() const {
  return dialect_.text();
}

std::vector<std::string> CsvReader::notes() const {
  if (headers_skipped_ == 0) return {};
  return {fmt::format("{} more line{} with the header skipped", headers_skipped_,
                      headers_skipped_ == 1 ? "" : "s")};
}

// What spreadsheets write to tell one another the delimiter.
Result<void> CsvReader::skip_separator_line() {
  while (window_.size() < kSeparatorLine.size() + 3 && !window_.at_end()) HIRESTREAM_TRY(fill());
  std::string_view line(window_.begin(), window_.size());
  if (!line.starts_with(kSeparatorLine)) return {};
  line.remove_prefix(std::min(line.size(), kSeparatorLine.size() + 1));
  if (!line.starts_with('\n') && !line.starts_with('\r')) return {};
  consume(kSeparatorLine.size() + 1);
  return {};
}

Result<void> CsvReader::read_header(std::span<const WantedColumn> wanted) {
  values_.resize(wanted.size());
  columns_.assign(wanted.size(), kAbsent);
  header_ = dialect_.header;
  if (header_.empty()) {
    HIRESTREAM_ASSIGN(header_, scan_header());
  }
  if (header_.empty()) return {};
  for (const std::string& name : header_) {
    header_name_bytes_max_ = std::max(header_name_bytes_max_, name.size());
  }
  column_count_ = header_.size();
  fields_.resize(column_count_ + 1);
  return match_columns(wanted);
}

// Nothing: the file has no record.
Result<std::vector<std::string>> CsvReader::scan_header() {
  Scan outcome = Scan::kIncomplete;
  while (outcome == Scan::kIncomplete) {
    HIRESTREAM_ASSIGN(const bool some, advance());
    if (!some) return std::vector<std::string>();
    outcome = scan();
    if (outcome == Scan::kIncomplete) {
      if (window_.size() > kRecordBytesMax) {
        scanned_.why_malformed = "it is too long";
        outcome = Scan::kMalformed;
      }
      HIRESTREAM_TRY(fill());
    }
  }
  if (outcome == Scan::kMalformed) {
    return fail(ErrorKind::kConfig, "read header", name_,
                fmt::format("the first line is no CSV header: {}", scanned_.why_malformed),
                "is this file CSV, and is it compressed without .gz or .zst in its name?");
  }
  std::vector<std::string> names;
  for (const Field& field : fields_) names.emplace_back(field.begin, field.end);
  return names;
}

Result<void> CsvReader::match_columns(std::span<const WantedColumn> wanted) {
  std::vector<std::string> names;
  for (const std::string& name : header_) names.emplace_back(trim(name));
  found_columns_ = names;
  std::vector<std::string_view> missing;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const std::string_view name = wanted[index].name;
    const std::vector<size_t> places = places_of(name, names);
    // Of the dialects that are tried, it is the right one that shows the name twice.
    if (places.size() > 1 && !dialect_.tried_only) {
      return fail(ErrorKind::kConfig, "read header", name_,
                  fmt::format("column {} stands there {} times", name, places.size()),
                  "rename all but one of them");
    }
    if (!places.empty()) {
      columns_[index] = places.front();
      found_columns_[places.front()] = name;
    }
    if (places.empty() && wanted[index].required) missing.push_back(name);
  }
  const std::string found = excerpt(fmt::format("{}", fmt::join(names, ", ")), 500);
  const bool judged = dialect_.header.empty() && !dialect_.tried_only;
  if (judged && columns_matched() == 0 && looks_like_row(header_)) {
    return fail(ErrorKind::kConfig, "read header", name_,
                fmt::format("it has no header: its first line is a row of {} values: {}",
                            header_.size(), found),
                "name all its columns in their order, separated by commas: --csv-header "
                "create_time,…");
  }
  if (missing.empty()) return {};
  return fail(ErrorKind::kConfig, "read header", name_,
              fmt::format("no column {}; found: {}", fmt::join(missing, ", "), found),
              "the first line must name the columns");
}

size_t CsvReader::columns_matched() const {
  return columns_.size() - static_cast<size_t>(std::ranges::count(columns_, kAbsent));
}

void CsvReader::leave_record() {
  consume(scanned_.consumed_size);
  line_ += scanned_.consumed_lines;
  scanned_.consumed_size = 0;
  scanned_.consumed_lines = 0;
}

Result<bool> CsvReader::advance() {
  leave_record();
  for (;;) {
    const std::optional<size_t> blank = blank_size();
    if (blank && *blank == 0) return !window_.empty();
    if (!blank) {
      HIRESTREAM_TRY(fill());
      continue;
    }
    if (window_.begin()[*blank - 1] == dialect_.line_end) ++line_;
    consume(*blank);
  }
}

std::optional<size_t> CsvReader::blank_size() const {
  const std::string_view rest(window_.begin(), window_.size());
  if (rest.empty()) return window_.at_end() ? std::optional<size_t>(0) : std::nullopt;
  if (rest[0] == '\n') return 1;
  if (rest[0] != '\r') return 0;
  if (dialect_.line_end == '\r') return 1;
  if (rest.size() == 1) return window_.at_end() ? std::optional<size_t>(1) : std::nullopt;
  return rest[1] == '\n' ? 2 : 0;
}

Result<bool> CsvReader::next(Record& record) {
  for (;;) {
    if (by_index_ && take_indexed(record)) return true;
    HIRESTREAM_ASSIGN(const bool some, next_found(record));
    if (!some) return false;
    if (record.malformed.empty() && !record.bytes.empty()) {
      HIRESTREAM_ASSIGN(const bool repeated, is_repeated_header());
      if (repeated) {
        ++headers_skipped_;
        continue;
      }
    }
    return true;
  }
}

Result<bool> CsvReader::next_found(Record& record) {
  for (;;) {
    HIRESTREAM_ASSIGN(const bool some, advance());
    if (!some) return false;
    const Scan outcome = scan();
    if (is_overlong(outcome)) {
      HIRESTREAM_TRY(refuse_other_dialect(kRecordBytesMax));
      HIRESTREAM_TRY(take_overlong(record));
      return true;
    }
    if (outcome != Scan::kIncomplete) break;
    HIRESTREAM_TRY(fill());
  }
  if (scanned_.why_malformed == kWrongFieldCount) HIRESTREAM_TRY(refuse_other_header());
  const bool doubtful = scanned_.any_backslash_quote &&
                        dialect_.escape == CsvEscape::kDoubledQuote && !others_.empty();
  if (scanned_.why_malformed != nullptr || doubtful) {
    HIRESTREAM_TRY(refuse_other_dialect(scanned_.record_size));
  }
  // The fields were scanned in other ways since.
  if (scanned_.why_malformed == nullptr && doubtful) scan_record();
  HIRESTREAM_TRY(take(record));
  return true;
}

bool CsvReader::find_indexed() {
  leave_record();
  // An index of nothing, or what is known of open quotes would have to be kept up.
  if (column_count_ == 0 || open_quotes_.size > 0) return false;
  const char* const begin = window_.begin();
  const bool is_used_up = index_begin_ != nullptr && index_.is_regular() &&
                          indexed_record_ == index_.records() && index_.records() > 0;
  if (index_begin_ == nullptr || begin >= index_end_ || is_used_up) {
    index_.build(begin, window_.size(), dialect_.delimiter);
    window_.note_examined(2 * index_.size());
    index_begin_ = begin;
    index_end_ = begin + index_.size();
    indexed_record_ = 0;
    index_is_utf8_ = is_utf8(text_of(begin, begin + index_.records_size()));
  }
  while (indexed_record_ < index_.records() &&
         index_begin_ + index_.record_begin(indexed_record_) < begin) {
    ++indexed_record_;
  }
  return indexed_record_ < index_.records() &&
         index_begin_ + index_.record_begin(indexed_record_) == begin;
}

inline CsvReader::Field CsvReader::indexed_field(size_t place) const {
  const size_t number = index_.first_field(indexed_record_) + place;
  Field field;
  field.begin = index_begin_ + index_.field_begin(number);
  field.end = index_begin_ + index_.field_end(number);
  const bool last = place + 1 == column_count_;
  if (last && field.end > field.begin && field.end[-1] == '\r') --field.end;
  if (field.begin < field.end && *field.begin == '"') {
    ++field.begin;
    --field.end;
    field.quoted = true;
  }
  return field;
}

// In place: a value that is returned and then copied waits for its own stores, a tenth of the time.
inline void CsvReader::take_indexed_value(size_t place, std::optional<std::string_view>& value) {
  value.reset();
  if (place == kAbsent) return;
  const Field field = indexed_field(place);
  if (field.begin == field.end) return;
  value.emplace(field.begin, static_cast<size_t>(field.end - field.begin));
  if (field.quoted && value->find('"') != value->npos) value = without_doubles(field);
}

bool CsvReader::take_indexed(Record& record) {
  if (!find_indexed() || index_.field_count(indexed_record_) != column_count_) return false;
  const char* const begin = window_.begin();
  const char* const feed = index_begin_ + index_.record_begin(indexed_record_ + 1) - 1;
  const char* const end = feed > begin && feed[-1] == '\r' ? feed - 1 : feed;
  const std::string_view bytes = text_of(begin, end);
  const Field first = indexed_field(0);
  if (bytes.empty() || is_name_of_header(text_of(first.begin, first.end)) ||
      (!index_is_utf8_ && !is_utf8(bytes))) {
    return false;
  }
  scanned_ = {};
  scanned_.record_size = bytes.size();
  scanned_.consumed_size = bytes.size() + static_cast<size_t>(feed - end) + 1;
  scanned_.consumed_lines = 1;
  if (index_.any_feed_in_quotes()) {
    scanned_.consumed_lines += std::count(begin, end, '\n');
  }
  unescaped_.clear();
  unescaped_.reserve(bytes.size());
  for (size_t index = 0; index < columns_.size(); ++index) {
    take_indexed_value(columns_[index], values_[index]);
  }
  ++indexed_record_;
  record.bytes = bytes;
  record.line = line_;
  record.values = values_;
  record.malformed.clear();
  return true;
}

// A record whose first field is none repeats no header.
bool CsvReader::is_name_of_header(std::string_view text) const {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text.size() <= header_name_bytes_max_ &&
         std::any_of(header_.begin(), header_.end(),
                     [text](const std::string& name) { return equal_without_case(text, name); });
}

void CsvReader::consume(size_t bytes) {
  window_.consume(bytes);
  bytes_consumed_ += bytes;
  open_quotes_.size -= std::min(bytes, open_quotes_.size);
}

Result<void> CsvReader::fill() {
  open_quotes_ = {};
  index_begin_ = nullptr;
  return window_.fill();
}

// Whatever the window happens to hold, the answer is the same: an incomplete record may yet turn
// out to end with a quote and CR LF.
bool CsvReader::is_overlong(Scan outcome) const {
  if (outcome == Scan::kIncomplete) return window_.size() > kRecordBytesMax + 2;
  return std::max(scanned_.record_size, scanned_.decided_size) > kRecordBytesMax;
}

CsvReader::Scan CsvReader::scan() {
  if (open_quotes_.size > 0) {
    if (const auto outcome = scan_behind_open_quotes()) return *outcome;
    open_quotes_ = {};
  }
  const Scan outcome = scan_record();
  if (outcome != Scan::kRecord && scanned_.feeds_inside > 0) {
    open_quotes_ = {outcome == Scan::kIncomplete ? window_.size() : scanned_.decided_size,
                    scanned_.why_malformed, scanned_.field_count - scanned_.fields_before_feed};
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
  open_quotes_.fields_behind -= scanned_.field_count - 1;
  const Stop stop = scan_fields(/*inside_quotes=*/false, /*only_one_line=*/true);
  if (stop.outcome == Scan::kRecord) return end_at(stop.position);
  if (stop.outcome != Scan::kInsideQuotes) return stop.outcome;
  scanned_.field_count += open_quotes_.fields_behind;
  if (open_quotes_.why_malformed == nullptr) return Scan::kIncomplete;
  const bool is_whole = open_quotes_.why_malformed == kWrongFieldCount;
  if (is_whole && scanned_.field_count == column_count_) return std::nullopt;
  scanned_.decided_size = open_quotes_.size;
  return end_at_line_feed(open_quotes_.why_malformed);
}

// From field to field to the record's end, or its first line's.
CsvReader::Stop CsvReader::scan_fields(bool inside_quotes, bool only_one_line, size_t bytes_max) {
  Cursor cursor(window_, dialect_, only_one_line, bytes_max);
  if (column_count_ == 0) fields_.clear();
  scanned_ = {};
  Scan outcome = Scan::kRecord;
  for (;;) {
    Field& field = next_field();
    const bool quoted = inside_quotes || (cursor.position < cursor.end && *cursor.position == '"');
    outcome = quoted ? scan_quoted(cursor, field, inside_quotes) : scan_unquoted(cursor, field);
    if (outcome != Scan::kRecord || cursor.position == cursor.end ||
        *cursor.position == cursor.line_end) {
      break;
    }
    inside_quotes = false;
    ++cursor.position;
  }
  window_.note_examined(static_cast<size_t>(cursor.position - window_.begin()));
  return {outcome, cursor.position};
}

// The record ends at the line end, or the end of the input, at `position`.
CsvReader::Scan CsvReader::end_at(const char* position) {
  scanned_.record_size = static_cast<size_t>(position - window_.begin());
  scanned_.consumed_size = scanned_.record_size + (position < window_.end() ? 1 : 0);
  scanned_.consumed_lines = 1 + scanned_.feeds_inside;
  if (scanned_.record_size > 0 && position[-1] == '\r') --scanned_.record_size;
  if (column_count_ == 0 || scanned_.field_count == column_count_) return Scan::kRecord;
  scanned_.decided_size = scanned_.record_size;
  return end_at_line_feed(kWrongFieldCount);
}

CsvReader::Field& CsvReader::next_field() {
  if (column_count_ == 0) {
    ++scanned_.field_count;
    return fields_.emplace_back();
  }
  // Fields beyond the header's are only counted: the last place takes them all.
  return fields_[std::min(scanned_.field_count++, column_count_)];
}

// Both leave the cursor at the delimiter, line end or end of input behind the field, with that mark
// taken.
CsvReader::Scan CsvReader::scan_unquoted(Cursor& cursor, Field& field) {
  field.begin = cursor.position;
  field.escaped = false;
  field.quoted = false;
  bool any_quote = false;
  for (;;) {
    cursor.position = cursor.marks.next();
    if (cursor.position == cursor.end || *cursor.position != '"') break;
    any_quote = true;
  }
  if (cursor.position == cursor.end && !cursor.at_end) return Scan::kIncomplete;
  field.end = cursor.position;
  const bool last = cursor.position == cursor.end || *cursor.position == cursor.line_end;
  if (last && field.end > field.begin && field.end[-1] == '\r') --field.end;
  if (any_quote && has_only_escaped_quotes(text_of(field.begin, field.end))) {
    scanned_.any_backslash_quote = true;
  }
  return Scan::kRecord;
}

CsvReader::Scan CsvReader::scan_quoted(Cursor& cursor, Field& field, bool inside_quotes) {
  const char* const end = cursor.end;
  const bool doubles = dialect_.escape == CsvEscape::kDoubledQuote;
  // The opening quote.
  if (!inside_quotes) cursor.marks.next();
  field.escaped = false;
  field.quoted = true;
  field.begin = cursor.position + (inside_quotes ? 0 : 1);
  for (;;) {
    const char* quote = cursor.marks.next();
    if (quote == end) {
      cursor.position = quote;
      scanned_.decided_size = window_.size();
      return cursor.at_end ? end_at_line_feed("a quote is never closed") : Scan::kIncomplete;
    }
    if (*quote == cursor.line_end) {
      if (scanned_.feeds_inside++ == 0) scanned_.fields_before_feed = scanned_.field_count;
      cursor.position = quote;
      if (cursor.one_line) return Scan::kInsideQuotes;
    }
    if (*quote != '"') continue;
    if (!doubles && is_escaped_quote(dialect_.escape, field.begin, quote)) continue;
    field.end = quote;
    cursor.position = quote + 1;
    if (cursor.position == end && !cursor.at_end) return Scan::kIncomplete;
    if (!doubles || cursor.position == end || *cursor.position != '"') break;
    // A doubled quote.
    cursor.marks.next();
    field.escaped = true;
    scanned_.any_escaped = true;
  }
  if (cursor.position < end && *cursor.position == '\r' && cursor.line_end != '\r') {
    if (cursor.position + 1 == end && !cursor.at_end) return Scan::kIncomplete;
    if (cursor.position + 1 == end || cursor.position[1] == '\n') ++cursor.position;
  }
  if (cursor.position == end) return Scan::kRecord;
  if (*cursor.position != dialect_.delimiter && *cursor.position != cursor.line_end) {
    scanned_.decided_size = static_cast<size_t>(cursor.position - window_.begin());
    return end_at_line_feed("text behind a closing quote");
  }
  // The delimiter or line end.
  cursor.marks.next();
  return Scan::kRecord;
}

CsvReader::Scan CsvReader::end_at_line_feed(const char* why) {
  const auto* feed =
      static_cast<const char*>(std::memchr(window_.begin(), dialect_.line_end, window_.size()));
  const char* record_end = feed == nullptr ? window_.end() : feed;
  window_.note_examined(static_cast<size_t>(record_end - window_.begin()));
  if (feed == nullptr && !window_.at_end()) return Scan::kIncomplete;
  scanned_.record_size = static_cast<size_t>(record_end - window_.begin());
  scanned_.consumed_size = scanned_.record_size + (feed == nullptr ? 0 : 1);
  scanned_.consumed_lines = 1;
  if (scanned_.record_size > 0 && record_end[-1] == '\r') --scanned_.record_size;
  scanned_.why_malformed = why;
  return Scan::kMalformed;
}

Result<void> CsvReader::take(Record& record) {
  record.bytes = std::string_view(window_.begin(), scanned_.record_size);
  record.line = line_;
  record.values = values_;
  record.malformed.clear();
  window_.note_examined(scanned_.record_size);
  if (scanned_.why_malformed == nullptr && is_utf8(record.bytes)) return take_values();
  std::fill(values_.begin(), values_.end(), std::nullopt);
  if (scanned_.why_malformed == nullptr) {
    record.malformed = "invalid UTF-8";
  } else if (scanned_.why_malformed == kWrongFieldCount) {
    record.malformed =
        fmt::format("{} fields where the header has {}", scanned_.field_count, column_count_);
  } else {
    record.malformed = scanned_.why_malformed;
  }
  return {};
}

Result<void> CsvReader::take_values() {
  const bool doubles = dialect_.escape == CsvEscape::kDoubledQuote;
  // Reserved at once: views into it must stay valid while it grows.
  unescaped_.clear();
  if (scanned_.any_escaped || !doubles) unescaped_.reserve(scanned_.record_size);
  for (size_t index = 0; index < columns_.size(); ++index) {
    std::optional<std::string_view>& value = values_[index];
    value.reset();
    if (columns_[index] == kAbsent) continue;
    const Field& field = fields_[columns_[index]];
    if (field.begin == field.end) continue;
    const std::string_view text = text_of(field.begin, field.end);
    if (!doubles) {
      HIRESTREAM_TRY(take_unescaped(field, value));
      continue;
    }
    if (!field.escaped) {
      value = text;
      continue;
    }
    value = without_doubles(field);
  }
  return {};
}

// Into unescaped_, where there is room for it.
std::string_view CsvReader::without_doubles(const Field& field) {
  const size_t begin = unescaped_.size();
  const std::string_view text = text_of(field.begin, field.end);
  unescaped_.resize(begin + text.size());
  char* out = unescaped_.data() + begin;
  bool is_second = false;
  for (const char byte : text) {
    *out = byte;
    out += byte == '"' && is_second ? 0 : 1;
    is_second ^= byte == '"';
  }
  unescaped_.resize(static_cast<size_t>(out - unescaped_.data()));
  return std::string_view(unescaped_).substr(begin);
}

// Of a dialect with backslashes.
Result<void> CsvReader::take_unescaped(const Field& field, std::optional<std::string_view>& value) {
  const std::string_view text = text_of(field.begin, field.end);
  value = text;
  if (text.find('\\') == text.npos) return {};
  lone_backslashes_ += field.quoted && has_lone_backslash(text) ? 1 : 0;
  const size_t begin = unescaped_.size();
  append_unescaped(dialect_.escape, field.quoted, text, unescaped_);
  value = std::string_view(unescaped_).substr(begin);
  return refuse_other_escape(field, *value);
}

Result<void> CsvReader::take_overlong(Record& record) {
  const std::string_view beginning(window_.begin(), kOverlongShown);
  unescaped_ = beginning.substr(0, beginning.find(dialect_.line_end));
  std::fill(values_.begin(), values_.end(), std::nullopt);
  record.bytes = unescaped_;
  record.line = line_;
  record.values = values_;
  record.malformed =
      fmt::format("longer than {} bytes or a quote is never closed", kRecordBytesMax);
  if (end_at_line_feed(nullptr) != Scan::kIncomplete) return {};
  scanned_.consumed_size = 0;
  scanned_.consumed_lines = 1;
  open_quotes_ = {};
  index_begin_ = nullptr;
  return window_.skip_line(dialect_.line_end);
}

// How many fields of the record scanned last are names of the header.
size_t CsvReader::names_among_fields() const {
  size_t names = 0;
  const size_t known = std::min(scanned_.field_count, column_count_);
  for (size_t place = 0; place < known; ++place) {
    const std::string_view text = text_of(fields_[place].begin, fields_[place].end);
    names += std::any_of(header_.begin(), header_.end(), [text](const std::string& name) {
      return equal_without_case(text, name);
    });
  }
  return names;
}

Result<bool> CsvReader::is_repeated_header() {
  Field& first = fields_[0];
  if (text_of(first.begin, first.end).starts_with(kByteOrderMark)) {
    first.begin += kByteOrderMark.size();
  }
  if (static_cast<size_t>(first.end - first.begin) > header_name_bytes_max_) return false;
  bool same_order = true;
  for (size_t place = 0; place < column_count_ && same_order; ++place) {
    same_order =
        equal_without_case(text_of(fields_[place].begin, fields_[place].end), header_[place]);
  }
  if (same_order) return true;
  if (names_among_fields() < column_count_) return false;
  return refusal("the columns are named again, in another order",
                 "split the file before this line");
}

// Of a record with too few or too many fields. Of one of several lines not all fields are at hand,
// and it is no header.
Result<void> CsvReader::refuse_other_header() const {
  if (scanned_.feeds_inside > 0) return {};
  const Field& first = fields_[0];
  if (static_cast<size_t>(first.end - first.begin) > header_name_bytes_max_) return {};
  if (column_count_ < 2 || names_among_fields() * 2 < column_count_) return {};
  return refusal(fmt::format("the columns are named again, {} of them where the first line has {}",
                             scanned_.field_count, column_count_),
                 "split the file before this line");
}

Result<void> CsvReader::refuse_other_dialect(size_t record_bytes) {
  if (others_.empty() || column_count_ < 2) return {};
  const Found found = scanned_;
  const std::string_view line(window_.begin(), std::min(window_.size(), record_bytes));
  std::vector<const CsvDialect*> candidates;
  for (const CsvDialect& other : others_) {
    if (may_fit(other, line)) candidates.push_back(&other);
  }
  const size_t budget_in_all = kFollowedPerByteMax * (bytes_consumed_ + record_bytes);
  const CsvDialect* fitting = nullptr;
  for (size_t tried = 0; tried < candidates.size() && fitting == nullptr; ++tried) {
    const size_t budget = budget_in_all - std::min(budget_in_all, bytes_followed_);
    const size_t bytes_max = std::min(budget / (candidates.size() - tried), kFollowedBytesMax);
    // More than that, so that whether the file ends there is known.
    while (window_.size() <= bytes_max && !window_.at_end()) HIRESTREAM_TRY(fill());
    if (fits(*candidates[tried], bytes_max)) fitting = candidates[tried];
  }
  scanned_ = found;
  if (fitting == nullptr) return {};
  return refusal(other_dialect_text(*fitting, dialect_), way_out(dialect_, *fitting));
}

// Whether it is worth trying, by the record's first line.
bool CsvReader::may_fit(const CsvDialect& other, std::string_view line) const {
  if (other.escape != dialect_.escape) return line.find('"') != line.npos;
  if (scanned_.why_malformed == nullptr && scanned_.record_size > 0) return false;
  if (other.delimiter != dialect_.delimiter) return line.find(other.delimiter) != line.npos;
  return line.find(other.line_end) != line.npos;
}

bool CsvReader::fits(const CsvDialect& other, size_t bytes_max) {
  CsvDialect own = std::exchange(dialect_, other);
  const Stop stop = scan_fields(/*inside_quotes=*/false, /*only_one_line=*/false, bytes_max);
  bytes_followed_ += static_cast<size_t>(stop.position - window_.begin());
  dialect_ = std::move(own);
  return stop.outcome == Scan::kRecord && scanned_.field_count == column_count_;
}

// Backslashes were resolved to `text`, which contradicts the dialect if another gives JSON instead.
Result<void> CsvReader::refuse_other_escape(const Field& field, std::string_view text) const {
  const std::string_view raw = text_of(field.begin, field.end);
  if (dialect_.other_escapes.empty() || !has_backslash_pair(raw) || !text.starts_with('{') ||
      is_json_object(text)) {
    return {};
  }
  for (const CsvDialect& other : others_) {
    std::string instead;
    if (other.escape == CsvEscape::kDoubledQuote || other.escape == dialect_.escape) continue;
    append_unescaped(other.escape, field.quoted, raw, instead);
    if (!is_json_object(instead)) continue;
    return refusal(other_dialect_text(other, dialect_), way_out(dialect_, other));
  }
  return {};
}

tl::unexpected<Error> CsvReader::refusal(std::string message, std::string hint) const {
  return fail(ErrorKind::kRejected, "read rows", fmt::format("{}:{}", name_, line_),
              std::move(message), std::move(hint));
}

}  // namespace hirestream
