// Conditions that pick rows by their whole primary key.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "model/contribution.h"

namespace hirestream::mysql {

// On the six columns of the key of `events`, for at most kCellConditionMax keys.
inline constexpr size_t kCellConditionMax = 256;
std::string cell_condition(std::span<const CellKey> keys);
// The same for hirestream_days, whose key has no hours.
std::string day_condition(std::span<const CellKey> keys);

}  // namespace hirestream::mysql
