// Finds the ids that stand in a file more than once, and whether with different bytes. 32 to 64 bytes of memory per row.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

class RowVersions {
 public:
  enum class Outcome { kNew, kSameBytes, kOtherBytes };

  RowVersions();
  // Fetches what add() of this id will touch into the cache: worth it a few rows ahead.
  void prefetch(const RowId& id) const;
  // Compares with the row that had this id first.
  Outcome add(const RowId& id, uint64_t bytes_hash);
  size_t size() const { return size_ + (nil_hash_ ? 1 : 0); }

 private:
  struct Slot {
    RowId id;  // nil: free
    uint64_t bytes_hash = 0;
  };
  static Slot& find(std::vector<Slot>& slots, const RowId& id);
  void grow();

  std::vector<Slot> slots_;  // open addressing, a power of two, at most three quarters full
  size_t size_ = 0;
  std::optional<uint64_t> nil_hash_;  // of the row whose id is nil
};

}  // namespace hirestream
