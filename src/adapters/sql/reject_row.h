// Reading rows of hirestream_rejects.
#pragma once

#include "adapters/sql/session.h"
#include "model/slice.h"

namespace hirestream::sql {

inline constexpr const char* kRejectColumns = "row_id, reason, column_name, value, row_json";
// kRejectColumns from column `first` on.
RejectedRow read_reject(const Row& row, int first);

}  // namespace hirestream::sql
