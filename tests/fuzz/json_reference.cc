#include "fuzz/json_reference.h"

#include <algorithm>

namespace hirestream {

std::optional<JsonFields> json_fields(std::string_view text) {
  using nlohmann::json;
  // nlohmann skips a byte order mark and takes a NUL for the end.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != text.npos) return std::nullopt;
  JsonFields fields;
  std::string key;
  const auto note = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth != 1) return true;
    switch (event) {
      case json::parse_event_t::key:
        key = parsed.get<std::string>();
        break;
      case json::parse_event_t::value:
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        fields.emplace_back(key, parsed);
        break;
      default:
        break;
    }
    return true;
  };
  const json document = json::parse(text, note, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::nullopt;
  return fields;
}

std::string shorten_numbers(std::string_view text) {
  constexpr size_t kDigitsKept = 100;
  std::string out;
  bool in_string = false;
  size_t digits = 0;
  bool exponent = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if (c >= '0' && c <= '9') {
      if (++digits <= (exponent ? 1 : kDigitsKept)) out += c;
      continue;
    }
    exponent = ((c == 'e' || c == 'E') && digits > 0) ||
               (exponent && (c == '+' || c == '-') && digits == 0);
    digits = 0;
    out += c;
  }
  return out;
}

bool has_huge_number(std::string_view text) {
  constexpr size_t kDigitsSafe = 18;
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > kDigitsSafe) return true;
    if ((c == 'e' || c == 'E') && i > 0 && text[i - 1] >= '0' && text[i - 1] <= '9') return true;
  }
  return false;
}

size_t bracket_count(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; }));
}

}  // namespace hirestream
