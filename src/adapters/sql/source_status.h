// The sources that the warehouse knows, with what became of their rows. Errors: as the session's.
#pragma once

#include <string_view>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

// By id, without settled_until. `accounting`: the view, or a query that gives the same columns.
Result<std::vector<SourceStatus>> read_source_status(
    Session& session, std::string_view accounting = "hirestream_accounting");

}  // namespace hirestream::sql
