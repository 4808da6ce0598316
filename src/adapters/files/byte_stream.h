// The bytes of a file, decompressed on the way: *.gz (RFC 1952, any number of members, and zero
// bytes behind the last one), *.zst (RFC 8878, any number of frames), anything else as it is; the
// case of these endings does not matter. UTF-16 with a byte order mark, or whose first two
// characters are ASCII, becomes UTF-8 without one; what is no character there, byte FF. Memory is
// bounded whatever the file's size. One thread at a time; blocking.
//
// Errors name the file. kConfig: it cannot be opened. kRejected: the compressed data is damaged or
// ends too early, with the byte offset in the file. kTransient: the file system failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/result.h"

namespace hirestream {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // How many bytes were put into `into`, which must not be empty; 0: the end. Fewer than asked for
  // is no sign of the end.
  virtual Result<size_t> read(std::span<char> into) = 0;
  // Bytes taken from the file itself so far.
  virtual int64_t file_bytes() const = 0;
  // What was turned into UTF-8; empty: nothing was.
  virtual std::string_view encoding() const { return {}; }
};

// The descriptor, the caller's to close. kConfig: it cannot be opened, or is a pipe or a device,
// which is not waited for.
Result<int> open_regular_file(const std::string& path);
Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& path);

}  // namespace hirestream
