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

}  // namespace hirestream
