#include "adapters/sql/dialect.h"

#include <algorithm>
#include <cctype>

namespace hirestream::sql {

std::string rename_new(std::string_view assignments, std::string_view before,
                       std::string_view after) {
  constexpr std::string_view kPrefix = "new.";
  const auto is_word = [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  };
  std::string out;
  for (size_t at = 0; at < assignments.size();) {
    const size_t found = std::min(assignments.find(kPrefix, at), assignments.size());
    out += assignments.substr(at, found - at);
    if (found == assignments.size()) {
      break;
    }
    if (found > 0 && is_word(assignments[found - 1])) {  // the end of another name
      out += kPrefix;
      at = found + kPrefix.size();
      continue;
    }
    at = found + kPrefix.size();
    const auto end = std::find_if_not(assignments.begin() + static_cast<ptrdiff_t>(at),
                                      assignments.end(), is_word);
    const auto size = static_cast<size_t>(end - assignments.begin()) - at;
    out += before;
    out += assignments.substr(at, size);
    out += after;
    at += size;
  }
  return out;
}

std::string quote_identifier(std::string_view name, char quote) {
  std::string out(1, quote);
  for (const char c : name) {
    out.append(c == quote ? 2 : 1, c);
  }
  return out + quote;
}

}  // namespace hirestream::sql
