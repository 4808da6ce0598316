// Which kinds of rows were not counted (hirestream_kinds): of each slice, exactly, and of what is
// frozen of a shard, bounded. Errors: as the session's.
#pragma once

#include <cstddef>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

// Within the commit's transaction.
Result<void> write_kinds(Session& session, const Commit& commit);

// As Warehouse::load_not_counted. None where the tables are those of an older version, or this user
// may not read them.
Result<std::vector<NotCounted>> read_kinds(Session& session, SourceId source, size_t limit);

}  // namespace hirestream::sql
