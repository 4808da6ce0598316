// Takes values off the front of bytes, big-endian as Cassandra writes them. Reading beyond the end
// gives zeros and nothing, and is remembered: whoever reads asks failed() before he believes a
// value that decides how much more is read, and at the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hirestream {

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  std::span<const uint8_t> take(uint64_t size) {
    if (size > left()) {
      failed_ = true;
      position_ = bytes_.size();
      return {};
    }
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(size));
    position_ += static_cast<size_t>(size);
    return taken;
  }

  uint8_t byte() {
    if (position_ == bytes_.size()) {
      failed_ = true;
      return 0;
    }
    return bytes_[position_++];
  }

  // Of `size` bytes, at most 8.
  uint64_t integer(size_t size) {
    uint64_t value = 0;
    for (const uint8_t part : take(size)) {
      value = value << 8 | part;
    }
    return value;
  }

  // As Cassandra's VIntCoding: the leading one bits of the first byte say how many bytes follow.
  uint64_t vint() {
    const uint8_t first = byte();
    if (first < 0x80) {
      return first;
    }
    const auto more = static_cast<size_t>(std::countl_one(first));
    const uint64_t high = more >= 8 ? 0 : first & (0xffU >> more);
    const uint64_t low = integer(more);
    return failed_ ? 0 : (more >= 8 ? low : high << (8 * more) | low);
  }

  // A vint and so many bytes.
  std::span<const uint8_t> sized() { return take(vint()); }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace hirestream
