// What is kept of slices that have left the ledger: sums by shard and day (hirestream_frozen_days),
// what they gave to `events` by hour (hirestream_frozen), and how far each shard is frozen
// (hirestream_frozen_marks). Errors: as the session's.
#pragma once

#include <span>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

// Within the commit's transaction.
Result<void> write_frozen(Session& session, const Commit& commit);

// Of a commit without writers: slices that it would put into the ledger below their shard's mark,
// where what the ledger does not have is frozen. The marks stay until the transaction ends.
Result<std::vector<SliceKey>> new_below_marks(Session& session, const Commit& commit);

// Whether the commit gives one of its shards a first mark. Nobody can lock that before it is there:
// the commits of which new_below_marks() found none are over before this one goes on.
Result<bool> makes_first_mark(Session& session, const Commit& commit);

Result<std::vector<FrozenMark>> read_frozen_marks(Session& session, SourceId source,
                                                  std::span<const int32_t> shards);
Result<std::vector<FrozenDay>> read_frozen_days(Session& session, SourceId source);

// Within a transaction of the upgrade from a version whose frozen slices were rows of the ledger:
// folds them. kConfig: slices older than frozen ones may not have been counted yet.
Result<void> fold_frozen_slices(Session& session);

}  // namespace hirestream::sql
