// A ByteStream over bytes in memory that hands out pieces of a chosen size.
#pragma once

#include <algorithm>
#include <cstring>

#include "adapters/files/byte_stream.h"
#include "fuzz/fuzz_target.h"

namespace hirestream {

class MemoryStream : public ByteStream {
 public:
  // `bytes` must outlive the stream; `piece` is at least 1.
  MemoryStream(Bytes bytes, size_t piece) : bytes_(bytes), piece_(piece) {}

  Result<size_t> read(std::span<char> into) override {
    const size_t size = std::min({piece_, into.size(), bytes_.size() - at_});
    if (size > 0) std::memcpy(into.data(), bytes_.data() + at_, size);
    at_ += size;
    return size;
  }
  int64_t file_bytes() const override { return static_cast<int64_t>(at_); }

 private:
  Bytes bytes_;
  size_t piece_;
  size_t at_ = 0;
};

}  // namespace hirestream
