// Counts in hirestream_meta.
//
// Of changes: whoever shows the data sees commits of engines by their writers' tokens; every other
// change is counted here, in its transaction. Of stored jobs: a commit goes by it whether the
// companies of its rows still hold. A commit takes locks in this order: stored jobs, writers,
// changes, slices, rows.
#pragma once

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

Result<void> note_change(Session& session);
// How often that was done.
Result<int64_t> count_of_changes(Session& session);
// Within a transaction: nobody counts a change until its end.
Result<void> hold_changes(Session& session);

Result<void> note_jobs(Session& session);
Result<int64_t> version_of_jobs(Session& session);
// Within a transaction: nobody stores jobs until its end.
Result<bool> jobs_hold(Session& session, const Commit& commit);

}  // namespace hirestream::sql
