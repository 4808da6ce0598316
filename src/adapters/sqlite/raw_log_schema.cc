#include "adapters/sqlite/raw_log_schema.h"

#include <fmt/format.h>

namespace hirestream::sqlite {

bool is_integer_column(RawColumn column) {
  switch (column) {
    case RawColumn::kCampaignId:
    case RawColumn::kGroupId:
    case RawColumn::kJobId:
    case RawColumn::kPublisherId:
      return true;
    default:
      return false;
  }
}

std::string create_tracking_sql() {
  std::string sql =
      "CREATE TABLE tracking (\n"
      "  seq INTEGER PRIMARY KEY AUTOINCREMENT,\n"
      "  create_time TEXT NOT NULL COLLATE NOCASE UNIQUE";
  for (size_t index = 1; index < kRawColumnNames.size(); ++index) {
    const bool integer = is_integer_column(static_cast<RawColumn>(index));
    sql += fmt::format(",\n  {} {}", kRawColumnNames[index], integer ? "INTEGER" : "TEXT");
  }
  return sql + "\n)";
}

}  // namespace hirestream::sqlite
