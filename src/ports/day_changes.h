// The daily roll-up of `events`: table hirestream_days, which a warehouse keeps in the transaction
// that changes `events`, by the same differences. A day is a civil day of the reporting time zone,
// as the cells' hours are.
#pragma once

#include <span>
#include <vector>

#include "ports/warehouse.h"

namespace hirestream {

// The cell's day: its key with the day's first hour.
CellKey day_of(const CellKey& cell);

// What changes of cells (sorted by key, keys unique) do to days: sorted by key, keys unique, deltas
// non-zero. Of several known companies the last one's. kRejected: they do not fit 64 bits.
Result<std::vector<CellChange>> day_changes(std::span<const CellChange> cells);
// Of a commit: those that it names, else what its cells do to them.
Result<std::vector<CellChange>> days_of(const Commit& commit);

}  // namespace hirestream
