#include "adapters/cassandra/tracking_types.h"

#include <fmt/format.h>

#include "adapters/cassandra/cql_value.h"

namespace hirestream {
namespace {

std::string_view allowed_types(Column column) {
  switch (column) {
    case Column::kCreateTime:
      return "timeuuid, uuid, text";
    case Column::kTs:
      return "timestamp, text, bigint, int, varint, date";
    case Column::kBid:
      return "decimal, text, int, bigint, smallint, tinyint, varint, float, double";
    case Column::kCustomTrack:
    case Column::kEd:
      return "text";
    default:
      return "bigint, int, smallint, tinyint, varint, text, double, float, decimal";
  }
}

bool is_allowed(Column column, CqlType type) {
  switch (column) {
    case Column::kCreateTime:
      return is_text(type) || is_uuid(type);
    case Column::kTs:
      return is_text(type) || type == CqlType::kTimestamp || type == CqlType::kBigint ||
             type == CqlType::kInt || type == CqlType::kVarint || type == CqlType::kDate;
    case Column::kCustomTrack:
    case Column::kEd:
      return is_text(type);
    default:
      return is_text(type) || is_number(type);
  }
}

}  // namespace

Result<void> check_tracking_type(const std::string& table, Column column,
                                 std::string_view type_name) {
  if (is_allowed(column, cql_type_from_name(type_name))) {
    return {};
  }
  return fail(ErrorKind::kConfig, "read table definition",
              fmt::format("{} column {}", table, column_name(column)),
              fmt::format("has the type {}, allowed: {}", type_name, allowed_types(column)),
              column == Column::kTs && cql_type_from_name(type_name) == CqlType::kTime
                  ? "a time of day stands beside its date: --columns ts=DATE+TIME"
                  : "");
}

Result<void> check_time_types(const std::string& table, std::string_view date_type,
                              std::string_view time_type) {
  const CqlType date = cql_type_from_name(date_type);
  const CqlType time = cql_type_from_name(time_type);
  if ((is_text(date) || date == CqlType::kDate) && (is_text(time) || time == CqlType::kTime)) {
    return {};
  }
  return fail(ErrorKind::kConfig, "read table definition", table + " columns of ts",
              fmt::format("have the types {} and {}, allowed: date or text, and time or text",
                          date_type, time_type));
}

}  // namespace hirestream
