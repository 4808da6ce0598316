#include "adapters/files/json_mending.h"

#include <algorithm>
#include <array>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr std::string_view kMore = "---MORE---";

// Bytes of the word that is no JSON; 0: none begins there.
size_t null_word_size(std::string_view text) {
  constexpr std::array<std::string_view, 3> kWords = {"NaN", "Infinity", "-Infinity"};
  for (const std::string_view word : kWords) {
    if (text.starts_with(word)) return word.size();
  }
  return 0;
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

}  // namespace

size_t append_with_nulls(std::string_view text, std::string& out) {
  size_t words = 0;
  while (!text.empty()) {
    const size_t word = null_word_size(text);
    const size_t size = word > 0 ? word : text[0] == '"' ? string_size(text) : 1;
    if (word > 0) {
      out += "null";
      ++words;
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
