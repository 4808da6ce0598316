#include "cli/rebuild_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/publish_report.h"
#include "cli/quantity.h"

namespace hirestream {
namespace {

nlohmann::ordered_json as_json(const RebuildReport& report) {
  return {{"slices", report.slices},
          {"slices_replaced", report.slices_replaced.size()},
          {"cells", report.cells},
          {"cells_put_back", report.cells_put_back},
          {"cells_taken_away", report.cells_taken_away},
          {"cells_kept", report.cells_kept},
          {"hours_unexplained", report.hours_unexplained},
          {"slices_changed", report.slices_changed},
          {"comparisons", report.comparisons},
          {"locked_ms", static_cast<double>(report.locked_us) / 1e3}};
}

}  // namespace

std::string rebuild_report_text(const RebuildReport& report) {
  std::string out = fmt::format(
      "events is rebuilt from {} slices: {} rows before, {} put back or raised, {} taken away or "
      "lowered\n",
      format_count(report.slices), format_count(report.cells), format_count(report.cells_put_back),
      format_count(report.cells_taken_away));
  if (report.cells_kept > 0) {
    out += fmt::format("{} rows of hours of frozen slices were taken over as they were\n",
                       format_count(report.cells_kept));
  }
  if (report.hours_unexplained > 0) {
    out += fmt::format(
        "{} of these hours do not hold what was counted: only a backup has their rows\n",
        format_count(report.hours_unexplained));
  }
  out += fmt::format("{} slices changed meanwhile; engines waited for {}\n",
                     format_count(report.slices_changed), format_elapsed(report.locked_us));
  return out;
}

std::string rebuild_report_json(const RebuildReport& report) {
  return printed_json(as_json(report));
}

std::string run_rebuild_json(const RunRebuild& done) {
  nlohmann::ordered_json out = nlohmann::ordered_json::parse(publish_report_json(done.publish));
  out["complete"] = done.complete();
  out["rebuild"] = as_json(done.rebuild);
  return printed_json(out);
}

}  // namespace hirestream
