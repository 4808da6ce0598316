#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/error_printer.h"
#include "cli/open_jobs.h"
#include "cli/open_report.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "cli/table_printer.h"
#include "model/timestamp.h"
#include "pipeline/verify.h"
#include "telemetry/log.h"
#include "telemetry/log_observer.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

constexpr const char* kVerifyFooter =
    R"(Recounts the raw log and compares with the warehouse. A running engine may go on meanwhile. Exit code 1: a difference
remains; 2: something could not be read, and no result is stored for boards and alerts.

Examples:
  hirestream verify --source csv:events.csv --warehouse sqlite:etl.db
  hirestream verify --repair --config /etc/hirestream/hirestream.toml

  # Of a Cassandra table with buckets: what arrived in these two hours
  hirestream verify --repair --from 2026-01-31T12:00:00Z --to 2026-01-31T14:00:00Z --config hirestream.toml)";

struct VerifyCommandOptions {
  SettingOptions settings;
  bool repair = false;
  bool duplicates = false;
  std::string from;
  std::string to;

  bool in_part() const { return !from.empty() || !to.empty(); }
};

Result<int64_t> time_of(const std::string& option, const std::string& text, int64_t otherwise) {
  if (text.empty()) {
    return otherwise;
  }
  const auto time = parse_timestamp(text);
  if (!time) {
    return fail(ErrorKind::kConfig, "check option", option, fmt::format("\"{}\" is no time", text),
                "allowed are times as 2026-01-31T12:00:00Z");
  }
  return time->us;
}

// Arrival times that are verified alone.
Result<std::pair<int64_t, int64_t>> part_of(const VerifyCommandOptions& given) {
  constexpr int64_t kEverUs = INT64_MAX / 4;
  HIRESTREAM_ASSIGN(const int64_t from_us, time_of("from", given.from, -kEverUs));
  HIRESTREAM_ASSIGN(const int64_t to_us, time_of("to", given.to, kEverUs));
  if (from_us >= to_us) {
    return fail(ErrorKind::kConfig, "check option", "from, to",
                fmt::format("{} is not before {}", given.from, given.to));
  }
  return std::pair(from_us, to_us);
}

// The measures that differ: "clicks 5 → 7, bid_sum 1.400000 → 2.800000"
std::string measures_text(const Measures& expected, const Measures& found) {
  std::string out;
  const auto add = [&](const char* name, const std::string& is, const std::string& should) {
    if (is != should) {
      out += fmt::format("{}{} {} → {}", out.empty() ? "" : ", ", name, is, should);
    }
  };
  const auto count = [](int64_t value) { return std::to_string(value); };
  add("impressions", count(found.impressions), count(expected.impressions));
  add("clicks", count(found.clicks), count(expected.clicks));
  add("conversions", count(found.conversions), count(expected.conversions));
  add("qualified", count(found.qualified), count(expected.qualified));
  add("unqualified", count(found.unqualified), count(expected.unqualified));
  add("bid_sum", format_micros(found.bid_micros), format_micros(expected.bid_micros));
  return out;
}

std::string differences_text(const VerifyReport& report) {
  using Align = TablePrinter::Align;
  TablePrinter table({{"WHERE"},
                      {"DATE"},
                      {"HOUR", Align::kRight},
                      {"JOB", Align::kRight},
                      {"PUBLISHER", Align::kRight},
                      {"CAMPAIGN", Align::kRight},
                      {"GROUP", Align::kRight},
                      {"IS → SHOULD BE"}});
  for (const CellDifference& difference : report.sample) {
    const CellKey& key = difference.key;
    table.add_row({difference.where, format_date(key.days()), std::to_string(key.hour()),
                   std::to_string(key.job_id), std::to_string(key.publisher_id),
                   std::to_string(key.campaign_id), std::to_string(key.group_id),
                   measures_text(difference.expected, difference.found)});
  }
  return table.empty() ? "" : table.text();
}

