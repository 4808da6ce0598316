// A sliding window over a ByteStream for parsers that look at whole records. Grows (by doubling)
// only when a record takes more than half of it. kPadding bytes behind end() may be read; at the
// stream's end they are zeros, since a parser may look at the one behind a record that is cut off.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "adapters/files/byte_stream.h"
#include "model/result.h"

namespace hirestream {

class InputWindow {
 public:
  static constexpr size_t kPadding = 64;
  static constexpr size_t kCapacity = 256 << 10;

  explicit InputWindow(std::unique_ptr<ByteStream> stream, size_t capacity = kCapacity);

  const char* begin() const { return buffer_.data() + begin_; }
  const char* end() const { return buffer_.data() + end_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  // The stream has ended: the window holds all that is left.
  bool at_end() const { return at_end_; }
  void consume(size_t bytes) { begin_ += bytes; }
  // Reads more behind what is there: at least as much again, unless the stream ends. So whoever
  // scans anew from the beginning after each call still takes time in proportion to what is read.
  // Pointers into the window become invalid.
  Result<void> fill();
  // At the beginning of the stream: drops a UTF-8 byte order mark, if there is one.
  Result<void> skip_byte_order_mark();
  // Drops everything up to and including the next `line_end`, however far that is.
  Result<void> skip_line(char line_end = '\n');

  const ByteStream& stream() const { return *stream_; }
  // The work done: what the window moved or scanned, and what its user says that it scanned.
  void note_examined(size_t bytes) { bytes_examined_ += bytes; }
  size_t bytes_examined() const { return bytes_examined_; }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
  size_t bytes_examined_ = 0;
};

}  // namespace hirestream
