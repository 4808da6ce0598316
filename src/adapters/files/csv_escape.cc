#include "adapters/files/csv_escape.h"

#include <simdjson.h>

namespace hirestream {
namespace {

void append_without_pairs(std::string_view field, bool with_quotes, std::string& text) {
  for (size_t place = 0; place < field.size(); ++place) {
    if (field[place] == '\\' && place + 1 < field.size()) {
      const char next = field[place + 1];
      if (next == '\\' || (with_quotes && next == '"')) ++place;
    }
    text.push_back(field[place]);
  }
}

void append_plain(std::string_view field, std::string& text) {
  for (size_t place = 0; place < field.size(); ++place) {
    if (field.substr(place).starts_with("\\\"")) ++place;
    text.push_back(field[place]);
  }
}

}  // namespace

bool is_escaped_quote(CsvEscape escape, const char* begin, const char* quote) {
  const char* backslash = quote;
  while (backslash > begin && backslash[-1] == '\\') --backslash;
  const auto count = quote - backslash;
  return escape == CsvEscape::kPlainBackslash ? count > 0 : count % 2 == 1;
}

bool has_only_escaped_quotes(std::string_view field) {
  size_t quote = field.find('"');
  if (quote == field.npos) return false;
  for (; quote != field.npos; quote = field.find('"', quote + 1)) {
    if (quote == 0 || field[quote - 1] != '\\') return false;
  }
  return true;
}

void append_unescaped(CsvEscape escape, bool quoted, std::string_view field, std::string& text) {
  if (!quoted && field.find('"') != field.npos && !has_only_escaped_quotes(field)) {
    text += field;
  } else if (escape == CsvEscape::kPlainBackslash) {
    append_plain(field, text);
  } else if (escape == CsvEscape::kTwiceBackslash) {
    std::string once;
    append_without_pairs(field, true, once);
    append_without_pairs(once, false, text);
  } else {
    append_without_pairs(field, true, text);
  }
}

bool has_lone_backslash(std::string_view field) {
  for (size_t place = 0; place < field.size(); ++place) {
    if (field[place] != '\\') continue;
    const char next = place + 1 < field.size() ? field[place + 1] : '\0';
    if (next != '\\' && next != '"') return true;
    ++place;
  }
  return false;
}

bool has_backslash_pair(std::string_view field) {
  return field.find("\\\\") != field.npos;
}

bool is_json_object(std::string_view text) {
  if (!text.starts_with('{')) return false;
  simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).is_object();
}

}  // namespace hirestream
