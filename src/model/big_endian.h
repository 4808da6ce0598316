// Numbers whose highest byte comes first, as networks and UUIDs have them. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace hirestream {

static_assert(std::endian::native == std::endian::little);

// 4 bytes can be read.
inline uint32_t read_big_endian_32(const uint8_t* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap32(value);
}

// 8 bytes can be read.
inline uint64_t read_big_endian_64(const uint8_t* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap64(value);
}

}  // namespace hirestream
