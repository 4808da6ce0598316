// The count of changes in hirestream_meta. Whoever shows the data sees commits of engines by their
// writers' tokens; every other change is counted here, in its transaction.
#pragma once

#include "adapters/sql/session.h"

namespace hirestream::sql {

Result<void> note_change(Session& session);
// How often that was done.
Result<int64_t> count_of_changes(Session& session);

}  // namespace hirestream::sql
