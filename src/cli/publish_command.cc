#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/open_jobs.h"
#include "cli/open_warehouse.h"
#include "cli/progress.h"
#include "cli/publish_report.h"
#include "cli/setting_options.h"
#include "pipeline/publish.h"
#include "telemetry/log_observer.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

constexpr const char* kPublishFooter =
    R"(Takes what a run of hirestream-spark has counted and staged into `events`, batch by batch. Each slice is compared with what the
ledger has of it and replaced by the same rules as a recount of the engine. A running engine may go on meanwhile: a slice that
it has replaced since the run began is left as it is. May be stopped and started again at any time. Exit code 1: slices remain
that want to be counted again.

Examples:
  hirestream publish --run backfill-2026-11 --warehouse mysql://hirestream@db/etl_data
  hirestream publish --run backfill-2026-11 --config /etc/hirestream/hirestream.toml --json)";

struct PublishCommandOptions {
  SettingOptions settings;
  std::string run;
  bool compare = false;
};

Result<PublishReport> publish_run(const Settings& settings, const PublishCommandOptions& given,
                                  Observer& observer) {
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto staging, open_staging(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto jobs, open_jobs(settings.jobs));
  PublishOptions options;
  HIRESTREAM_ASSIGN(options.engine, engine_options(settings, settings.sources.front()));
  options.run = given.run;
  options.compare = given.compare;
  SystemClock clock;
  return publish({.staging = *staging,
                  .warehouse = *warehouse,
                  .jobs = jobs.get(),
                  .clock = clock,
                  .observer = observer},
                 options);
}

Result<int> run_publish(const PublishCommandOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  Result<PublishReport> report;
  {
    LogObserver log(context.log);
    Progress progress(context, "slices");
    ObserverFanout observer({&log, &progress});
    report = publish_run(settings, options, observer);
  }
  if (!report) {
    return forward(std::move(report).error());
  }
  const std::string text =
      context.json ? publish_report_json(*report) + "\n" : publish_report_text(*report);
  std::fputs(text.c_str(), stdout);
  return report->complete() ? kExitOk : kExitDifference;
}

}  // namespace

void add_publish_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<PublishCommandOptions>();
  CLI::App* command =
      app.add_subcommand("publish", "Take what a run on Apache Spark has counted into `events`");
  options->settings.add(*command,
                        {"warehouse", "jobs", "engine.allow_shrink", "engine.allow_shrink_expired",
                         "engine.retention", "engine.grace"});
  command->add_option("--run", options->run, "The run's id")->required()->type_name("ID");
  command->add_flag("--compare", options->compare,
                    "Write nothing: only tell what differs from the ledger");
  command->footer(kPublishFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run_publish(*options, c); };
  });
}

}  // namespace hirestream
