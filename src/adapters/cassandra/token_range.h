// Tokens of a part of the ring (ports/event_source.h). A token is a signed 64-bit number
// (Murmur3Partitioner); the place of a row is the upper half of its token, shifted to begin at 0.
#pragma once

#include <cstdint>

namespace hirestream {

// As CQL asks for one: token(key) > after AND token(key) <= last.
struct TokenRange {
  int64_t after = INT64_MIN;
  int64_t last = INT64_MAX;
  friend bool operator==(const TokenRange&, const TokenRange&) = default;
};

// Of the places [begin, end), which must not be empty. Parts that meet give ranges that meet.
TokenRange token_range(uint64_t begin, uint64_t end);

}  // namespace hirestream
