// Values of settings as people write them. Each parser returns nothing for a text it does not
// understand; the caller knows which setting it was and what is allowed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

// Microseconds of "250ms", "10s", "2min", "1.5h", "7d", "90us"; "0" needs no unit.
std::optional<int64_t> parse_duration(std::string_view text);
// The shortest such text: 120 000 000 → "2min". parse_duration(format_duration(x)) == x.
std::string format_duration(int64_t us);

// Digits only, optional sign, _ between digits.
std::optional<int64_t> parse_int64(std::string_view text);
std::optional<bool> parse_bool(std::string_view text);  // true false yes no on off 1 0
// "0-3,6" → 0 1 2 3 6: sorted, unique, not negative, at most 4096 numbers.
std::optional<std::vector<int32_t>> parse_shards(std::string_view text);
std::string format_shards(const std::vector<int32_t>& shards);
// Parts between commas, blanks around them removed; empty text: no parts.
std::vector<std::string> split_list(std::string_view text);

}  // namespace hirestream
