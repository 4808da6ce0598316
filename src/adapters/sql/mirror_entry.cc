#include "adapters/sql/mirror_entry.h"

#include <fmt/format.h>

#include <sstream>

namespace hirestream::sql {

std::string mirror_entry_name(int64_t source_id, std::string_view node) {
  return fmt::format("{}{} {}", kMirrorEntries, source_id, node);
}

std::string mirror_entry_value(const MirrorProgress& progress) {
  return fmt::format("{} {} {}", progress.stored_us, progress.copied_us,
                     progress.is_copying ? 1 : 0);
}

std::optional<std::pair<int64_t, MirrorProgress>> read_mirror_entry(std::string_view name,
                                                                    std::string_view value) {
  if (!name.starts_with(kMirrorEntries)) {
    return std::nullopt;
  }
  std::pair<int64_t, MirrorProgress> entry;
  std::istringstream names{std::string(name.substr(kMirrorEntries.size()))};
  std::istringstream values{std::string(value)};
  auto& [source, progress] = entry;
  if (!(names >> source >> progress.node) ||
      !(values >> progress.stored_us >> progress.copied_us >> progress.is_copying)) {
    return std::nullopt;
  }
  return entry;
}

}  // namespace hirestream::sql
