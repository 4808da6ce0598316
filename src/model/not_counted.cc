#include "model/not_counted.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

#include "model/text.h"

namespace hirestream {
namespace {

std::string kept_text(std::string_view prefix, std::string_view text) {
  std::string kept =
      storable_text(std::string(prefix) + std::string(trim(text)), NotCountedKinds::kKindTextMax);
  std::ranges::replace_if(
      kept, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }, ' ');
  return std::string(trim(kept));
}

NotCounted kind_of(WhyNotCounted why, std::string_view kind) {
  return {.why = why, .kind = std::string(kind)};
}

}  // namespace

std::string_view class_name(WhyNotCounted why) {
  return why == WhyNotCounted::kNoJob ? "unattributed" : "other";
}

WhyNotCounted why_of_class(std::string_view name) {
  return name == class_name(WhyNotCounted::kNoJob) ? WhyNotCounted::kNoJob
                                                   : WhyNotCounted::kOtherKind;
}

std::optional<int64_t> NotCounted::newest_us() const {
  return is_version_1(newest) ? std::optional(arrival_time_us(newest)) : std::nullopt;
}

void NotCounted::add(int64_t more, const RowId& id, std::string_view at) {
  if (rows == 0 || is_newer(id, newest)) {
    newest = id;
    place = at;
  }
  rows += more;
}

std::vector<NotCounted> most_frequent(std::vector<NotCounted> kinds, size_t max) {
  std::ranges::sort(kinds, [](const NotCounted& a, const NotCounted& b) {
    return std::tuple(a.kind == kOtherKinds, -a.rows, a.kind, a.why) <
           std::tuple(b.kind == kOtherKinds, -b.rows, b.kind, b.why);
  });
  std::vector<NotCounted> out;
  std::array<NotCounted, 2> others{kind_of(WhyNotCounted::kOtherKind, kOtherKinds),
                                   kind_of(WhyNotCounted::kNoJob, kOtherKinds)};
  for (NotCounted& kind : kinds) {
    if (out.size() < max && kind.kind != kOtherKinds) {
      out.push_back(std::move(kind));
    } else {
      others[kind.why == WhyNotCounted::kNoJob ? 1 : 0].add(kind.rows, kind.newest, kind.place);
    }
  }
  std::ranges::copy_if(others, std::back_inserter(out),
                       [](const NotCounted& kind) { return kind.rows > 0; });
  return out;
}

NotCounted* NotCountedKinds::find(WhyNotCounted why, std::string_view prefix,
                                  std::string_view text) {
  const auto found = std::ranges::find_if(kinds_, [&](const NotCounted& kind) {
    const std::string_view known = kind.kind;
    return kind.why == why && known.size() == prefix.size() + text.size() &&
           known.starts_with(prefix) && known.ends_with(text);
  });
  return found == kinds_.end() ? nullptr : &*found;
}

NotCounted& NotCountedKinds::find_or_make(WhyNotCounted why, std::string_view kind) {
  if (NotCounted* known = find(why, {}, kind)) {
    return *known;
  }
  if (kinds_.size() >= kKindsMax && kind != kOtherKinds) {
    return find_or_make(why, kOtherKinds);
  }
  return kinds_.emplace_back(kind_of(why, kind));
}

void NotCountedKinds::add(WhyNotCounted why, std::string_view prefix, std::string_view text,
                          int64_t rows, const RowId& newest) {
  NotCounted* known = find(why, prefix, text);
  (known != nullptr ? *known : find_or_make(why, kept_text(prefix, text))).add(rows, newest, {});
}

void NotCountedKinds::add(const NotCounted& kind) {
  find_or_make(kind.why, kind.kind).add(kind.rows, kind.newest, kind.place);
}

void NotCountedKinds::add(const NotCountedKinds& others) {
  for (const NotCounted& kind : others.kinds_) {
    add(kind);
  }
}

void NotCountedKinds::set_place(const std::string& place) {
  for (NotCounted& kind : kinds_) {
    kind.place = place;
  }
}

std::vector<NotCounted> NotCountedKinds::by_rows() const {
  return most_frequent(kinds_, kinds_.size());
}

}  // namespace hirestream
