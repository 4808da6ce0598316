#include <fmt/format.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/engine_runner.h"
#include "cli/events_keeper.h"
#include "cli/fresh_rows.h"
#include "cli/interrupt.h"
#include "cli/kind_list_internal.h"
#include "cli/open_report.h"
#include "cli/open_warehouse.h"
#include "cli/plain_text.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/serve_dashboard.h"
#include "cli/service_notifier.h"
#include "cli/service_watch.h"
#include "cli/setting_options.h"
#include "cli/settings_check.h"
#include "config/setting_table.h"
#include "config/values.h"
#include "pipeline/events_retention.h"
#include "telemetry/log.h"
#include "telemetry/log_observer.h"
#include "telemetry/metrics_observer.h"
#include "telemetry/observer_fanout.h"
#include "telemetry/pipeline_recorder.h"
#include "telemetry/statistics_observer.h"

namespace hirestream {
namespace {

constexpr const char* kRunFooter = R"(Examples:
  # Once, from a file into a SQLite file
  hirestream run --once --source csv:events.csv.gz --warehouse sqlite:etl.db

  # All the time, from Cassandra into MySQL
  export HIRESTREAM_MYSQL_PASSWORD_FILE=/run/secrets/mysql
  hirestream run --source cassandra://cassandra-1/logs/tracking \
      --warehouse mysql://etl@mysql/etl_data --jobs mysql://etl@mysql/platform

  # An archive that Spark or pandas left as Parquet, under names of its own
  hirestream run --once --source parquet:archive/2024 --warehouse sqlite:etl.db \
      --columns create_time=event_id,custom_track=event_type,ts=created_at

  # With the live page at http://127.0.0.1:8080/
  hirestream run --source sqlite:raw.db --warehouse sqlite:etl.db --http 127.0.0.1:8080

  # On two machines: one counts, the other goes on within 10 s of its end
  hirestream run --standby --config /etc/hirestream/hirestream.toml

  # On several machines: each counts its part of the shards of a large table
  hirestream run --share --config /etc/hirestream/hirestream.toml

  # Several sources, each with its own settings: [[source]] in a file
  hirestream run --config /etc/hirestream/hirestream.toml

Ctrl-C finishes the step at work and ends with exit code 0 (with --once: 130). A second Ctrl-C ends at once.)";

struct RunOptions {
  SettingOptions settings;
  bool print_reference = false;
};

std::string milliseconds(int64_t us) {
  return fmt::format("{:.1f}", static_cast<double>(us) / 1e3);
}

LogFields report_fields(const RunStatistics& statistics, double seconds) {
  LogFields fields = {
      {"rows", std::to_string(statistics.rows_new)},
      {"rate", format_rate(static_cast<double>(statistics.rows_new) / seconds)},
      {"cells", std::to_string(statistics.cells_changed)},
      {"commits", std::to_string(statistics.commits)},
  };
  if (statistics.freshness.rows > 0) {
    fields.emplace_back("freshness_p50_ms", milliseconds(statistics.freshness.p50_us));
    fields.emplace_back("freshness_p95_ms", milliseconds(statistics.freshness.p95_us));
    fields.emplace_back("freshness_p99_ms", milliseconds(statistics.freshness.p99_us));
  }
  if (statistics.retries > 0) {
    fields.emplace_back("retries", std::to_string(statistics.retries));
  }
  return fields;
}

// Logs what happened since the last report, every interval.
class PeriodicReport {
 public:
  PeriodicReport(int64_t interval_us, StatisticsObserver& statistics,
                 std::shared_ptr<spdlog::logger> log)
      : interval_us_(interval_us), statistics_(statistics), log_(std::move(log)) {
    if (interval_us_ > 0) {
      thread_ = std::jthread([this](const std::stop_token& ending) { report(ending); });
    }
  }

 private:
  void report(const std::stop_token& ending) {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait_for(lock, ending, std::chrono::microseconds(interval_us_), [] { return false; });
      if (ending.stop_requested()) {
        return;
      }
      log_->info(with_fields("running", report_fields(statistics_.take_interval(),
                                                      static_cast<double>(interval_us_) / 1e6)));
    }
  }

  int64_t interval_us_;
  StatisticsObserver& statistics_;
  std::shared_ptr<spdlog::logger> log_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

// Where every row of our sources stands, according to the ledger.
struct LedgerSummary {
  RowClasses classes;
  int64_t slices_held = 0;
};

Result<LedgerSummary> ledger_summary(const Settings& settings) {
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto known, warehouse->sources());
  LedgerSummary summary;
  for (const SourceStatus& status : known) {
    for (const SourceSettings& source : settings.sources) {
      if (source.name == status.name) {
        summary.classes += status.classes;
        summary.slices_held += status.slices_held;
      }
    }
  }
  return summary;
}

