// Identity of a raw row: its create_time, a version-1 UUID (RFC 4122) whose embedded time is the
// row's arrival time.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/big_endian.h"
#include "model/floor_divide.h"

namespace hirestream {

struct RowId {
  // First 8 bytes of the UUID, big-endian: time_low, time_mid, version and time_high.
  uint64_t high = 0;
  uint64_t low = 0;  // last 8 bytes, big-endian: variant, clock sequence, node

  friend auto operator<=>(const RowId&, const RowId&) = default;
};

struct RowIdHash {
  size_t operator()(const RowId& id) const noexcept;
};

// Accepts 8-4-4-4-12 hexadecimal digits of any case and nothing else; no braces, no blanks.
std::optional<RowId> parse_uuid(std::string_view text);
std::string format_uuid(const RowId& id);

// What a row is known by whose create_time came as text.
struct TextId {
  RowId id;
  bool is_uuid = false;
};
// A UUID may stand in braces, with blanks around it. Any other text's id is its hash, with version
// nibble 0, which no real UUID has.
TextId read_uuid_text(std::string_view text);

// What a row is known by that has no id, but a number of its own; with version nibble 0, too.
RowId row_id_of_number(uint64_t number);

inline RowId row_id_from_bytes(std::span<const uint8_t, 16> big_endian) {
  return {read_big_endian_64(big_endian.data()), read_big_endian_64(big_endian.data() + 8)};
}
void row_id_to_bytes(const RowId& id, std::span<uint8_t, 16> big_endian);

// 100 ns ticks between 1582-10-15 (the epoch of version-1 UUIDs, RFC 4122 section 4.1.4) and
// 1970-01-01.
inline constexpr int64_t kGregorianOffset = 0x01B21DD213814000;

constexpr bool is_version_1(const RowId& id) {
  return ((id.high >> 12) & 0xF) == 1 && id.low >> 62 == 2;
}
// 100 ns ticks since 1970-01-01 UTC, of 60 bits less those before. Meaningless unless is_version_1.
constexpr int64_t arrival_ticks(const RowId& id) {
  const uint64_t time_low = id.high >> 32;
  const uint64_t time_mid = (id.high >> 16) & 0xFFFF;
  const uint64_t time_high = id.high & 0x0FFF;
  return static_cast<int64_t>(time_high << 48 | time_mid << 32 | time_low) - kGregorianOffset;
}
// Microseconds, floored.
constexpr int64_t arrival_time_us(const RowId& id) {
  return floor_divide(arrival_ticks(id), 10);
}
// The version-1 UUID with that time (100 ns ticks since 1970), clock sequence (14 bits) and node
// (48 bits).
RowId make_version_1(int64_t ticks_100ns_since_1970, uint16_t clock_sequence, uint64_t node);
// Lowest id, in Cassandra's order of timeuuid, whose time is `us`.
RowId lowest_version_1(int64_t us);

}  // namespace hirestream
