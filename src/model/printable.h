// Texts from outside on a terminal or in a line of a log: control characters could move its cursor,
// change its title or pretend to be another line. Pure.
#pragma once

#include <string>
#include <string_view>

namespace hirestream {

// UTF-8: control characters (also U+0080 to U+009F and a DEL) and bytes that are no characters
// become "\x1b"; those of `kept` stay.
std::string printable(std::string_view text, std::string_view kept = "");

}  // namespace hirestream
