// Reference for what a JSON object says, by another library (nlohmann's), for the parsers built on
// simdjson.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hirestream {

using JsonFields = std::vector<std::pair<std::string, nlohmann::json>>;

// Keys and values of the outermost object in their order, repeated keys too. Nothing: no JSON (RFC
// 8259), or no object.
std::optional<JsonFields> json_fields(std::string_view text);

// The text with every number made short enough for nlohmann, which refuses those beyond double: an
// integer of 64 bits stays what it is, another number becomes another such number, and what is no
// number stays none.
std::string shorten_numbers(std::string_view text);

// Whether the two libraries may disagree about the text being JSON at all, for a reason that is
// known: simdjson refuses integers beyond 64 bits, nlohmann numbers beyond double; both go by
// digits, so this does, too.
bool has_huge_number(std::string_view text);
// Levels of brackets, those in strings too.
size_t bracket_count(std::string_view text);

}  // namespace hirestream
