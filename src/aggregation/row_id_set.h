// A set of row ids for de-duplication: about 20 to 40 bytes an id, no allocation per insert except
// when it grows. Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <functional>

#include "model/huge_pages.h"
#include "model/row_id.h"

namespace hirestream {

class RowIdSet {
 public:
  // True when the id was not in the set.
  bool insert(const RowId& id) { return ids_.insert(id).second; }
  bool contains(const RowId& id) const { return ids_.contains(id); }
  size_t size() const { return ids_.size(); }
  // Also gives the memory back.
  void clear() { ids_ = {}; }
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const RowId& id : ids_) {
      visit(id);
    }
  }
  // Keeps only ids for which keep(id) holds, and memory only for these.
  template <typename Keep>
  void retain(Keep keep) {
    Ids kept;
    for (const RowId& id : ids_) {
      if (keep(id)) {
        kept.insert(id);
      }
    }
    ids_.swap(kept);
  }

 private:
  using Ids =
      boost::unordered_flat_set<RowId, RowIdHash, std::equal_to<RowId>, HugePageAllocator<RowId>>;
  Ids ids_;
};

}  // namespace hirestream
