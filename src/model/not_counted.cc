#include "model/not_counted.h"

#include <algorithm>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr std::string_view kOthers = "(others)";

// Not in the middle of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= NotCountedKinds::kKindTextMax) {
    return text;
  }
  size_t end = NotCountedKinds::kKindTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

void add_rows(NotCounted& kind, int64_t rows, const RowId& id) {
  if (kind.rows == 0 || arrival_time_us(id) > arrival_time_us(kind.newest)) {
    kind.newest = id;
  }
  kind.rows += rows;
}

}  // namespace

NotCounted& NotCountedKinds::find(WhyNotCounted why, std::string_view prefix,
                                  std::string_view text) {
  for (NotCounted& kind : kinds_) {
    const std::string_view known = kind.kind;
    if (kind.why == why && known.size() == prefix.size() + text.size() &&
        known.starts_with(prefix) && known.ends_with(text)) {
      return kind;
    }
  }
  const bool full = kinds_.size() >= kKindsMax && text != kOthers;
  if (full) {
    return find(why, {}, kOthers);
  }
  return kinds_.emplace_back(NotCounted{why, std::string(prefix) + std::string(text), 0, {}});
}

void NotCountedKinds::add(WhyNotCounted why, std::string_view prefix, std::string_view text,
                          const RowId& id) {
  add_rows(find(why, prefix, cut(text)), 1, id);
}

void NotCountedKinds::add(const NotCountedKinds& others) {
  for (const NotCounted& kind : others.kinds_) {
    add_rows(find(kind.why, {}, kind.kind), kind.rows, kind.newest);
  }
}

std::vector<NotCounted> NotCountedKinds::by_rows() const {
  std::vector<NotCounted> sorted = kinds_;
  std::ranges::sort(sorted, [](const NotCounted& a, const NotCounted& b) {
    return a.rows != b.rows ? a.rows > b.rows : a.kind < b.kind;
  });
  return sorted;
}

}  // namespace hirestream
