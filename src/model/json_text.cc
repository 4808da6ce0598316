#include "model/json_text.h"

#include <algorithm>

#include "model/text.h"

namespace hirestream {
namespace {

// The character is one of ASCII.
void append_ascii(char c, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (code >= 0x20) {
    out += c;
    return;
  }
  out += "\\u00";
  out += kHex[code >> 4];
  out += kHex[code & 15];
}

// A char may have a sign, or none: it has none on arm64.
bool is_ascii(char character) {
  return static_cast<unsigned char>(character) < 0x80;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  const bool valid = is_utf8(text);
  while (!text.empty()) {
    const size_t size = valid || is_ascii(text.front()) ? 1 : utf8_character_size(text);
    if (size == 0) {
      out += kReplacementCharacter;
    } else if (is_ascii(text.front())) {
      append_ascii(text.front(), out);
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  out += '"';
}

size_t json_number_size(std::string_view text) {
  size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t begin = at;
    at = std::min(text.find_first_not_of("0123456789", at), text.size());
    return at - begin;
  };
  const bool leading_zero = text.substr(at).starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) {
    return 0;
  }
  if (text.substr(at).starts_with('.')) {
    ++at;
    if (digits() == 0) {
      return 0;
    }
  }
  if (text.substr(at).starts_with('e') || text.substr(at).starts_with('E')) {
    ++at;
    const std::string_view exponent = text.substr(at);
    at += exponent.starts_with('+') || exponent.starts_with('-') ? 1 : 0;
    if (digits() == 0) {
      return 0;
    }
  }
  return at;
}

bool is_json_number(std::string_view text) {
  return !text.empty() && json_number_size(text) == text.size();
}

}  // namespace hirestream
