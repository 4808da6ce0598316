// How values of a CQL type lie in a commit log: some have a length of their own, the others carry
// it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hirestream {

struct CellLayout {
  std::optional<uint32_t> fixed_size;  // nothing: a vint in front says the size
  bool is_complex = false;  // many cells, each with a path: list, set, map, user type, not frozen
  friend bool operator==(const CellLayout&, const CellLayout&) = default;
};

// Of a type as system_schema.columns names it: "frozen<map<text, int>>".
CellLayout cell_layout(std::string_view type);

}  // namespace hirestream
