// The cells of rows that count, 32 bytes each, side by side in order of first appearance, and an
// index of 8 bytes an entry. What it cannot hold goes to WideCells: keys that KeyLayout does not
// pack, and counts beyond some bits of their own. So the same key may be in both, and the sum of
// both is exact whatever comes. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "aggregation/counted_rows.h"
#include "aggregation/key_layout.h"
#include "aggregation/wide_cells.h"
#include "model/contribution.h"
#include "model/huge_pages.h"

namespace hirestream {

// With a spare bit above each count.
struct PackedCounts {
  // 31 bits each, clicks lowest.
  uint64_t clicks_impressions = 0;
  // Conversions (lowest), qualified and unqualified: 20 bits each.
  uint64_t applications = 0;
};

struct PackedCell {
  uint64_t key = 0;
  int64_t bid_micros = 0;
  PackedCounts counts;
};
static_assert(sizeof(PackedCell) == 32, "two to a cache line");

class PackedCells {
 public:
  void add(const CountedRows& rows, WideCells& wide);
  void add(const Cell& cell, WideCells& wide);
  // The last cell whose bids here add up to more than 64 bits; what it holds is not their sum.
  const std::optional<CellKey>& beyond() const { return beyond_; }
  // What is here of that cell, if anything.
  std::optional<Measures> find(const CellKey& key) const;
  // Sorted by key, so many in each piece but the last. Measures that are all zero are left out.
  std::vector<Contribution> sorted(size_t cells_per_piece) const;
  // Keeps the memory, but for an index that was much too large for what there was.
  void clear();

 private:
  struct BlockKeys {
    std::array<uint64_t, kBlockRows> keys;
    std::array<uint64_t, kBlockRows> hashes;
  };
  using Positions = std::array<uint32_t, kBlockRows>;
  template <typename T>
  using Table = std::vector<T, HugePageAllocator<T>>;

  // False: some row has no place in the layout.
  bool pack(const CountedRows& rows, BlockKeys& packed) const;
  // With the cells' positions; two keys of one tag may have got the same.
  void find_by_tags(const BlockKeys& packed, size_t size, Positions& positions);
  void add_packed(const CountedRows& rows, const BlockKeys& packed, WideCells& wide);
  void add_with_wider_keys(const CountedRows& rows, WideCells& wide);
  void add_to(PackedCell& cell, const PackedCounts& counts, int64_t bid_micros, WideCells& wide);
  // Of the keys of all cells.
  const KeyRange& range();
  // Gives all cells the keys of a layout for that range. `more`: cells that may follow soon.
  void widen(const KeyRange& range, size_t more);
  // Where in the index the key is, or could be put.
  size_t slot_of(uint64_t key, uint64_t hash) const;
  uint32_t find_or_make(uint64_t key, uint64_t hash);
  // `slot`: as slot_of says, or another one that is empty behind it.
  uint32_t make(uint64_t key, uint64_t hash, size_t slot);
  void put(uint32_t tag, uint32_t position);
  void grow();
  void set_index_size(size_t size);

  KeyLayout layout_;
  Table<PackedCell> cells_;
  // Of the first ranged_ cells.
  KeyRange range_;
  size_t ranged_ = 0;
  // Open addressing by the hash's highest bits: tag (its high half) << 32 | position in cells_ + 1;
  // 0 = empty. The number of entries is a power of two.
  Table<uint64_t> index_;
  int shift_ = 0;
  std::optional<CellKey> beyond_;
};

}  // namespace hirestream
