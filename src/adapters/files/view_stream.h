// A ByteStream over bytes in memory, which outlive it, in pieces of at most a chosen size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "adapters/files/byte_stream.h"

namespace hirestream {

class ViewStream : public ByteStream {
 public:
  // `piece` is at least 1.
  explicit ViewStream(std::string_view bytes, size_t piece = SIZE_MAX)
      : bytes_(bytes), piece_(piece) {}
  Result<size_t> read(std::span<char> into) override {
    const size_t count = std::min({piece_, into.size(), bytes_.size() - position_});
    bytes_.copy(into.data(), count, position_);
    position_ += count;
    return count;
  }
  int64_t file_bytes() const override { return static_cast<int64_t>(position_); }

 private:
  std::string_view bytes_;
  size_t piece_;
  size_t position_ = 0;
};

}  // namespace hirestream