std::string repairs_text(const VerifyReport& report) {
  std::string out;
  if (report.slices_repaired > 0) {
    out += fmt::format("repaired: {} slices\n", format_count(report.slices_repaired));
  }
  if (report.cells_repaired > 0) {
    out += fmt::format("repaired: {} cells of events\n", format_count(report.cells_repaired));
  }
  if (report.days_repaired > 0) {
    out +=
        fmt::format("repaired: {} rows of the daily roll-up\n", format_count(report.days_repaired));
  }
  if (report.companies_repaired > 0) {
    out += fmt::format("repaired: {} rows with another company than their job\n",
                       format_count(report.companies_repaired));
  }
  return out;
}

// What differs, and what can be done about it.
std::string advice_text(const VerifyReport& report, bool repair) {
  std::string out;
  out += fmt::format("different: {} slices, {} cells of events; damaged: {} slices\n",
                     format_count(report.slices_different), format_count(report.cells_different),
                     format_count(report.slices_damaged));
  if (report.slices_different > 0 && report.sample.empty()) {
    out +=
        "these slices give equal cells: what differs is which rows they have or how those are "
        "classified\n";
  }
  if (!report.slices_named.empty()) {
    out += fmt::format("slices: {}{}\n", fmt::join(report.slices_named, ", "),
                       report.slices_different + report.slices_damaged >
                               static_cast<int64_t>(report.slices_named.size())
                           ? ", …"
                           : "");
  }
  if (report.slices_held > 0) {
    out += fmt::format(
        "{} slices would lose what was counted before; if that is right: hirestream verify "
        "--repair "
        "--allow-shrink\n",
        format_count(report.slices_held));
  }
  const int64_t damaged = repair ? 0 : report.slices_damaged;
  if (report.slices_different + damaged + report.days_different > report.slices_held) {
    out += "repair with: hirestream verify --repair\n";
  }
  if (repair && report.slices_damaged > report.slices_held) {
    out +=
        "damaged slices whose rows have changed are replaced only when that explains all of "
        "events: no other slice is damaged (of another source, or of a file that is gone), none "
        "of their hours has frozen slices, and nobody else wrote to the table. Run hirestream "
        "verify --repair with the other sources, too; if that changes nothing, once with "
        "--allow-shrink\n";
  }
  if (report.cells_different > 0) {
    out +=
        report.cells_compared_in_part
            ? "cells of events do not follow from the ledger: replace the damaged slices first\n"
            : "cells of events do not follow from the ledger: somebody else wrote to the table\n";
  }
  if (report.cells_different > report.cells_beyond_repair && !report.cells_compared_in_part) {
    out += repair ? "putting them right takes something away: hirestream verify --repair "
                    "--allow-shrink\n"
                  : "put them right with: hirestream verify --repair\n";
  }
  if (report.cells_beyond_repair > 0) {
    out += fmt::format(
        "{} of them are in hours of frozen slices, or of before the table was migrated: what each "
        "cell must be is not known any more, only a backup can put them right\n",
        format_count(report.cells_beyond_repair));
  }
  return out;
}

std::string duplicates_text(const VerifyReport& report) {
  if (!report.duplicates_sought) {
    return "";
  }
  if (report.rows_duplicate == 0) {
    return "no id is in several partitions\n";
  }
  return fmt::format(
      "warning: {}{} rows have an id that is in another partition, too, and are counted like the "
      "others: {}{}\n",
      report.duplicates_in_part ? "at least " : "", format_count(report.rows_duplicate),
      fmt::join(report.duplicates_named, ", "),
      report.rows_duplicate > static_cast<int64_t>(report.duplicates_named.size()) ? ", …" : "");
}

