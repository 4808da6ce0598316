#include "cli/publish_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/printed_json_internal.h"
#include "cli/quantity.h"

namespace hirestream {

std::string publish_report_text(const PublishReport& report) {
  std::string out = fmt::format("{}: {} slices published with {} rows, {} unchanged\n",
                                report.run.id, format_count(report.slices_published),
                                format_count(report.rows), format_count(report.slices_unchanged));
  const auto add = [&out](int64_t slices, const char* text) {
    if (slices > 0) {
      out += fmt::format("{} slices {}\n", format_count(slices), text);
    }
  };
  add(report.slices_different, "differ from the ledger");
  add(report.slices_missing, "are in the ledger, but the run met no row of them");
  add(report.slices_moved, "were replaced by somebody else since the run began: count them again");
  add(report.slices_held,
      "would lose what was counted before: count them again with --strongest, or allow it: "
      "--allow-shrink");
  add(report.slices_frozen, "are frozen and stay as they are");
  if (report.staged.attempts_discarded > 0) {
    out += fmt::format("{} attempts of tasks were thrown away\n",
                       format_count(report.staged.attempts_discarded));
  }
  return out;
}

std::string publish_report_json(const PublishReport& report) {
  nlohmann::ordered_json out = {{"run", report.run.id},
                                {"source", report.run.source.name},
                                {"complete", report.complete()},
                                {"slices_staged", report.staged.slices},
                                {"slices_published", report.slices_published},
                                {"slices_unchanged", report.slices_unchanged},
                                {"slices_different", report.slices_different},
                                {"slices_missing", report.slices_missing},
                                {"slices_moved", report.slices_moved},
                                {"slices_held", report.slices_held},
                                {"slices_frozen", report.slices_frozen},
                                {"attempts_accepted", report.staged.attempts_accepted},
                                {"attempts_discarded", report.staged.attempts_discarded},
                                {"rows", report.rows},
                                {"counted", report.classes.counted},
                                {"unattributed", report.classes.unattributed},
                                {"other_kinds", report.classes.other},
                                {"rejected", report.classes.rejected},
                                {"recount", nlohmann::ordered_json::array()}};
  for (const SliceKey& key : report.recount) {
    out["recount"].push_back({key.shard, key.bucket});
  }
  return printed_json(out);
}

}  // namespace hirestream
