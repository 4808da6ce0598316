// NDJSON: one JSON object per line (LF or CRLF; a byte order mark at a line's beginning and blank
// lines are skipped).
// Keys are matched exactly, then without case; a key nobody wants is skipped; of equal keys the
// last one counts. Strings give their text, null and "" are null, anything else (numbers, objects,
// lists, true, false) gives its JSON as it stands there, so that decimals keep their digits.
//
// Besides:
// - One JSON array of objects, on any number of lines: its elements are the records. One that is
//   not closed, or has a string that is not, is kRejected as a whole; so is an element longer than
//   kRecordBytesMax.
// - NaN, Infinity and -Infinity are no JSON, but what Python writes: NaN is null, the others are
//   their text, as in a CSV file.
// - An escape that is half of a surrogate pair is U+FFFD.
// - What cqlsh prints around rows of SELECT JSON is skipped; behind its heading the backslashes of
//   a line are taken for doubled, as it prints them, if none stands alone.
//
// Malformed: not JSON, not an object, more behind the object, invalid UTF-8, longer than
// kRecordBytesMax. (Escapes are checked only where a string's text is given.)
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

class NdjsonReader : public RecordReader {
 public:
  // `name`: of the file, for errors.
  NdjsonReader(std::unique_ptr<ByteStream> stream, std::span<const WantedColumn> wanted,
               std::string name = {}, size_t window_bytes = InputWindow::kCapacity);
  ~NdjsonReader() override;

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override { return window_.stream().file_bytes(); }
  size_t bytes_examined() const override { return window_.bytes_examined(); }
  std::vector<std::string> found_columns() const override;
  std::string dialect() const override { return any_array_ ? "a JSON array" : ""; }
  std::vector<std::string> notes() const override;

 private:
  struct Parser;
  enum class Place { kUnknown, kLines, kArray };

  // Each makes the window hold a whole record. False: nothing is left.
  Result<bool> find_record();
  // Whether an array of objects begins.
  Result<Place> find_place();
  Result<bool> find_line();
  // False: the array has ended.
  Result<bool> find_element();
  // Bytes of the element that the window begins with; nothing: the window does not hold it whole.
  Result<std::optional<size_t>> element_size();
  // Up to what is no blank; nothing: the window holds blanks only.
  std::optional<size_t> blanks_size(size_t from) const;
  // Skips what was delivered.
  void consume_record();
  void consume(size_t bytes);
  // Into values_; empty, or why it cannot be used. Nothing: it is no record.
  std::optional<std::string> parse(std::string_view record);
  tl::unexpected<Error> damaged(std::string message) const;
  Result<void> take_overlong(Record& record);

  InputWindow window_;
  std::string name_;
  std::unique_ptr<Parser> parser_;
  std::vector<std::optional<std::string_view>> values_;
  std::string overlong_;
  std::string mended_;  // what was parsed instead of the record
  Place place_ = Place::kUnknown;
  int64_t line_ = 0;          // where the record begins
  int64_t lines_passed_ = 0;  // line feeds before the window
  size_t record_size_ = 0;    // without its line end
  size_t consumed_size_ = 0;  // with it
  bool line_is_overlong_ = false;
  bool any_array_ = false;
  bool in_frame_ = false;  // cqlsh's heading was read
  int64_t frame_lines_ = 0;
  int64_t doubled_rows_ = 0;
  int64_t null_words_ = 0;
  int64_t halves_ = 0;  // of surrogate pairs
};

}  // namespace hirestream
