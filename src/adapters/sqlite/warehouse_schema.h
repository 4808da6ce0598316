// The warehouse's tables on SQLite.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

// One statement each, all with IF NOT EXISTS, in the order in which they must run.
std::vector<std::string> sqlite_schema_statements();
// Of them the views `events` and hirestream_accounting.
std::string sqlite_events_view();
std::string sqlite_accounting_view();

}  // namespace hirestream
