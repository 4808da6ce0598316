#include "adapters/cassandra/commit_log/log_position.h"

#include <fmt/format.h>

#include <charconv>

namespace hirestream {
namespace {

constexpr std::string_view kFormat = "1";

bool take(std::string_view& text, char before, int64_t& value) {
  if (!text.starts_with(before)) {
    return false;
  }
  text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) {
    return false;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string LogPosition::text() const {
  std::string out(kFormat);
  for (const Segment& segment : segments) {
    out += fmt::format(" {}:{}:{}", segment.id, segment.place.section, segment.place.entry);
  }
  return out;
}

std::optional<LogPosition> LogPosition::parse(std::string_view text) {
  if (!text.starts_with(kFormat)) {
    return std::nullopt;
  }
  text.remove_prefix(kFormat.size());
  LogPosition position;
  while (!text.empty()) {
    Segment next;
    if (!take(text, ' ', next.id) || !take(text, ':', next.place.section) ||
        !take(text, ':', next.place.entry) ||
        (!position.segments.empty() && position.segments.back().id >= next.id)) {
      return std::nullopt;
    }
    position.segments.push_back(next);
  }
  return position;
}

}  // namespace hirestream
