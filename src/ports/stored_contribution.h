// Whether what the ledger gives back of a slice can be believed.
#pragma once

#include <cstdint>

#include "ports/warehouse.h"

namespace hirestream {

// Rows of events that a contribution holds: each counted row is one.
int64_t rows_counted(const Contribution& contribution);
// A contribution that does not hold as many rows as its entry says has lost a part: it is damaged.
void distrust(StoredContribution& stored);

}  // namespace hirestream