nlohmann::ordered_json summary_json(const RunStatistics& run, const LedgerSummary& ledger,
                                    double seconds, bool interrupted) {
  const auto ms = [](int64_t us) { return static_cast<double>(us) / 1e3; };
  nlohmann::ordered_json out = {
      {"seconds", seconds},
      {"interrupted", interrupted},
      {"rows_new", run.rows_new},
      {"rows_read", run.rows_read},
      {"requests", run.requests},
      {"cells_changed", run.cells_changed},
      {"slices_changed", run.slices_changed},
      {"commits", run.commits},
      {"retries", run.retries},
      {"rows",
       {{"counted", ledger.classes.counted},
        {"unattributed", ledger.classes.unattributed},
        {"other", ledger.classes.other},
        {"rejected", ledger.classes.rejected},
        {"too_late", ledger.classes.too_late},
        {"total", ledger.classes.total()}}},
      {"slices_held", ledger.slices_held},
      {"not_counted", kinds_json(shown_kinds(run.fresh))},
      {"warnings", fresh_warnings(run.fresh)},
  };
  if (run.freshness.rows > 0) {
    out["freshness_ms"] = {{"rows", run.freshness.rows},
                           {"p50", ms(run.freshness.p50_us)},
                           {"p95", ms(run.freshness.p95_us)},
                           {"p99", ms(run.freshness.p99_us)}};
  }
  return out;
}

std::string summary_text(const RunStatistics& run, const LedgerSummary& ledger, double seconds) {
  const auto rate = seconds > 0 ? static_cast<double>(run.rows_read) / seconds : 0;
  std::string out =
      fmt::format("{} new rows in {} ({} rows read, {}), {} cells changed\n",
                  format_count(run.rows_new), format_elapsed(static_cast<int64_t>(seconds * 1e6)),
                  format_count(run.rows_read), format_rate(rate), format_count(run.cells_changed));
  const RowClasses& rows = ledger.classes;
  out += fmt::format(
      "rows in the ledger: {} = {} counted + {} unattributed + {} other + {} rejected",
      format_count(rows.total()), format_count(rows.counted), format_count(rows.unattributed),
      format_count(rows.other), format_count(rows.rejected));
  out += rows.too_late > 0 ? fmt::format(" + {} too late\n", format_count(rows.too_late)) : "\n";
  if (run.freshness.rows > 0) {
    out += fmt::format("freshness: p50 {}, p95 {}, p99 {}\n", format_elapsed(run.freshness.p50_us),
                       format_elapsed(run.freshness.p95_us), format_elapsed(run.freshness.p99_us));
  }
  out += not_counted_text(run.fresh);
  for (const std::string& warning : fresh_warnings(run.fresh)) {
    out += fmt::format("! {}\n", warning);
  }
  if (rows.rejected > 0) {
    out += "rejected rows with their reasons: hirestream rejects --warehouse …\n";
  }
  if (ledger.slices_held > 0) {
    out += fmt::format(
        "{} slices are held: a recount misses rows counted before; find out why; if that is right: "
        "hirestream verify --repair --allow-shrink\n",
        format_count(ledger.slices_held));
  }
  return out;
}

Result<LedgerSummary> print_summary(const Settings& settings, const RunStatistics& run,
                                    double seconds, const CommandContext& context) {
  HIRESTREAM_ASSIGN(const LedgerSummary ledger, ledger_summary(settings));
  if (context.json) {
    const bool interrupted = context.interrupt->requested();
    std::puts(printed_json(summary_json(run, ledger, seconds, interrupted)).c_str());
  } else if (!context.quiet) {
    std::fputs(summary_text(run, ledger, seconds).c_str(), stdout);
  }
  return ledger;
}

bool too_many_rejects(const Settings& settings, const LedgerSummary& ledger) {
  const RowClasses& rows = ledger.classes;
  const int64_t percent = *settings.run.fail_on_rejects;
  if (rows.rejected * 100 <= percent * rows.total()) {
    return false;
  }
  fmt::print(stderr, "error: {} of {} rows are rejected, more than {} %\n",
             format_count(rows.rejected), format_count(rows.total()), percent);
  return true;
}

void log_start(const Settings& settings, CommandContext& context) {
  for (const SourceSettings& source : settings.sources) {
    LogFields fields = {{"source", source.uri->text()},
                        {"warehouse", settings.warehouse.uri->text()}};
    if (settings.jobs.uri) {
      fields.emplace_back("jobs", settings.jobs.uri->text());
    }
    if (!source.shards.empty()) {
      fields.emplace_back("shards", format_shards(source.shards));
    }
    context.log->info(with_fields("starting", fields));
  }
  for (const PlainTextServer& server : plain_text_servers(settings)) {
    context.log->warn(with_fields("not encrypted: whoever is between reads passwords and rows",
                                  {{"server", server.uri}, {"remedy", server.remedy}}));
  }
}

