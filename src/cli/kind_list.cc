#include "cli/kind_list_internal.h"

#include <nlohmann/json.hpp>

#include "model/timestamp.h"

namespace hirestream {

nlohmann::ordered_json kinds_json(std::span<const NotCounted> kinds) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const NotCounted& kind : kinds) {
    const auto newest_us = kind.newest_us();
    out.push_back({{"class", class_name(kind.why)},
                   {"kind", kind.kind},
                   {"rows", kind.rows},
                   {"newest", format_uuid(kind.newest)},
                   {"newest_at", newest_us ? nlohmann::ordered_json(format_timestamp_ms(*newest_us))
                                           : nlohmann::ordered_json()}});
    if (!kind.place.empty()) {
      out.back()["file"] = kind.place;
    }
  }
  return out;
}

std::string newest_time(const NotCounted& kind) {
  const auto newest_us = kind.newest_us();
  return newest_us ? format_timestamp_ms(*newest_us).substr(0, 19) : "-";
}

std::string newest_row(const NotCounted& kind) {
  return format_uuid(kind.newest) + (kind.place.empty() ? "" : " in " + kind.place);
}

}  // namespace hirestream
