#include "aggregation/wide_cells.h"

#include <algorithm>

namespace hirestream {
namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 32;
  return x;
}

uint64_t hash_of(const CellKey& key) {
  uint64_t hash = mix(static_cast<uint64_t>(key.job_id) * 0x9E3779B97F4A7C15ULL +
                      static_cast<uint64_t>(static_cast<uint32_t>(key.local_hour)));
  hash = mix(hash ^ (static_cast<uint64_t>(key.campaign_id) * 0xC2B2AE3D27D4EB4FULL));
  hash = mix(hash ^ (static_cast<uint64_t>(key.publisher_id) << 32) ^
             static_cast<uint64_t>(key.group_id));
  return hash;
}

}  // namespace

void WideCells::add(const CellKey& key, const Measures& measures) {
  if ((cells_.size() + 1) * 2 > index_.size()) {
    grow();
  }
  const size_t mask = index_.size() - 1;
  size_t at = hash_of(key) & mask;
  while (index_[at] != 0) {
    Cell& cell = cells_[index_[at] - 1];
    if (cell.key == key) {
      if (cell.measures.can_add(measures)) {
        cell.measures += measures;
      } else {
        beyond_ = key;
      }
      return;
    }
    at = (at + 1) & mask;
  }
  cells_.push_back({key, measures});
  index_[at] = static_cast<uint32_t>(cells_.size());
}

void WideCells::grow() {
  index_.assign(index_.empty() ? 16 : index_.size() * 2, 0);
  const size_t mask = index_.size() - 1;
  for (size_t i = 0; i < cells_.size(); ++i) {
    size_t at = hash_of(cells_[i].key) & mask;
    while (index_[at] != 0) {
      at = (at + 1) & mask;
    }
    index_[at] = static_cast<uint32_t>(i + 1);
  }
}

void WideCells::clear() {
  cells_.clear();
  std::fill(index_.begin(), index_.end(), 0);
  beyond_.reset();
}

}  // namespace hirestream
