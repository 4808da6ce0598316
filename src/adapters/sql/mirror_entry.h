// A mirror as hirestream_meta keeps it: "mirror <source's id> <node>" = "<stored_us> <copied_us>
// <is_copying>".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "model/mirror_progress.h"

namespace hirestream::sql {

// With the spaces behind it, all names of mirrors and no others begin so.
inline constexpr std::string_view kMirrorEntries = "mirror ";

std::string mirror_entry_name(int64_t source_id, std::string_view node);
std::string mirror_entry_value(const MirrorProgress& progress);
// The source's id with it. Nothing: it is none.
std::optional<std::pair<int64_t, MirrorProgress>> read_mirror_entry(std::string_view name,
                                                                    std::string_view value);

}  // namespace hirestream::sql
