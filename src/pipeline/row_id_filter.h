// Says of a row id whether it was seen before: a "no" is sure, a "yes" may be wrong. A Bloom filter
// in blocks of one cache line (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom
// Filters, 2007): seven bits of a block an id, 24 bits of memory for each expected id; then about
// one "yes" in ten thousand is wrong. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

class RowIdFilter {
 public:
  // With more ids than that it is wrong more often.
  explicit RowIdFilter(int64_t ids_expected);

  // False: it was not inserted before.
  bool insert(const RowId& id);

 private:
  std::vector<std::array<uint64_t, 8>> blocks_;
};

// The same in any process.
uint64_t spread_hash(const RowId& id);

}  // namespace hirestream
