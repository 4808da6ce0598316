// `hirestream rebuild --from-source`: the whole table is counted once more, by several threads, and
// takes the place of `events` and ledger as a run on Spark does (rebuild_run.h).
#pragma once

#include "cli/rebuild_run.h"

namespace hirestream {

// kConfig: the source is none whose ring can be read in ranges, or the warehouse is a file.
Result<void> check_rebuild_from_source(const Settings& settings);

// Of settings that were checked. `trust_keys`: rows with one create_time lie in one partition,
// whatever the table's key says. The caller has the lease. The observer is told by several threads.
Result<RunRebuild> rebuild_from_source(const Settings& settings, bool trust_keys,
                                       RebuildOptions options, Clock& clock, Observer& observer);

}  // namespace hirestream
