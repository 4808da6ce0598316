// Which CQL types each column of a tracking table may have. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/result.h"
#include "model/tracking_batch.h"

namespace hirestream {

// kConfig naming the column, its type and what is allowed.
Result<void> check_tracking_type(const std::string& table, Column column,
                                 std::string_view type_name);

// Of an event time in two columns.
Result<void> check_time_types(const std::string& table, std::string_view date_type,
                              std::string_view time_type);

}  // namespace hirestream
