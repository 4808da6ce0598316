// CSV as of RFC 4180 with a header: quoted fields may hold commas, line ends and doubled quotes; LF
// or CRLF ends a record; a UTF-8 byte order mark and blank lines are skipped; a quote inside an
// unquoted field is an ordinary character. Header names are matched exactly, then without case;
// columns nobody wants are skipped. A file without any record has no header and no rows.
//
// Malformed records: wrong number of fields, text behind a closing quote, a quote that is never
// closed, invalid UTF-8, longer than kRecordBytesMax. If the quoting may be at fault, the malformed
// record ends at its first line feed and reading resumes on the next line, so that a stray quote
// cannot swallow the rows behind it. However many quotes are astray, no line is scanned more than a
// few times.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/files/input_window.h"
#include "adapters/files/record_reader.h"

namespace hirestream {

class CsvReader : public RecordReader {
 public:
  // Reads the header. kConfig when a required column is missing or a wanted one stands there twice.
  static Result<std::unique_ptr<CsvReader>> open(std::unique_ptr<ByteStream> stream,
                                                 std::string name,
                                                 std::span<const WantedColumn> wanted,
                                                 size_t window_bytes = InputWindow::kCapacity);

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override { return window_.stream().file_bytes(); }
  size_t bytes_examined() const override { return window_.bytes_examined(); }
  std::vector<std::string> found_columns() const override { return found_; }

 private:
  struct Field {
    const char* begin = nullptr;
    const char* end = nullptr;
    bool escaped = false;  // holds doubled quotes
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

  CsvReader(std::unique_ptr<ByteStream> stream, std::string name, size_t window_bytes);
  Result<void> read_header(std::span<const WantedColumn> wanted);
  Result<void> match_columns(std::span<const WantedColumn> wanted);
  // Skips what was delivered and blank lines; false when nothing is left.
  Result<bool> advance();
  // Both also forget or move what is known of open quotes.
  void consume(size_t bytes);
  Result<void> fill();
  // Finds the record at the beginning of the window.
  Scan scan();
  Scan scan_record();
  std::optional<Scan> scan_behind_open_quotes();
  Stop scan_fields(bool inside_quotes, bool only_one_line);
  Field& next_field();
  Scan scan_unquoted(Cursor& cursor, Field& field);
  Scan scan_quoted(Cursor& cursor, Field& field, bool inside_quotes);
  Scan end_at(const char* position);
  Scan end_at_line_feed(const char* why);
  bool is_overlong(Scan outcome) const;
  Result<void> take_overlong(Record& record);
  void take(Record& record);
  void take_values();

  InputWindow window_;
  std::string name_;
  std::vector<size_t> columns_;  // by wanted column: its place in the file, or kAbsent
  size_t column_count_ = 0;      // of the header; 0 while it is being read
  std::vector<std::string> found_;
  std::vector<std::optional<std::string_view>> values_;
  std::string unescaped_;

  int64_t line_ = 1;
  // Of the record scanned last, which is still in the window:
  size_t record_size_ = 0;    // without its line end
  size_t consumed_size_ = 0;  // with it
  size_t decided_size_ = 0;   // up to where it was found to be malformed
  int64_t consumed_lines_ = 0;
  size_t field_count_ = 0;
  int64_t feeds_inside_ = 0;       // line feeds in quoted fields
  size_t fields_before_feed_ = 0;  // begun before the first of them
  bool any_escaped_ = false;
  const char* why_malformed_ = nullptr;
  std::vector<Field> fields_;
  OpenQuotes open_quotes_;
};

}  // namespace hirestream
