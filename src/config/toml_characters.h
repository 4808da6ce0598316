// Text beyond ASCII on its way through toml++.
#pragma once

#include <string>
#include <string_view>

namespace hirestream {

// toml++ (3.3, and 3.4 alike) asks of characters up to U+FFFF whether they are white space, and for
// many letters that question ends in __builtin_unreachable (is_non_ascii_horizontal_whitespace):
// for é behind a key, or behind the backslash that ends a line of a string. So the characters
// U+0080 to U+FFFF travel as U+F0080 to U+FFFFF, private ones about which nothing is asked: in
// strings and comments they pass, elsewhere they are refused. What is not UTF-8, and a byte order
// mark at the beginning, stays as it is.
std::string shield_characters(std::string_view text);

// The characters as they were: restore_characters(shield_characters(text)) == text for text without
// U+F0080 to U+FFFFF.
std::string restore_characters(std::string_view text);

}  // namespace hirestream
