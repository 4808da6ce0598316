// Brings what an older version has written up to date. Within the transaction that raises the
// schema's version, so that it happens once, and no engine of the older version goes on beside it.
#pragma once

#include "adapters/sql/session.h"

namespace hirestream::sql {

// Frozen slices, which were rows of the ledger, are folded; row hashes, which were made of other
// things, are forgotten, and each source's fingerprint says so. kConfig: as fold_frozen_slices.
Result<void> upgrade_ledger(Session& session);

}  // namespace hirestream::sql
