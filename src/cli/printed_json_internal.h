// JSON that a command prints or writes. Paths, names and headers may hold bytes that are no UTF-8:
// they become U+FFFD.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace hirestream {

// `indent`: spaces for each level; -1: all in one line.
inline std::string printed_json(const nlohmann::ordered_json& json, int indent = 2) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace hirestream
