// Kinds of rows that were not counted, as commands show them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "model/not_counted.h"

namespace hirestream {

// [{"class": "other", "kind": …, "rows": …, "newest": UUID, "newest_at": time or null, "file": …}]
nlohmann::ordered_json kinds_json(std::span<const NotCounted> kinds);
// When the newest row of a kind arrived; "-": its id tells no time.
std::string newest_time(const NotCounted& kind);
// Its id, and the file that it is in.
std::string newest_row(const NotCounted& kind);

}  // namespace hirestream
