#include "adapters/sql/cell_rows.h"

#include <fmt/format.h>

#include <iterator>

namespace hirestream::sql {

std::string cell_key_columns(const Dialect& dialect) {
  return fmt::format("{}, hours, job_id, publisher_id, campaign_id, group_id", dialect.day);
}

std::string cell_columns(const Dialect& dialect) {
  return fmt::format("{}, impressions, clicks, {}, {}, {}, {}, company_id, sources, {}",
                     cell_key_columns(dialect), dialect.conversions, dialect.qualified,
                     dialect.unqualified, dialect.spend_of_hour, dialect.updated_at);
}

void append_cell(const Session& session, std::string& row, const CellRow& cell) {
  const Dialect& dialect = session.dialect();
  const CellKey& key = cell.key;
  const Measures& measures = cell.measures;
  fmt::format_to(std::back_inserter(row), "{},{},{},{},{},{},{},{},{},{},{},{},{},",
                 dialect.day_value(key.days()), key.hour(), key.job_id, key.publisher_id,
                 key.campaign_id, key.group_id, measures.impressions, measures.clicks,
                 measures.conversions, measures.qualified, measures.unqualified,
                 dialect.money_value(measures.bid_micros), cell.company_id);
  session.append_text(row, cell.sources);
  row += "," + dialect.moment_value(cell.updated_at_us);
}

std::string added_measures(const Dialect& dialect, std::string_view table) {
  std::string text;
  for (const std::string_view column :
       {std::string_view("impressions"), std::string_view("clicks"), dialect.conversions,
        dialect.qualified, dialect.unqualified, dialect.spend_of_hour}) {
    text += fmt::format("{0} = {1}.{0} + new.{0}, ", column, table);
  }
  return text;
}

std::string hour_condition(const Dialect& dialect, int32_t local_hour) {
  const CellKey key{.local_hour = local_hour};
  return fmt::format("{} = {} AND hours = {}", dialect.day, dialect.day_value(key.days()),
                     key.hour());
}

std::string sum_up_days(const Dialect& dialect, std::string_view days, std::string_view cells,
                        std::string_view condition) {
  return fmt::format(
      "INSERT INTO {0} ({1}, job_id, publisher_id, campaign_id, group_id, company_id, impressions, "
      "clicks, {2}, {3}, {4}, {5}) SELECT {1}, job_id, publisher_id, campaign_id, group_id, "
      "MAX(company_id), SUM(impressions), SUM(clicks), SUM({2}), SUM({3}), SUM({4}), SUM({6}) FROM "
      "{7}{8}{9} GROUP BY {1}, job_id, publisher_id, campaign_id, group_id",
      days, dialect.day, dialect.conversions, dialect.qualified, dialect.unqualified,
      dialect.spend_of_day, dialect.spend_of_hour, cells, condition.empty() ? "" : " WHERE ",
      condition);
}

}  // namespace hirestream::sql
