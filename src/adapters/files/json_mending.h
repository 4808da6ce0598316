// What is nearly JSON, and what is printed around it. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hirestream {

struct MendedWords {
  size_t nulls = 0;  // NaN
  size_t texts = 0;  // Infinity and -Infinity
};
// Appends the text as JSON: outside strings null in the place of each NaN, and each Infinity and
// -Infinity as a string, so that it is no number wherever one is wanted.
MendedWords append_as_json(std::string_view text, std::string& out);

// Backslashes stand in the text, and side by side in even numbers only.
bool has_doubled_backslashes(std::string_view text);
// Appends the text with one backslash in the place of two.
void append_single_backslashes(std::string_view text, std::string& out);

// Puts U+FFFD in the place of each escape that is half of a surrogate pair; how many there were.
size_t replace_halves_of_pairs(std::string& text);

// A line without blanks at its ends, as cqlsh prints it above rows of SELECT JSON; or, of any
// query, around rows and between pages.
bool is_cqlsh_heading(std::string_view line);
bool is_cqlsh_frame(std::string_view line);
// Without what is printed between pages in front of a row.
std::string_view without_cqlsh_prompt(std::string_view line);

}  // namespace hirestream
