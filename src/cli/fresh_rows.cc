#include "cli/fresh_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/kind_list_internal.h"
#include "cli/quantity.h"

namespace hirestream {
namespace {

std::string line_of(const std::vector<NotCounted>& kinds, WhyNotCounted why,
                    std::string_view title) {
  std::vector<std::string> parts;
  for (const NotCounted& kind : kinds) {
    if (kind.why == why) {
      parts.push_back(
          fmt::format("{} {} (newest {})", kind.kind, format_count(kind.rows), newest_row(kind)));
    }
  }
  return parts.empty() ? "" : fmt::format("{}: {}\n", title, fmt::join(parts, ", "));
}

// The most frequent kind that is none of ours, as custom_track says it.
std::string unknown_kind(const FreshRows& rows) {
  for (const NotCounted& kind : rows.not_counted.by_rows()) {
    if (kind.why == WhyNotCounted::kOtherKind && !kind.kind.starts_with("ev=")) {
      return kind.kind;
    }
  }
  return {};
}

std::string no_clicks(const FreshRows& rows) {
  const std::string kind = unknown_kind(rows);
  return "no click was counted" +
         (kind.empty() ? std::string(": custom_track says of none that it is one")
                       : fmt::format(": what does custom_track call them? '{}' is not counted, "
                                     "--kinds {}=click would",
                                     kind, kind));
}

std::string few_counted(const RowClasses& classes) {
  const std::string counted =
      fmt::format("only {} of {} rows were counted", format_count(classes.counted),
                  format_count(classes.total()));
  const int64_t most = std::max({classes.unattributed, classes.other, classes.rejected});
  if (most == classes.unattributed) {
    return counted +
           ": most have no job; if `ed` names it: --attribution payload; if its column is called "
           "otherwise: --columns job_id=NAME";
  }
  return most == classes.other
             ? counted + ": most are of kinds that are not counted (--kinds, --page-view-ev)"
             : counted +
                   ": most are rejected; `hirestream rejects` shows why; if `create_time` is no "
                   "UUID: --ids any";
}

}  // namespace

std::vector<NotCounted> shown_kinds(const FreshRows& rows) {
  return most_frequent(rows.not_counted.all(), kKindsShown);
}

std::string not_counted_text(const FreshRows& rows) {
  const std::vector<NotCounted> kinds = shown_kinds(rows);
  return line_of(kinds, WhyNotCounted::kOtherKind, "kinds that are not counted") +
         line_of(kinds, WhyNotCounted::kNoJob, "without a job");
}

std::vector<std::string> fresh_warnings(const FreshRows& rows) {
  std::vector<std::string> warnings;
  if (rows.classes.total() == 0) {
    return warnings;
  }
  if (rows.given.clicks == 0) {
    warnings.push_back(no_clicks(rows));
  }
  if (rows.given.impressions == 0) {
    warnings.emplace_back(
        "no impression was counted: a row without custom_track is one if its `ev` is what "
        "--page-view-ev says, and if it has a job");
  }
  if (rows.classes.counted * 2 < rows.classes.total()) {
    warnings.push_back(few_counted(rows.classes));
  }
  return warnings;
}

}  // namespace hirestream
