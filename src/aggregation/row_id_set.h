// A set of row ids for de-duplication: open addressing, 16 bytes a slot, no allocation per insert except when it grows.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

class RowIdSet {
 public:
  // True when the id was not in the set.
  bool insert(const RowId& id) {
    if (id == RowId{}) {
      const bool fresh = !has_zero_;
      has_zero_ = true;
      return fresh;
    }
    if ((size_ + 1) * 2 > slots_.size()) {
      grow();
    }
    RowId& slot = slots_[find_slot(slots_, id)];
    if (slot == id) {
      return false;
    }
    slot = id;
    ++size_;
    return true;
  }
  bool contains(const RowId& id) const {
    if (id == RowId{}) {
      return has_zero_;
    }
    return !slots_.empty() && slots_[find_slot(slots_, id)] == id;
  }
  size_t size() const { return size_ + (has_zero_ ? 1 : 0); }
  void clear() {
    slots_.clear();
    size_ = 0;
    has_zero_ = false;
  }
  template <typename Visit>
  void for_each(Visit visit) const {
    if (has_zero_) {
      visit(RowId{});
    }
    for (const RowId& id : slots_) {
      if (id != RowId{}) {
        visit(id);
      }
    }
  }
  // Keeps only ids for which keep(id) holds.
  template <typename Keep>
  void retain(Keep keep) {
    std::vector<RowId> old;
    old.swap(slots_);
    size_ = 0;
    if (has_zero_ && !keep(RowId{})) {
      has_zero_ = false;
    }
    for (const RowId& id : old) {
      if (id != RowId{} && keep(id)) {
        insert(id);
      }
    }
  }

 private:
  static size_t find_slot(const std::vector<RowId>& slots, const RowId& id) {
    const size_t mask = slots.size() - 1;
    size_t at = RowIdHash{}(id)&mask;
    while (slots[at] != RowId{} && slots[at] != id) {
      at = (at + 1) & mask;
    }
    return at;
  }
  void grow() {
    std::vector<RowId> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const RowId& id : old) {
      if (id != RowId{}) {
        slots_[find_slot(slots_, id)] = id;
      }
    }
  }

  std::vector<RowId> slots_;  // RowId{} is an empty slot; size is a power of two
  size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace hirestream
