#include "model/text.h"

#include <simdjson.h>
#include <strings.h>

#include <algorithm>

namespace hirestream {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

}  // namespace

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text);
}

size_t utf8_character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) {
    return 1;
  }
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return size <= text.size() && is_utf8(text.substr(0, size)) ? size : 0;
}

std::string storable_text(std::string_view text, size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    const size_t size = text.front() == '\0' ? 0 : utf8_character_size(text);
    const std::string_view piece = size == 0 ? kReplacementCharacter : text.substr(0, size);
    if (out.size() + piece.size() > bytes_max) {
      break;
    }
    out += piece;
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view without_blanks(std::string_view text) {
  text = without_blanks_at_end(text);
  return text.substr(text.empty() ? 0 : text.find_first_not_of(kBlanks));
}

std::string_view without_blanks_at_end(std::string_view text) {
  // Nothing found is the largest number there is, and one more is 0.
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

}  // namespace hirestream
