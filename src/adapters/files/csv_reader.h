// CSV: as of RFC 4180 with a header, or in another dialect (csv_dialect.h). Quoted fields may hold
// delimiters, line ends and escaped quotes; LF or CRLF ends a record, or CR where the dialect says
// so; a UTF-8 byte order mark, a line "sep=;" before the header and blank lines are skipped; a
// quote inside an unquoted field is an ordinary character. Header names are matched exactly, then
// without case; columns nobody wants are skipped. A file without any record has no header and no
// rows. A record that repeats the header is skipped; one that names the same columns in another
// order ends the reading.
//
// Malformed records: wrong number of fields, text behind a closing quote, a quote that is never
// closed, invalid UTF-8, longer than kRecordBytesMax. If the quoting may be at fault, the malformed
// record ends at its first line feed and reading resumes on the next line, so that a stray quote
// cannot swallow the rows behind it. However many quotes are astray, no line is scanned more than a
// few times.
//
// Records are found by a CsvIndex where the dialect is RFC 4180's but for the delimiter. Whatever
// it is not sure of is read field by field: malformed records, quotes where none belongs, a first
// field that may be the header's, the end of a file without a line feed.
//
// A malformed record that one of the other dialects (CsvDialect::other_…) fits shows that the file
// is not of one dialect: kRejected, with its line and the setting that decides. How far such a
// record is followed is bounded by what was read before, so that this takes time in proportion to
// the file, too.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/files/csv_dialect.h"
#include "adapters/files/csv_index.h"
#include "adapters/files/input_window.h"
#include "adapters/files/record_reader.h"

namespace hirestream {

class CsvReader : public RecordReader {
 public:
  // How records are found; both give the same.
  enum class By { kIndex, kFields };

  // Reads the header, unless the dialect has it. kConfig when a required column is missing or a
  // wanted one stands there twice; or when it has none of them and looks like a row.
  static Result<std::unique_ptr<CsvReader>> open(
      std::unique_ptr<ByteStream> stream, std::string name, std::span<const WantedColumn> wanted,
      CsvDialect dialect = {}, size_t window_bytes = InputWindow::kCapacity, By by = By::kIndex);

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override { return window_.stream().file_bytes(); }
  size_t bytes_examined() const override { return window_.bytes_examined(); }
  std::vector<std::string> found_columns() const override { return found_columns_; }
  std::string dialect() const override;
  std::vector<std::string> notes() const override;
  // Of the header; 0: the file has no record.
  size_t column_count() const { return column_count_; }
  // How many wanted columns it has.
  size_t columns_matched() const;
  // Of wanted values that stood in quotes: how many had a backslash before an ordinary character.
  size_t lone_backslashes() const { return lone_backslashes_; }

 private:
  struct Field {
    const char* begin = nullptr;
    const char* end = nullptr;
    bool escaped = false;  // holds doubled quotes
    bool quoted = false;
  };
  struct Cursor;
  enum class Scan {
    kRecord,
    kIncomplete,
    kMalformed,
    // Of a scan that was to go to the end of a line only.
    kInsideQuotes,
  };
  struct Stop {
    Scan outcome;
    const char* position;
  };
  // Where quotes lead that a record before this one opened. That record was malformed and ended at
  // its first line feed, so the next lines are read again, each as the beginning of a record; but
  // a record that is inside quotes at the end of its line goes on as that one did, and need not be
  // scanned again.
  struct OpenQuotes {
    // From the beginning of the window to where the record was found to be malformed; 0: nothing
    // is known.
    size_t size = 0;
    // Null: it can not be followed beyond the window.
    const char* why_malformed = nullptr;
    // Fields of that record that begin on the lines which are still to be read again.
    size_t fields_behind = 0;
  };

