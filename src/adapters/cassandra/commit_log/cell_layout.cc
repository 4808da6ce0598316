#include "adapters/cassandra/commit_log/cell_layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace hirestream {
namespace {

// AbstractType.valueLengthIfFixed() of native types; smallint, tinyint, date and time have none.
constexpr std::pair<std::string_view, uint32_t> kFixed[] = {
    {"bigint", 8}, {"boolean", 1},   {"double", 8},    {"empty", 0}, {"float", 4},
    {"int", 4},    {"timestamp", 8}, {"timeuuid", 16}, {"uuid", 16},
};
constexpr std::string_view kSized[] = {
    "ascii",    "blob", "counter", "date",    "decimal", "duration", "frozen", "inet",
    "smallint", "text", "time",    "tinyint", "tuple",   "varchar",  "varint", "vector",
};
constexpr uint32_t kVectorBytesMax = 1U << 24;

// Of vector<float, 3>.
std::optional<uint32_t> vector_size(std::string_view arguments) {
  const size_t comma = arguments.rfind(',');
  if (comma == std::string_view::npos) {
    return std::nullopt;
  }
  const auto element = cell_layout(arguments.substr(0, comma)).fixed_size;
  std::string_view count_text = arguments.substr(comma + 1);
  count_text.remove_prefix(std::min(count_text.find_first_not_of(' '), count_text.size()));
  uint32_t count = 0;
  const auto [end, error] =
      std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
  const bool whole = error == std::errc{} && end == count_text.data() + count_text.size();
  if (!element || !whole || count > kVectorBytesMax) {
    return std::nullopt;
  }
  return *element * count;
}

}  // namespace

CellLayout cell_layout(std::string_view type) {
  const size_t open = type.find('<');
  const std::string_view name = type.substr(0, open);
  if (name == "vector" && open != std::string_view::npos && type.back() == '>') {
    return {.fixed_size = vector_size(type.substr(open + 1, type.size() - open - 2))};
  }
  const auto* fixed =
      std::ranges::find(kFixed, name, &std::pair<std::string_view, uint32_t>::first);
  if (fixed != std::end(kFixed)) {
    return {.fixed_size = fixed->second};
  }
  // A type in quotes is somebody's Java class.
  const bool sized = name.starts_with('\'') || std::ranges::find(kSized, name) != std::end(kSized);
  return {.fixed_size = std::nullopt, .is_complex = !sized};
}

}  // namespace hirestream
