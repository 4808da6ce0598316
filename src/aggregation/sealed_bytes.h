// What blobs of the warehouse are made of: numbers of few bytes, and a seal around them by which
// damage is noticed. A sealed blob is a magic word of four bytes, then xxh3-64 of all that follows
// (little-endian), then the uncompressed size (little-endian u32), then a zstd frame.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/result.h"

namespace hirestream {

uint64_t zigzag(int64_t value);
int64_t unzigzag(uint64_t value);

// LEB128.
void put_varint(std::string& out, uint64_t value);
void put_signed_varint(std::string& out, int64_t value);
void put_little_endian(std::string& out, uint64_t value);
// Its size, then it.
void put_bytes(std::string& out, std::string_view bytes);

// Reads what those have put, and never beyond the end: there every value is 0 or empty, and
// failed() stays true.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  bool failed() const { return failed_; }
  bool done() const { return at_ == bytes_.size(); }
  size_t left() const { return bytes_.size() - at_; }
  uint8_t byte();
  // Fails when it is beyond 64 bits, or longer than need be.
  uint64_t varint();
  int64_t signed_varint() { return unzigzag(varint()); }
  uint64_t little_endian();
  std::string_view bytes(uint64_t size);
  std::string_view sized_bytes() { return bytes(varint()); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

// `magic`: four bytes. `plain`: at most 1 GiB. Equal bytes give equal blobs.
std::string seal(std::string_view magic, std::string_view plain);
// kRejected when the blob is damaged, or of another magic. `what` it is, for the message. Never
// trusts a size before checking it.
Result<std::string> unseal(std::string_view magic, std::string_view blob, const std::string& what);
// The same error, for bytes that were unsealed and are not what was put there.
tl::unexpected<Error> damaged_blob(const std::string& what, std::string message);

}  // namespace hirestream
