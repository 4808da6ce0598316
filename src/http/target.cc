#include "http/target.h"

#include <utility>

namespace hirestream {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Also nothing when one of `forbidden` was encoded.
std::optional<std::string> decode(std::string_view text, bool plus_is_space,
                                  std::string_view forbidden) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) {
      return std::nullopt;
    }
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    const int byte = high * 16 + low;
    if (high < 0 || low < 0 || byte < 0x20 || byte == 0x7f ||
        forbidden.find(static_cast<char>(byte)) != std::string_view::npos) {
      return std::nullopt;
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

// False: a name or a value is not whole.
bool add_parameter(std::string_view text, QueryParameters& query) {
  const size_t equals = text.find('=');
  auto name = decode(text.substr(0, equals), true, "");
  auto value = decode(equals == std::string_view::npos ? "" : text.substr(equals + 1), true, "");
  if (!name || !value) {
    return false;
  }
  query.emplace(std::move(*name), std::move(*value));
  return true;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  const size_t mark = text.find('?');
  auto path = decode(text.substr(0, mark), false, "/\\");
  if (!path || !path->starts_with('/')) {
    return std::nullopt;
  }
  Target target;
  target.path = std::move(*path);
  std::string_view rest = mark == std::string_view::npos ? "" : text.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    if (!parameter.empty() && !add_parameter(parameter, target.query)) {
      return std::nullopt;
    }
  }
  return target;
}

}  // namespace hirestream
