// Conditions that pick rows by their whole primary key.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "model/contribution.h"

namespace hirestream::mysql {

// Keys of one statement that the server takes, however long their numbers are.
size_t keys_per_statement(size_t statement_bytes_max);
// On the six columns of the key of `events`.
std::string cell_condition(std::span<const CellKey> keys);
// The same for hirestream_days, whose key has no hours.
std::string day_condition(std::span<const CellKey> keys);

}  // namespace hirestream::mysql
