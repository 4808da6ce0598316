// The target of a request, read strictly: what one reader could understand otherwise than another
// is no target. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/query.h"

namespace hirestream {

struct Target {
  std::string path;  // "/api/v1/kpis"
  QueryParameters query;
};

// Percent-encoding is undone once, and in the query "+" is a space. Nothing: it does not begin with
// "/", or an encoding is not whole, or it hides a control character, or in the path one of "/" and
// "\".
std::optional<Target> parse_target(std::string_view text);

}  // namespace hirestream
