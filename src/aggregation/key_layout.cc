#include "aggregation/key_layout.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "model/result.h"

namespace hirestream {
namespace {

constexpr uint32_t kKeyBits = 63;

uint32_t sum_of(const std::array<uint32_t, KeyLayout::kParts>& bits) {
  return std::accumulate(bits.begin(), bits.end(), uint32_t{0});
}

}  // namespace

KeyLayout::KeyLayout(int64_t hour_base, const std::array<uint32_t, kParts>& bits)
    : hour_base_(hour_base), bits_(bits) {
  HIRESTREAM_CHECK(sum_of(bits) <= kKeyBits);
  uint32_t at = 0;
  for (size_t part = kParts; part-- > 0;) {
    unit_[part] = uint64_t{1} << at;
    excess_[part] = ~((uint64_t{1} << bits[part]) - 1);
    at += bits[part];
  }
}

CellKey KeyLayout::unpack(uint64_t key) const {
  Parts parts{};
  for (size_t part = kParts; part-- > 0;) {
    parts[part] = key & ~excess_[part];
    key >>= bits_[part];
  }
  return {static_cast<int32_t>(static_cast<int64_t>(parts[0]) + hour_base_),
          static_cast<int64_t>(parts[1]), static_cast<int64_t>(parts[2]),
          static_cast<int64_t>(parts[3]), static_cast<int64_t>(parts[4])};
}

std::array<uint32_t, KeyLayout::kParts> KeyRange::bits() const {
  std::array<uint32_t, KeyLayout::kParts> bits{};
  bits[0] = static_cast<uint32_t>(std::bit_width(hours()));
  for (size_t part = 1; part < bits.size(); ++part) {
    bits[part] = static_cast<uint32_t>(std::bit_width(seen_[part]));
  }
  return bits;
}

void KeyRange::include(const CellKey& key) {
  lowest_hour_ = std::min<int64_t>(lowest_hour_, key.local_hour);
  highest_hour_ = std::max<int64_t>(highest_hour_, key.local_hour);
  const KeyLayout::Parts parts = KeyLayout().parts(key);
  for (size_t part = 1; part < parts.size(); ++part) {
    seen_[part] |= parts[part];
  }
}

bool KeyRange::fits() const {
  const auto bits = this->bits();
  return sum_of(bits) <= kKeyBits && *std::ranges::max_element(bits) <= kPartBitsMax;
}

bool KeyRange::add(const CellKey& key) {
  KeyRange with = *this;
  with.include(key);
  if (!with.fits()) {
    return false;
  }
  *this = with;
  return true;
}

bool KeyRange::add(const CountedRows& rows) {
  KeyRange with = *this;
  for (size_t i = 0; i < rows.size; ++i) {
    with.include(rows.key(i));
  }
  if (!with.fits()) {
    return false;
  }
  *this = with;
  return true;
}

KeyLayout KeyRange::layout() const {
  if (empty()) {
    return {};
  }
  auto bits = this->bits();
  const uint32_t spare = (kKeyBits - sum_of(bits)) / static_cast<uint32_t>(KeyLayout::kParts);
  for (uint32_t& part : bits) {
    part = std::min(part + spare, kPartBitsMax);
  }
  const uint64_t more_hours = (uint64_t{1} << bits[0]) - 1 - hours();
  return {lowest_hour_ - static_cast<int64_t>(more_hours / 2), bits};
}

}  // namespace hirestream