std::string report_text(const std::string& name, const VerifyReport& report, bool repair) {
  std::string out = fmt::format("{}: {} rows read, {} slices and {} cells compared", name,
                                format_count(report.rows_read), format_count(report.slices_checked),
                                format_count(report.cells_checked));
  if (report.slices_frozen > 0) {
    out += fmt::format(", {} frozen slices left out", format_count(report.slices_frozen));
  }
  out += "\n";
  if (report.rows_too_late > 0) {
    out += fmt::format("{} rows came after their slice froze and are not counted\n",
                       format_count(report.rows_too_late));
  }
  if (report.days_different > 0) {
    out +=
        fmt::format("{} rows of the daily roll-up (hirestream_days) are not the sums of events\n",
                    format_count(report.days_different));
  }
  if (report.cells_compared_in_part) {
    out += "cells of events are compared only in part: what damaged slices gave is not known\n";
  }
  if (report.slices_released > 0) {
    out += fmt::format("released: {} slices that were held have all their rows again\n",
                       format_count(report.slices_released));
  }
  // The sample holds what was repaired, too; the counts only what remains.
  out += differences_text(report);
  out += repairs_text(report);
  if (report.companies_different > 0) {
    out += fmt::format(
        "{} rows have another company than their job: `hirestream verify --repair` puts that "
        "right\n",
        format_count(report.companies_different));
  }
  if (!report.unreadable.empty()) {
    out += fmt::format("{} files could not be read: not compared\n", report.unreadable.size());
  }
  out += duplicates_text(report);
  if (report.clean()) {
    const bool repaired = report.slices_repaired + report.cells_repaired + report.days_repaired > 0;
    return out + (repaired ? "no difference remains\n" : "no difference\n");
  }
  return out + advice_text(report, repair);
}

nlohmann::ordered_json measures_json(const Measures& measures) {
  return {{"impressions", measures.impressions}, {"clicks", measures.clicks},
          {"conversions", measures.conversions}, {"qualified", measures.qualified},
          {"unqualified", measures.unqualified}, {"bid_sum", format_micros(measures.bid_micros)}};
}

nlohmann::ordered_json report_json(const std::string& name, const VerifyReport& report) {
  nlohmann::ordered_json out = {
      {"source", name},
      {"difference_remains", !report.clean()},
      {"rows_read", report.rows_read},
      {"slices_checked", report.slices_checked},
      {"slices_different", report.slices_different},
      {"slices_repaired", report.slices_repaired},
      {"slices_held", report.slices_held},
      {"slices_damaged", report.slices_damaged},
      {"slices_released", report.slices_released},
      {"slices_frozen", report.slices_frozen},
      {"rows_too_late", report.rows_too_late},
      {"cells_checked", report.cells_checked},
      {"cells_different", report.cells_different},
      {"cells_repaired", report.cells_repaired},
      {"cells_compared_in_part", report.cells_compared_in_part},
      {"slices", report.slices_named},
      {"days_checked", report.days_checked},
      {"days_different", report.days_different},
      {"days_repaired", report.days_repaired},
      {"files_unreadable", report.unreadable.size()},
      {"companies_different", report.companies_different},
      {"companies_repaired", report.companies_repaired},
      {"differences", nlohmann::ordered_json::array()},
  };
  if (report.duplicates_sought) {
    out["rows_duplicate"] = report.rows_duplicate;
    out["duplicates_in_part"] = report.duplicates_in_part;
    out["duplicates"] = report.duplicates_named;
  }
  for (const CellDifference& difference : report.sample) {
    const CellKey& key = difference.key;
    out["differences"].push_back({{"where", difference.where},
                                  {"date", format_date(key.days())},
                                  {"hour", key.hour()},
                                  {"job_id", key.job_id},
                                  {"publisher_id", key.publisher_id},
                                  {"campaign_id", key.campaign_id},
                                  {"group_id", key.group_id},
                                  {"expected", measures_json(difference.expected)},
                                  {"found", measures_json(difference.found)}});
  }
  return out;
}

Result<VerifyReport> verify_source(const Settings& settings, const SourceSettings& source,
                                   const VerifyCommandOptions& given, Observer& observer) {
  HIRESTREAM_ASSIGN(auto opened, open_source(source, observer));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto jobs, open_jobs(settings.jobs));
  VerifyOptions options;
  HIRESTREAM_ASSIGN(options.engine, engine_options(settings, source));
  options.repair = given.repair;
  options.duplicates.wanted = given.duplicates;
  if (given.in_part()) {
    HIRESTREAM_ASSIGN(options.arrived_us, part_of(given));
  }
  options.wait = [](int64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); };
  SystemClock clock;
  return verify({.source = *opened,
                 .warehouse = *warehouse,
                 .jobs = jobs.get(),
                 .clock = clock,
                 .observer = observer},
                options);
}

