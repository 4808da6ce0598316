#include "model/printable.h"

#include <algorithm>

#include "model/text.h"

namespace hirestream {
namespace {

void append_escape(unsigned char byte, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 15U];
}

bool is_control(std::string_view character, std::string_view kept) {
  const auto first = static_cast<unsigned char>(character[0]);
  const bool is_c1 = first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
  return is_c1 ||
         ((first < 0x20 || first == 0x7f) && kept.find(character) == std::string_view::npos);
}

}  // namespace

std::string printable(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = text.substr(0, utf8_character_size(text));
    const auto last = static_cast<unsigned char>(character.empty() ? text[0] : character.back());
    if (character.empty() || is_control(character, kept)) {
      append_escape(last, out);
    } else {
      out += character;
    }
    text.remove_prefix(std::max<size_t>(1, character.size()));
  }
  return out;
}

}  // namespace hirestream
