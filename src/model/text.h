// Text that came from outside: is it UTF-8, and where does it begin and end. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hirestream {

// U+FFFD: stands for each byte that is not UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";
// U+FEFF as some editors put it at a file's beginning.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_utf8(std::string_view text);
// Bytes of the character that `text`, which is not empty, begins with; 0: its first byte begins no
// character of UTF-8.
size_t utf8_character_size(std::string_view text);

// As a database's text column takes it: bytes that are not UTF-8, and NUL, become U+FFFD. Cut at a
// character's end, at most `bytes_max` bytes.
std::string storable_text(std::string_view text, size_t bytes_max);

// Whether they differ at most in the case of ASCII letters.
bool equal_without_case(std::string_view a, std::string_view b);

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Of trim() and trim_end(), for texts that have some.
std::string_view without_blanks(std::string_view text);
std::string_view without_blanks_at_end(std::string_view text);

// Without the blanks at both ends, or at the end.
inline std::string_view trim(std::string_view text) {
  return !text.empty() && !is_blank(text.front()) && !is_blank(text.back()) ? text
                                                                            : without_blanks(text);
}
inline std::string_view trim_end(std::string_view text) {
  return !text.empty() && !is_blank(text.back()) ? text : without_blanks_at_end(text);
}

}  // namespace hirestream
