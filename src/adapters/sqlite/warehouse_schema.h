// The warehouse's tables on SQLite.
#pragma once

#include <cstdint>

#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

inline constexpr int64_t kSqliteSchemaVersion = 2;  // 2: hirestream_days

// Whoever shows the data sees commits of engines by their writers' tokens; every other change is counted here.
inline constexpr const char* kSqliteNoteChange =
    "INSERT INTO hirestream_meta (name, value) VALUES ('changes', '1') ON CONFLICT (name) DO "
    "UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)";

// One statement each, all with IF NOT EXISTS, in the order in which they must run.
std::vector<std::string> sqlite_schema_statements();

}  // namespace hirestream
