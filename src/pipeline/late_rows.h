// Rows that are in the raw log though their slices are frozen: seen too late to be counted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "ports/warehouse.h"

namespace hirestream {

// Rows of frozen slices that a read of the whole raw log met, by shard and day.
using FrozenRows = std::map<std::pair<int32_t, int32_t>, int64_t>;

struct LateRows {
  int64_t rows = 0;
  // What the ledger does not know of yet, as sums to be added to its frozen days.
  std::vector<FrozenDay> news;
};

LateRows find_late_rows(const FrozenRows& met, std::span<const FrozenDay> stored);

}  // namespace hirestream