Result<std::unique_ptr<DashboardServer>> serve_if_asked(const Settings& settings,
                                                        const MetricsObserver& metrics,
                                                        ServiceWatch& watch, Clock& clock,
                                                        CommandContext& context) {
  if (settings.http.address.empty()) {
    return std::unique_ptr<DashboardServer>();
  }
  HIRESTREAM_ASSIGN(const ListenAddress address, parse_listen_address(settings.http.address));
  const Served served = {
      .metrics = &metrics,
      .watch = &watch,
      .warn = [&context](const std::string& text) { context.log->warn(with_fields(text, {})); },
      .samples = settings.http.samples};
  HIRESTREAM_ASSIGN(auto server, serve_dashboard(settings.warehouse, address, settings.http.token,
                                                 served, clock));
  context.log->info(with_fields("serving", {{"page", server->url()}}));
  return server;
}

// That the clocks differ is no reason to hide what was counted.
Result<void> forget_old_events(const Settings& settings, Clock& clock, CommandContext& context,
                               const std::stop_token& stop) {
  const auto removed = remove_old_events_now(settings, clock, stop);
  if (!removed && removed.error().operation == kCompareClocks) {
    context.log->warn(with_fields(removed.error().text(), {}));
    return {};
  }
  HIRESTREAM_TRY(removed);
  return {};
}

Result<int> run(const RunOptions& options, CommandContext& context) {
  if (options.print_reference) {
    std::fputs(configuration_reference().c_str(), stdout);
    return kExitOk;
  }
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_sources(settings));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_TRY(check_company_of_engines(settings.run));
  const std::stop_token stop = context.interrupt->token();
  log_start(settings, context);

  const ServiceNotifier service = ServiceNotifier::from_environment();
  ServiceWatch watch(service);
  const std::stop_callback on_stop(stop, [&service] { service.stopping(); });
  SystemClock clock;
  LogObserver log_observer(context.log);
  StatisticsObserver statistics;
  MetricsObserver metrics;
  HIRESTREAM_ASSIGN(const auto server, serve_if_asked(settings, metrics, watch, clock, context));
  const auto begin = std::chrono::steady_clock::now();
  Result<void> outcome;
  {
    std::optional<Progress> progress;
    std::optional<PeriodicReport> report;
    std::vector<Observer*> observers = {&log_observer, &statistics};
    if (settings.run.once) {
      progress.emplace(context, "rows");
      observers.push_back(&*progress);
    } else {
      report.emplace(settings.run.report_interval_us, statistics, context.log);
    }
    std::optional<CommitSignal> signal;
    if (server != nullptr) {
      observers.push_back(&signal.emplace(*server));
    }
    ObserverFanout observer(std::move(observers));
    PipelineRecorder recorder([&settings] { return open_pipeline_log(settings.warehouse); },
                              [&context](const Error& error) {
                                context.log->warn(with_fields("figures by minute are not recorded",
                                                              {{"error", error.text()}}));
                              },
                              clock);
    std::optional<EventsKeeper> keeper;
    if (!settings.run.once) {
      keeper.emplace(settings, clock, observer);
    }
    EngineRunner runner(settings,
                        {.once = settings.run.once,
                         .give_up_after_us = settings.run.give_up_after_us,
                         .observers_of =
                             [&](const std::string& name) {
                               return std::vector<Observer*>{&recorder.observer_of(name),
                                                             &metrics.observer_of(name)};
                             },
                         .watch = &watch},
                        clock, observer);
    outcome = runner.run(stop);
    if (outcome && settings.run.once && settings.engine.events_retention_us) {
      outcome = forget_old_events(settings, clock, context, stop);
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  // What could not be used does not hide what was counted beside it.
  if (!outcome && outcome.error().kind != ErrorKind::kRejected) {
    return forward(std::move(outcome).error());
  }
  const bool interrupted = context.interrupt->requested();
  const auto printed = print_summary(settings, statistics.total(), elapsed.count(), context);
  if (!printed && interrupted) {
    // Whoever stops it during an outage has what was asked for.
    context.log->warn(with_fields("there is no summary", {{"error", printed.error().text()}}));
  } else {
    HIRESTREAM_TRY(printed);
  }
  HIRESTREAM_TRY(outcome);
  if (printed && settings.run.fail_on_rejects && too_many_rejects(settings, *printed)) {
    return kExitDifference;
  }
  return interrupted && settings.run.once ? kExitInterrupted : kExitOk;
}

}  // namespace

void add_run_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command =
      app.add_subcommand("run", "Keep the warehouse equal to a recount of the raw log");
  options->settings.add(*command,
                        {"source", "warehouse", "jobs", "counting", "engine", "run", "http"});
  command
      ->add_flag("--print-configuration-reference", options->print_reference,
                 "Print docs/configuration.md")
      ->group("");
  command->footer(kRunFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run(*options, c); };
  });
}

}  // namespace hirestream
