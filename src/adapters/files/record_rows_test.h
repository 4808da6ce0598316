// For the tests of both readers: a stream from memory in small pieces, and records copied so that
// they can be compared.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "adapters/files/byte_stream.h"
#include "adapters/files/record_reader.h"

namespace hirestream {

// Hands out at most `chunk` bytes at a time.
class MemoryStream : public ByteStream {
 public:
  MemoryStream(std::string bytes, size_t chunk) : bytes_(std::move(bytes)), chunk_(chunk) {}
  Result<size_t> read(std::span<char> into) override {
    const size_t count = std::min({into.size(), chunk_, bytes_.size() - position_});
    std::memcpy(into.data(), bytes_.data() + position_, count);
    position_ += count;
    return count;
  }
  int64_t file_bytes() const override { return static_cast<int64_t>(position_); }

 private:
  std::string bytes_;
  size_t chunk_;
  size_t position_ = 0;
};

struct Row {
  int64_t line = 0;
  std::string bytes;
  std::string malformed;
  std::vector<std::string> values;  // "<null>" where null

  friend bool operator==(const Row&, const Row&) = default;
};

inline void PrintTo(const Row& row, std::ostream* out) {
  *out << "line " << row.line << " [" << row.malformed << "] " << row.bytes.substr(0, 200);
  for (const std::string& value : row.values) *out << " | " << value.substr(0, 100);
}

inline std::vector<Row> read_all(RecordReader& reader) {
  std::vector<Row> rows;
  for (Record record;;) {
    const auto some = reader.next(record);
    EXPECT_TRUE(some) << some.error().text();
    if (!some || !*some) return rows;
    Row& row = rows.emplace_back(Row{record.line, std::string(record.bytes), record.malformed, {}});
    for (const auto& value : record.values) row.values.emplace_back(value.value_or("<null>"));
  }
}

}  // namespace hirestream
