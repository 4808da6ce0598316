#include "adapters/sql/dimension_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hirestream {

std::string id_column(Dimension dimension) {
  return std::string(dimension_name(dimension)) + "_id";
}

const char* name_column(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCompany:
      return "company_name";
    case Dimension::kCampaign:
      return "campaign_name";
    case Dimension::kGroup:
      return "group_name";
    case Dimension::kJob:
      return "title";
    case Dimension::kPublisher:
      return "name";
  }
  HIRESTREAM_CHECK(false);
}

const char* name_table(Dimension dimension) {
  return dimension == Dimension::kPublisher ? "hirestream_publishers" : "hirestream_jobs";
}

std::string ids_condition(const ReportFilter& filter) {
  std::string condition;
  for (const auto& [dimension, ids] : filter.ids) {
    if (!ids.empty()) {
      condition += fmt::format(" AND {} IN ({})", id_column(dimension), fmt::join(ids, ","));
    }
  }
  return condition;
}

}  // namespace hirestream
