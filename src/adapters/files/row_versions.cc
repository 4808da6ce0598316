#include "adapters/files/row_versions.h"

#include <utility>

namespace hirestream {
namespace {

RowVersions::Outcome compare(uint64_t known, uint64_t found) {
  return known == found ? RowVersions::Outcome::kSameBytes : RowVersions::Outcome::kOtherBytes;
}

}  // namespace

RowVersions::RowVersions() : slots_(1024) {}

RowVersions::Slot& RowVersions::find(std::vector<Slot>& slots, const RowId& id) {
  const size_t mask = slots.size() - 1;
  size_t index = RowIdHash()(id) & mask;
  while (slots[index].id != RowId() && slots[index].id != id) index = (index + 1) & mask;
  return slots[index];
}

void RowVersions::prefetch(const RowId& id) const {
  __builtin_prefetch(&slots_[RowIdHash()(id) & (slots_.size() - 1)], 1);
}

RowVersions::Outcome RowVersions::add(const RowId& id, uint64_t bytes_hash) {
  if (id == RowId()) {
    if (nil_hash_) return compare(*nil_hash_, bytes_hash);
    nil_hash_ = bytes_hash;
    return Outcome::kNew;
  }
  Slot& slot = find(slots_, id);
  if (slot.id == id) return compare(slot.bytes_hash, bytes_hash);
  slot = Slot{id, bytes_hash};
  if (++size_ * 4 > slots_.size() * 3) grow();
  return Outcome::kNew;
}

void RowVersions::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  for (const Slot& slot : slots_) {
    if (slot.id != RowId()) find(larger, slot.id) = slot;
  }
  slots_ = std::move(larger);
}

}  // namespace hirestream
