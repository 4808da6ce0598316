#include "adapters/mysql/dialect.h"

#include <fmt/format.h>

#include "model/decimal.h"
#include "model/timestamp.h"

namespace hirestream::mysql {

Dialect::Dialect(bool is_mariadb) : is_mariadb_(is_mariadb) {
  events = "events";
  day = "dates";
  conversions = "conversion";
  qualified = "qualified_application";
  unqualified = "disqualified_application";
  spend_of_hour = "spend_hour";
  spend_of_day = "spend";
  updated_at = "updated_at";
  has_schemas = true;
  table_options = " CHARACTER SET utf8mb4";
  by_key = " FORCE INDEX (PRIMARY)";
  insert_or_ignore = "INSERT IGNORE";
  greatest = "GREATEST";
  now = "UTC_TIMESTAMP(6)";
  lock_rows = " FOR UPDATE";
  share_rows = " LOCK IN SHARE MODE";
}

std::string Dialect::day_value(int32_t days) const {
  return fmt::format("'{}'", format_date(days));
}

std::string Dialect::day_number(std::string_view column) const {
  return fmt::format("DATEDIFF({}, '1970-01-01')", column);
}

std::string Dialect::moment_value(int64_t us) const {
  return fmt::format("'{}'", format_timestamp_us(us));
}

std::string Dialect::moment_micros(std::string_view moment) const {
  return fmt::format("TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {})", moment);
}

std::string Dialect::money_value(int64_t micros) const {
  return format_micros(micros);
}

// The server adds up integers as decimals, which takes a third longer than doubles.
std::string Dialect::sum(std::string_view column) const {
  return fmt::format("SUM({} + 0e0)", column);
}

std::string Dialect::hours_condition(int32_t from_hour, int32_t to_hour) const {
  const CellKey from{.local_hour = from_hour};
  const CellKey to{.local_hour = to_hour};
  const std::string first = format_date(from.days());
  const std::string last = format_date(to.days());
  if (from_hour >= to_hour) {
    return "FALSE";
  }
  if (from.days() == to.days()) {
    return fmt::format("dates = '{}' AND hours >= {} AND hours < {}", first, from.hour(),
                       to.hour());
  }
  std::string condition =
      fmt::format("((dates = '{0}' AND hours >= {1}) OR (dates > '{0}' AND dates < '{2}')", first,
                  from.hour(), last);
  if (to.hour() > 0) {
    condition += fmt::format(" OR (dates = '{}' AND hours < {})", last, to.hour());
  }
  return condition + ")";
}

// Simpler than the whole key as a range: what comes before it in its hour is left out.
std::string Dialect::after_condition(const CellKey& key) const {
  return fmt::format(
      "(dates <> '{}' OR hours <> {} OR job_id > {} OR (job_id = {} AND (publisher_id > {} OR "
      "(publisher_id = {} AND (campaign_id > {} OR (campaign_id = {} AND group_id > {}))))))",
      format_date(key.days()), key.hour(), key.job_id, key.job_id, key.publisher_id,
      key.publisher_id, key.campaign_id, key.campaign_id, key.group_id);
}

std::string Dialect::upsert(std::string_view, std::string_view assignments) const {
  return is_mariadb_ ? " ON DUPLICATE KEY UPDATE " + sql::rename_new(assignments, "VALUES(", ")")
                     : fmt::format(" AS new ON DUPLICATE KEY UPDATE {}", assignments);
}

std::string Dialect::merged_sources(std::string_view table) const {
  return fmt::format(
      "CASE WHEN {0}.sources = '' THEN new.sources WHEN FIND_IN_SET(LOWER(new.sources), "
      "LOWER({0}.sources)) > 0 THEN {0}.sources ELSE CONCAT({0}.sources, ',', new.sources) END",
      table);
}

std::string Dialect::delete_first(std::string_view table, std::string_view order,
                                  int64_t rows) const {
  return fmt::format("DELETE FROM {} ORDER BY {} LIMIT {}", table, order, rows);
}

std::string Dialect::delete_by_key(std::string_view table, std::string_view condition) const {
  return fmt::format("DELETE t FROM {} AS t FORCE INDEX (PRIMARY) WHERE {}", table, condition);
}

std::string Dialect::columns_query(std::string_view schema, std::string_view table) const {
  return fmt::format(
      "SELECT column_name FROM information_schema.columns WHERE table_schema = {} AND table_name = "
      "{}",
      schema.empty() ? "DATABASE()" : schema, table);
}

std::string Dialect::quoted_identifier(std::string_view name) const {
  return sql::quote_identifier(name, '`');
}

}  // namespace hirestream::mysql
