#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "adapters/sql/rebuild.h"
#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/generate_writing.h"
#include "cli/interrupt.h"
#include "cli/lease_keeper.h"
#include "cli/open_warehouse.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "telemetry/log_observer.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

constexpr const char* kRebuildFooter =
    R"(For an events table that is no longer what it should be: rows lost or written by somebody else, an index that is
damaged, pages that are mostly empty. It is made anew beside the old one, from what the ledger has of every slice,
while engines go on; then events and hirestream_days change places with the new ones in one step. When it is killed,
nothing has changed, and the next rebuild drops what is left of it.

The raw log is not read: `hirestream verify --repair` makes the ledger equal to it. Hours to which frozen slices gave
something (or a table that was migrated) are taken over as they are, for the ledger knows only their sums.

With MySQL the account needs CREATE, DROP, ALTER, INDEX and LOCK TABLES besides what an engine needs.

Examples:
  hirestream rebuild --warehouse mysql://admin@mysql/etl_data
  hirestream rebuild --allow-shrink --warehouse sqlite:etl.db

Exit code 1: the rows of some hours of frozen slices are not what they gave; only a backup has them.)";

// One rebuild of a warehouse at a time: they would drop each other's tables.
constexpr const char* kLeaseOfRebuilds = "(rebuild)";
constexpr int64_t kLeaseUs = 10'000'000;
constexpr int64_t kLookUs = 500'000;

Result<void> wait_for_turn(LeaseKeeper& lease, const WarehouseSettings& settings,
                           CommandContext& context) {
  const std::stop_token stop = context.interrupt->token();
  for (int64_t waited_us = 0;; waited_us += kLookUs) {
    HIRESTREAM_ASSIGN(const auto holder, lease.acquire());
    if (!holder) {
      return {};
    }
    // Whoever was killed does not renew it.
    if (waited_us > kLeaseUs * 3 / 2 || !sleep_unless_stopped(kLookUs, stop)) {
      return fail(ErrorKind::kConfig, "rebuild", settings.uri->path + settings.uri->database,
                  fmt::format("another rebuild is at work: {}", holder->owner),
                  "wait for its end, or stop it");
    }
  }
}

nlohmann::ordered_json report_json(const RebuildReport& report) {
  return {{"slices", report.slices},
          {"cells", report.cells},
          {"cells_put_back", report.cells_put_back},
          {"cells_taken_away", report.cells_taken_away},
          {"cells_kept", report.cells_kept},
          {"hours_unexplained", report.hours_unexplained},
          {"slices_changed", report.slices_changed},
          {"comparisons", report.comparisons},
          {"locked_ms", static_cast<double>(report.locked_us) / 1e3}};
}

std::string report_text(const RebuildReport& report) {
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

Result<int> run_rebuild(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  LeaseKeeper lease(settings.warehouse, {kLeaseOfRebuilds, {0}, kLeaseUs});
  HIRESTREAM_TRY(wait_for_turn(lease, settings.warehouse, context));
  RebuildOptions rebuild;
  rebuild.allow_shrink = settings.engine.allow_shrink;
  rebuild.run = fmt::format("{:08x}", std::random_device()());
  rebuild.stop = context.interrupt->token();
  rebuild.wait = [](int64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); };
  SystemClock clock;
  Result<RebuildReport> report;
  {
    LogObserver log(context.log);
    Progress progress(context, "rows");
    ObserverFanout observer({&log, &progress});
    report = rebuild_warehouse(settings.warehouse, std::move(rebuild), clock, observer);
  }
  if (!report) {
    if (context.interrupt->requested()) {
      fmt::print(stderr, "interrupted: nothing is changed\n");
      return kExitInterrupted;
    }
    return forward(std::move(report).error());
  }
  fmt::print("{}", context.json ? report_json(*report).dump(2) + "\n" : report_text(*report));
  return report->hours_unexplained > 0 ? kExitDifference : kExitOk;
}

}  // namespace

void add_rebuild_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command =
      app.add_subcommand("rebuild", "Make events anew from the ledger, while engines go on");
  options->add(*command, {"warehouse", "engine.allow_shrink"});
  command->footer(kRebuildFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run_rebuild(*options, c); };
  });
}

}  // namespace hirestream
