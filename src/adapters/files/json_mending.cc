#include "adapters/files/json_mending.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr std::string_view kMore = "---MORE---";

constexpr std::string_view kNull = "NaN";

// The word that is no JSON; empty: none begins there.
std::string_view python_word(std::string_view text) {
  constexpr std::array<std::string_view, 3> kWords = {kNull, "Infinity", "-Infinity"};
  for (const std::string_view word : kWords) {
    if (text.starts_with(word)) return word;
  }
  return {};
}

// Up to behind its closing quote, or the end.
size_t string_size(std::string_view text) {
  for (size_t place = 1; place < text.size(); ++place) {
    if (text[place] == '\\') {
      ++place;
    } else if (text[place] == '"') {
      return place + 1;
    }
  }
  return text.size();
}

constexpr size_t kEscapeSize = 6;  // \uXXXX

// Of such an escape; 0: none begins there.
uint16_t escaped_unit(std::string_view text) {
  if (text.size() < kEscapeSize || !text.starts_with("\\u")) return 0;
  uint16_t unit = 0;
  const char* const end = text.data() + kEscapeSize;
  return std::from_chars(text.data() + 2, end, unit, 16).ptr == end ? unit : 0;
}

bool is_first_half(uint16_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}

bool is_second_half(uint16_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

}  // namespace

MendedWords append_as_json(std::string_view text, std::string& out) {
  MendedWords words;
  while (!text.empty()) {
    const std::string_view word = python_word(text);
    const size_t size = !word.empty() ? word.size() : text[0] == '"' ? string_size(text) : 1;
    if (word == kNull) {
      out += "null";
      ++words.nulls;
    } else if (!word.empty()) {
      out += '"';
      out += word;
      out += '"';
      ++words.texts;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return words;
}

bool has_doubled_backslashes(std::string_view text) {
  size_t backslash = text.find('\\');
  if (backslash == text.npos) return false;
  while (backslash != text.npos) {
    if (backslash + 1 == text.size() || text[backslash + 1] != '\\') return false;
    backslash = text.find('\\', backslash + 2);
  }
  return true;
}

void append_single_backslashes(std::string_view text, std::string& out) {
  for (size_t place = 0; place < text.size(); ++place) {
    out.push_back(text[place]);
    if (text.substr(place).starts_with("\\\\")) ++place;
  }
}

size_t replace_halves_of_pairs(std::string& text) {
  size_t count = 0;
  size_t place = text.find('\\');
  while (place != text.npos) {
    const std::string_view rest = std::string_view(text).substr(place);
    const uint16_t unit = escaped_unit(rest);
    size_t size = unit == 0 ? 2 : kEscapeSize;
    if (is_first_half(unit) && is_second_half(escaped_unit(rest.substr(kEscapeSize)))) {
      size = 2 * kEscapeSize;
    } else if (is_first_half(unit) || is_second_half(unit)) {
      text.replace(place, kEscapeSize, "\\ufffd");
      ++count;
    }
    place = text.find('\\', place + size);
  }
  return count;
}

bool is_cqlsh_heading(std::string_view line) {
  return line == "[json]";
}

bool is_cqlsh_frame(std::string_view line) {
  if (line == kMore || is_cqlsh_heading(line)) return true;
  if (line.size() >= 3 && line.find_first_not_of('-') == line.npos) return true;
  if (!line.starts_with('(')) return false;
  line.remove_prefix(1);
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && (line.substr(digits) == " rows)" || line.substr(digits) == " row)");
}

std::string_view without_cqlsh_prompt(std::string_view line) {
  if (!line.starts_with(kMore)) return line;
  return trim(line.substr(kMore.size()));
}

}  // namespace hirestream