// So that boards and alerts know. Whoever may only read can verify all the same.
void store_result(const Settings& settings, const std::string& source, const VerifyReport& report,
                  CommandContext& context) {
  SystemClock clock;
  const auto stored = [&]() -> Result<void> {
    HIRESTREAM_ASSIGN(const auto log, open_pipeline_log(settings.warehouse));
    return log->record_verification(
        {.source = source,
         .at_us = clock.now_us(),
         .rows_read = report.rows_read,
         .slices_checked = report.slices_checked,
         .slices_different = report.slices_different,
         .slices_repaired = report.slices_repaired,
         .slices_held = report.slices_held,
         .slices_damaged = report.slices_damaged,
         .cells_checked = report.cells_checked,
         // Rows of the roll-up are cells, too.
         .cells_different = report.cells_different + report.days_different});
  }();
  if (!stored) {
    context.log->warn(with_fields("the result of verify is not stored in the warehouse",
                                  {{"source", source}, {"error", stored.error().text()}}));
  }
}

// What was found in the sources that are done.
struct Verified {
  bool remains = false;
  std::vector<Error> unreadable;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
};

Result<void> verify_next(const Settings& settings, const SourceSettings& source,
                         const VerifyCommandOptions& options, CommandContext& context,
                         Verified& found) {
  Result<VerifyReport> report;
  {
    LogObserver log(context.log);
    Progress progress(context, "rows");
    ObserverFanout observer({&log, &progress});
    report = verify_source(settings, source, options, observer);
  }
  if (!report) {
    return forward(std::move(report).error());
  }
  // Which would say nothing of what was not compared: an alert that stands goes on.
  if (!options.in_part() && report->unreadable.empty()) {
    store_result(settings, source.name, *report, context);
  }
  found.remains = found.remains || !report->clean();
  found.unreadable.insert(found.unreadable.end(), report->unreadable.begin(),
                          report->unreadable.end());
  if (context.json) {
    found.json.push_back(report_json(source.name, *report));
  } else {
    std::fputs(report_text(source.name, *report, options.repair).c_str(), stdout);
  }
  return {};
}

Result<void> verify_each(const Settings& settings, const VerifyCommandOptions& options,
                         CommandContext& context, Verified& found) {
  for (const SourceSettings& source : settings.sources) {
    HIRESTREAM_TRY(verify_next(settings, source, options, context, found));
  }
  return {};
}

Result<int> run_verify(const VerifyCommandOptions& options, CommandContext& context) {
  HIRESTREAM_TRY(part_of(options));
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_sources(settings));
  HIRESTREAM_TRY(require_warehouse(settings));
  Verified found;
  const auto ended = verify_each(settings, options, context, found);
  // A source that could not be verified hides nothing of those before it.
  if (context.json && (ended || !found.json.empty())) {
    std::puts(printed_json(found.json).c_str());
  }
  for (const Error& error : found.unreadable) {
    print_error(error, context);
  }
  HIRESTREAM_TRY(ended);
  if (!found.unreadable.empty()) {
    return kExitUsage;
  }
  return found.remains ? kExitDifference : kExitOk;
}

}  // namespace

void add_verify_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<VerifyCommandOptions>();
  CLI::App* command =
      app.add_subcommand("verify", "Recount the raw log and compare with the warehouse");
  options->settings.add(*command, {"source", "warehouse", "jobs", "counting", "engine.allow_shrink",
                                   "engine.allow_shrink_expired", "engine.retention"});
  command->add_flag("--repair", options->repair, "Replace slices that differ");
  command
      ->add_option("--from", options->from,
                   "Of a Cassandra table with buckets: only what arrived from then on (UTC)")
      ->type_name("TIME");
  command->add_option("--to", options->to, "Only what arrived before then (UTC)")
      ->type_name("TIME");
  command->add_flag("--duplicates", options->duplicates,
                    "Of a Cassandra table with buckets: also look for ids that are in several "
                    "partitions, by reading it once or twice more");
  command->footer(kVerifyFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run_verify(*options, c); };
  });
}

}  // namespace hirestream
