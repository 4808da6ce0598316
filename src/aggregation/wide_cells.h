// Cells of any keys and measures, each in full: a hash table of 88 bytes a cell. PackedCells is
// faster where it can be used. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/contribution.h"

namespace hirestream {

class WideCells {
 public:
  // `measures` are added to the cell of that key, or if their sum is beyond 64 bits, nothing is.
  void add(const CellKey& key, const Measures& measures);
  // In order of first appearance.
  const std::vector<Cell>& cells() const { return cells_; }
  // The last cell whose sum was beyond 64 bits.
  const std::optional<CellKey>& beyond() const { return beyond_; }
  // Keeps the memory.
  void clear();

 private:
  void grow();

  std::vector<Cell> cells_;
  // Open addressing: position in cells_ + 1, 0 = empty.
  std::vector<uint32_t> index_;
  std::optional<CellKey> beyond_;
};

}  // namespace hirestream
