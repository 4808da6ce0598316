#include "pipeline/row_id_filter.h"

#include <algorithm>

#include "model/mix64.h"

namespace hirestream {
namespace {

constexpr int64_t kBitsPerId = 24;
constexpr int64_t kBitsPerBlock = 512;
constexpr int kBitsSet = 7;

}  // namespace

uint64_t spread_hash(const RowId& id) {
  return mix64(id.high + mix64(id.low + 0x9E3779B97F4A7C15ULL));
}

RowIdFilter::RowIdFilter(int64_t ids_expected)
    : blocks_(static_cast<size_t>(std::max<int64_t>(ids_expected, 0) * kBitsPerId / kBitsPerBlock +
                                  16)) {}

bool RowIdFilter::insert(const RowId& id) {
  const uint64_t hash = spread_hash(id);
  std::array<uint64_t, 8>& block = blocks_[hash % blocks_.size()];
  // Nine bits name one of a block.
  uint64_t places = mix64(hash ^ 0x9E3779B97F4A7C15ULL);
  bool seen = true;
  for (int i = 0; i < kBitsSet; ++i, places >>= 9) {
    const uint64_t bit = uint64_t{1} << (places & 63);
    uint64_t& word = block[(places >> 6) & 7];
    seen = seen && (word & bit) != 0;
    word |= bit;
  }
  return seen;
}

}  // namespace hirestream
