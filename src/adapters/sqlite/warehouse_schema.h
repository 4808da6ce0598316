// The warehouse's tables on SQLite.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

// One statement each, all with IF NOT EXISTS, in the order in which they must run.
std::vector<std::string> sqlite_schema_statements();
// Tables of the form of events_micros and hirestream_days under another name.
std::string sqlite_events_table(std::string_view name);
std::string sqlite_days_table(std::string_view name);
// The indexes of those two.
// Of the two tables of cells, besides their primary keys.
struct SqliteIndex {
  std::string name;
  std::string on;
  std::string statement() const;
};
std::vector<SqliteIndex> sqlite_indexes();
// The views `events` and hirestream_accounting.
std::string sqlite_events_view();
std::string sqlite_accounting_view();

}  // namespace hirestream
