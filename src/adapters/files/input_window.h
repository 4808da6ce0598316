// A sliding window over a ByteStream for parsers that look at whole records. Grows (by doubling) only when a record does
// not fit. kPadding bytes behind end() may be read; at the stream's end they are zeros, since a parser may look at the one behind a
// record that is cut off. Not thread-safe.
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
  // Reads more behind what is there. Pointers into the window become invalid.
  Result<void> fill();
  // At the beginning of the stream: drops a UTF-8 byte order mark, if there is one.
  Result<void> skip_byte_order_mark();
  // Drops everything up to and including the next line feed, however far that is.
  Result<void> skip_line();

  const ByteStream& stream() const { return *stream_; }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

}  // namespace hirestream
