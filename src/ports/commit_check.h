// What every warehouse asks of a commit before it reaches the database.
#pragma once

#include "ports/warehouse.h"

namespace hirestream {

// Fails a HIRESTREAM_CHECK if the commit breaks the port's contract: slices or cells out of order
// or twice, contributions that are not canonical, cells that change nothing.
void check_commit(const Commit& commit);

}  // namespace hirestream
