#include "adapters/sqlite/dialect.h"

#include <fmt/format.h>

namespace hirestream::sqlite {

Dialect::Dialect() {
  events = "events_micros";
  day = "days";
  conversions = "conversions";
  qualified = "qualified";
  unqualified = "unqualified";
  spend_of_hour = "bid_micros";
  spend_of_day = "bid_micros";
  updated_at = "updated_at_us";
  insert_or_ignore = "INSERT OR IGNORE";
  greatest = "MAX";
  now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000";
}

std::string Dialect::day_value(int32_t days) const {
  return std::to_string(days);
}

std::string Dialect::day_number(std::string_view column) const {
  return std::string(column);
}

std::string Dialect::moment_value(int64_t us) const {
  return std::to_string(us);
}

std::string Dialect::moment_micros(std::string_view moment) const {
  return std::string(moment);
}

std::string Dialect::money_value(int64_t micros) const {
  return std::to_string(micros);
}

std::string Dialect::sum(std::string_view column) const {
  return fmt::format("SUM({})", column);
}

std::string Dialect::hours_condition(int32_t from_hour, int32_t to_hour) const {
  const CellKey from{.local_hour = from_hour};
  const CellKey to{.local_hour = to_hour};
  // The second one is for the indexes that begin with an id and go on with days.
  return fmt::format(
      "(days, hours) >= ({}, {}) AND (days, hours) < ({}, {}) AND days BETWEEN {} AND {}",
      from.days(), from.hour(), to.days(), to.hour(), from.days(), to.days());
}

std::string Dialect::after_condition(const CellKey& key) const {
  return fmt::format(
      "(days, hours, job_id, publisher_id, campaign_id, group_id) > ({}, {}, {}, {}, {}, {})",
      key.days(), key.hour(), key.job_id, key.publisher_id, key.campaign_id, key.group_id);
}

std::string Dialect::upsert(std::string_view key, std::string_view assignments) const {
  return fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", key,
                     sql::rename_new(assignments, "excluded.", ""));
}

std::string Dialect::merged_sources(std::string_view table) const {
  return fmt::format(
      "CASE WHEN {0}.sources = '' THEN new.sources WHEN instr(lower(',' || {0}.sources || ','), "
      "lower(',' || new.sources || ',')) > 0 THEN {0}.sources ELSE {0}.sources || ',' || "
      "new.sources END",
      table);
}

std::string Dialect::delete_first(std::string_view table, std::string_view order,
                                  int64_t rows) const {
  return fmt::format(
      "DELETE FROM {0} WHERE rowid IN (SELECT rowid FROM {0} ORDER BY {1} LIMIT {2})", table, order,
      rows);
}

std::string Dialect::delete_by_key(std::string_view table, std::string_view condition) const {
  return fmt::format("DELETE FROM {} WHERE {}", table, condition);
}

std::string Dialect::columns_query(std::string_view, std::string_view table) const {
  return fmt::format("SELECT name FROM pragma_table_info({})", table);
}

std::string Dialect::quoted_identifier(std::string_view name) const {
  return sql::quote_identifier(name, '"');
}

}  // namespace hirestream::sqlite
