// The columns of a dimension, the same in every SQL warehouse.
#pragma once

#include <string>

#include "ports/report.h"

namespace hirestream {

// Of `events` and of the daily roll-up.
std::string id_column(Dimension dimension);

// Where its names are: a column of name_table, which has id_column, too.
const char* name_column(Dimension dimension);
const char* name_table(Dimension dimension);

// " AND campaign_id IN (1,2) AND …"; empty: the filter names no ids.
std::string ids_condition(const ReportFilter& filter);

}  // namespace hirestream