  // Of the record scanned last, which is still in the window.
  struct Found {
    size_t record_size = 0;    // without its line end
    size_t consumed_size = 0;  // with it
    size_t decided_size = 0;   // up to where it was found to be malformed
    int64_t consumed_lines = 0;
    size_t field_count = 0;
    int64_t feeds_inside = 0;       // line ends in quoted fields
    size_t fields_before_feed = 0;  // begun before the first of them
    bool any_escaped = false;
    // An unquoted field has a quote with a backslash before it.
    bool any_backslash_quote = false;
    const char* why_malformed = nullptr;
  };

  CsvReader(std::unique_ptr<ByteStream> stream, std::string name, CsvDialect dialect,
            size_t window_bytes, By by);
  Result<void> skip_separator_line();
  Result<void> read_header(std::span<const WantedColumn> wanted);
  Result<std::vector<std::string>> scan_header();
  Result<void> match_columns(std::span<const WantedColumn> wanted);
  // Skips what was delivered and blank lines; false when nothing is left.
  Result<bool> advance();
  // How many bytes of the window's beginning end no record; nothing: that shows only in what
  // follows.
  std::optional<size_t> blank_size() const;
  Result<bool> next_found(Record& record);
  void leave_record();
  // Of a good record that the index has: true, and all there is to it is done.
  bool take_indexed(Record& record);
  // Whether the window begins with a record of the index.
  bool find_indexed();
  Field indexed_field(size_t place) const;
  void take_indexed_value(size_t place, std::optional<std::string_view>& value);
  bool is_name_of_header(std::string_view text) const;
  std::string_view without_doubles(const Field& field);
  // Both also forget or move what is known of open quotes.
  void consume(size_t bytes);
  Result<void> fill();
  // Finds the record at the beginning of the window.
  Scan scan();
  Scan scan_record();
  std::optional<Scan> scan_behind_open_quotes();
  Stop scan_fields(bool inside_quotes, bool only_one_line, size_t bytes_max = SIZE_MAX);
  Field& next_field();
  Scan scan_unquoted(Cursor& cursor, Field& field);
  Scan scan_quoted(Cursor& cursor, Field& field, bool inside_quotes);
  Scan end_at(const char* position);
  Scan end_at_line_feed(const char* why);
  bool is_overlong(Scan outcome) const;
  Result<void> take_overlong(Record& record);
  Result<void> take(Record& record);
  Result<void> take_values();
  Result<void> take_unescaped(const Field& field, std::optional<std::string_view>& value);

  // The record repeats the header: it is to be skipped. kRejected: its columns in another order.
  Result<bool> is_repeated_header();
  size_t names_among_fields() const;
  Result<void> refuse_other_header() const;
  // Of a record that this dialect does not fit, or not without doubt. `record_bytes`: up to its
  // first line end.
  Result<void> refuse_other_dialect(size_t record_bytes);
  bool may_fit(const CsvDialect& other, std::string_view line) const;
  bool fits(const CsvDialect& other, size_t bytes_max);
  Result<void> refuse_other_escape(const Field& field, std::string_view text) const;
  tl::unexpected<Error> refusal(std::string message, std::string hint) const;

  InputWindow window_;
  std::string name_;
  CsvDialect dialect_;
  std::vector<CsvDialect> others_;
  std::vector<std::string> header_;
  size_t header_name_bytes_max_ = 0;
  std::vector<size_t> columns_;  // by wanted column: its place in the file, or kAbsent
  size_t column_count_ = 0;      // of the header; 0 while it is being read
  std::vector<std::string> found_columns_;
  std::vector<std::optional<std::string_view>> values_;
  std::string unescaped_;

  bool by_index_ = false;
  CsvIndex index_;
  // Where it begins; null: the window has moved since. All before that end was looked at.
  const char* index_begin_ = nullptr;
  const char* index_end_ = nullptr;
  size_t indexed_record_ = 0;
  bool index_is_utf8_ = false;

  int64_t line_ = 1;
  int64_t headers_skipped_ = 0;
  size_t lone_backslashes_ = 0;
  Found scanned_;
  std::vector<Field> fields_;
  OpenQuotes open_quotes_;
  size_t bytes_consumed_ = 0;
  size_t bytes_followed_ = 0;  // by fits()
};

}  // namespace hirestream
