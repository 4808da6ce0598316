// NDJSON: one JSON object per line (LF or CRLF; a byte order mark and blank lines are skipped).
// Keys are matched exactly, then without case; a key nobody wants is skipped; of equal keys the
// last one counts. Strings give their text, null and "" are null, anything else (numbers, objects,
// lists, true, false) gives its JSON as it stands there, so that decimals keep their digits.
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
  NdjsonReader(std::unique_ptr<ByteStream> stream, std::span<const WantedColumn> wanted,
               size_t window_bytes = InputWindow::kCapacity);
  ~NdjsonReader() override;

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override { return window_.stream().file_bytes(); }
  size_t bytes_examined() const override { return window_.bytes_examined(); }
  std::vector<std::string> found_columns() const override;

 private:
  struct Parser;

  // Skips what was delivered, blank lines and a byte order mark, and makes the window hold a whole
  // line. False: nothing is left.
  Result<bool> find_line();
  Result<void> take_overlong(Record& record);

  InputWindow window_;
  std::unique_ptr<Parser> parser_;
  std::vector<std::optional<std::string_view>> values_;
  std::string overlong_;
  int64_t line_ = 0;          // of the line in the window
  size_t line_size_ = 0;      // without its line end
  size_t consumed_size_ = 0;  // with it
  bool line_is_overlong_ = false;
  bool at_beginning_ = true;
};

}  // namespace hirestream
