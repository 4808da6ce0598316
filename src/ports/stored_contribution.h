// What the ledger gives back of slices, as far as it can be believed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ports/warehouse.h"

namespace hirestream {

// Rows of events that a contribution holds: each counted row is one.
int64_t rows_counted(const Contribution& contribution);
// Warehouse::load_contributions(). A contribution that does not hold as many rows as its entry says
// has lost a part: it is damaged, too.
Result<std::vector<StoredContribution>> load_checked_contributions(Warehouse& warehouse,
                                                                   SourceId source,
                                                                   std::span<const SliceKey> keys);
// The same of all slices of a source, a part of them at a time.
Result<void> each_contribution(Warehouse& warehouse, SourceId source,
                               const std::function<Result<void>(const StoredContribution&)>& visit);

}  // namespace hirestream
