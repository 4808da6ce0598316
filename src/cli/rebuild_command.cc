#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/open_warehouse.h"
#include "cli/progress.h"
#include "cli/publish_report.h"
#include "cli/rebuild_report.h"
#include "cli/rebuild_source.h"
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

The raw log is not read, but with --from-source: the whole Cassandra table is counted then, by up to four threads, and what it gives takes
the place of events and ledger in one step. `hirestream run` shows the newest hours of a first history first; this shows all of it at
once, written in the order of the keys, and takes about as long. Where the ledger has slices already, the rules of `hirestream publish` decide. MySQL and MariaDB.
`hirestream verify --repair` makes the ledger equal to the log in place. Hours to which frozen slices gave something (or a table that was
migrated) are taken over as they are, for the ledger knows only their sums.

With --run the slices that a run on Spark has counted (`hirestream-spark rebuild`) are replaced in the ledger in the same step,
by the rules of `hirestream publish`: much faster where most of a table changes. MySQL and MariaDB.

With MySQL the account needs CREATE, DROP, ALTER, INDEX and LOCK TABLES besides what an engine needs.

Examples:
  hirestream rebuild --warehouse mysql://admin@mysql/etl_data
  hirestream rebuild --allow-shrink --warehouse sqlite:etl.db
  hirestream rebuild --run history-2026 --warehouse mysql://admin@mysql/etl_data
  hirestream rebuild --from-source --source cassandra://db1/logs/tracking --warehouse mysql://admin@mysql/etl_data

Exit code 1: the rows of some hours of frozen slices are not what they gave, and only a backup has them; or slices of the run want
to be counted again.)";

struct RebuildCommandOptions {
  SettingOptions settings;
  std::string run;
  bool from_source = false;
  bool trust_keys = false;
};

struct Done {
  std::string text;
  std::string json;
  bool complete = false;
};

// Of a source, a run, or else of the ledger alone.
Result<Done> rebuild(const Settings& settings, const RebuildCommandOptions& given,
                     RebuildOptions options, Observer& observer) {
  SystemClock clock;
  if (given.run.empty() && !given.from_source) {
    HIRESTREAM_ASSIGN(const RebuildReport report,
                      rebuild_warehouse(settings.warehouse, std::move(options), clock, observer));
    return Done{rebuild_report_text(report), rebuild_report_json(report),
                report.hours_unexplained == 0};
  }
  HIRESTREAM_ASSIGN(
      const RunRebuild report,
      given.from_source
          ? rebuild_from_source(settings, given.trust_keys, std::move(options), clock, observer)
          : rebuild_run(settings, given.run, std::move(options), clock, observer));
  return Done{rebuild_report_text(report.rebuild) + publish_report_text(report.publish),
              run_rebuild_json(report), report.complete()};
}

Result<void> check_effects(const RebuildCommandOptions& options) {
  if (options.trust_keys && !options.from_source) {
    return fail(ErrorKind::kConfig, "read options", "--trust-keys",
                "it has no effect without --from-source",
                "add --from-source, or leave --trust-keys out");
  }
  return {};
}

Result<int> run_rebuild(const RebuildCommandOptions& options, CommandContext& context) {
  HIRESTREAM_TRY(check_effects(options));
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  if (options.from_source) {
    HIRESTREAM_TRY(require_sources(settings));
    HIRESTREAM_TRY(check_rebuild_from_source(settings));
    HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings.warehouse));
    HIRESTREAM_TRY(warehouse->init());  // the lease is a row of its tables
  }
  const std::stop_token stop = context.interrupt->token();
  LeaseKeeper lease(settings.warehouse, rebuild_lease());
  HIRESTREAM_TRY(wait_for_turn(lease, settings.warehouse, stop));
  Result<Done> report;
  {
    LogObserver log(context.log);
    Progress progress(context, "rows");
    ObserverFanout observer({&log, &progress});
    report = rebuild(settings, options, rebuild_options(settings, stop), observer);
  }
  if (!report) {
    // Any other error is told, also after a signal: the tables may have changed places already.
    if (report.error().operation != kInterrupt) {
      return forward(std::move(report).error());
    }
    const std::string& hint = report.error().hint;
    fmt::print(stderr, "interrupted: nothing is changed{}{}\n", hint.empty() ? "" : "; ", hint);
    return kExitInterrupted;
  }
  fmt::print("{}", context.json ? report->json + "\n" : report->text);
  return report->complete ? kExitOk : kExitDifference;
}

}  // namespace

void add_rebuild_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<RebuildCommandOptions>();
  CLI::App* command =
      app.add_subcommand("rebuild", "Make events anew from the ledger, while engines go on");
  options->settings.add(*command,
                        {"source", "warehouse", "jobs", "counting", "engine.allow_shrink",
                         "engine.allow_shrink_expired", "engine.retention", "engine.grace"});
  command
      ->add_option("--run", options->run,
                   "Also take in what this run of hirestream-spark has counted")
      ->type_name("ID");
  command
      ->add_flag("--from-source", options->from_source,
                 "Count the whole table of --source anew, and put that in place")
      ->excludes("--run");
  command->add_flag("--trust-keys", options->trust_keys,
                    "With --from-source: rows with one create_time lie in one partition, whatever "
                    "the table's key is");
  command->footer(kRebuildFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run_rebuild(*options, c); };
  });
}

}  // namespace hirestream
