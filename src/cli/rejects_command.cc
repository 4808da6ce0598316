#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "adapters/files/file_endings.h"
#include "adapters/system/system_clock.h"
#include "aggregation/tally.h"
#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/open_jobs.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "cli/table_printer.h"
#include "model/row_id.h"
#include "model/timestamp.h"
#include "pipeline/verify.h"
#include "telemetry/log.h"
#include "telemetry/log_observer.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

constexpr const char* kRejectsFooter =
    R"(list   shows rejected rows and their reasons. They are kept capped and for a limited time (engine.rejects_cap,
       engine.rejects_keep): they may hold personal data.
retry  reads the slices of rejected rows again, after the cause was removed. Exit code 1: rows are still rejected.

Examples:
  hirestream rejects --warehouse sqlite:etl.db --limit 20
  hirestream rejects list --warehouse sqlite:etl.db --json | jq .
  hirestream rejects retry --source csv:events.csv --warehouse sqlite:etl.db)";
constexpr size_t kValueWidth = 60;
constexpr size_t kListedRows = 100;

struct RejectsOptions {
  SettingOptions settings;
  std::string action = "list";
  std::optional<size_t> limit;
};

// What is known of rejected rows beyond those that are listed.
struct RejectCounts {
  int64_t listed = 0;
  int64_t kept = 0;
  int64_t rejected = 0;
};

struct NamedReject {
  std::string source;
  StoredReject reject;
};

// Of these sources, or of all when none is named.
Result<std::vector<NamedReject>> load(Warehouse& warehouse, const std::set<std::string>& names,
                                      size_t limit, RejectCounts& counts) {
  std::vector<NamedReject> rejects;
  HIRESTREAM_TRY(warehouse.begin_snapshot());
  HIRESTREAM_ASSIGN(const auto known, warehouse.sources());
  for (const SourceStatus& source : known) {
    if (!names.empty() && !names.contains(source.name)) {
      continue;
    }
    counts.rejected += source.classes.rejected;
    HIRESTREAM_ASSIGN(auto stored, warehouse.load_rejects(source.id, SIZE_MAX));
    counts.kept += static_cast<int64_t>(stored.size());
    stored.resize(std::min(stored.size(), limit - rejects.size()));
    for (StoredReject& reject : stored) {
      rejects.push_back({source.name, std::move(reject)});
    }
  }
  warehouse.end_snapshot();
  counts.listed = static_cast<int64_t>(rejects.size());
  return rejects;
}

// Which caps were met; empty: none.
std::string caps_text(const RejectCounts& counts) {
  std::string text;
  if (counts.listed < counts.kept) {
    text += fmt::format("{} more are kept: --limit {} lists them\n",
                        format_count(counts.kept - counts.listed), counts.kept);
  }
  if (counts.kept < counts.rejected) {
    text += fmt::format(
        "{} more were rejected and are not kept: at most {} of a slice are, and of all as many, "
        "and as long, as engine.rejects_cap and engine.rejects_keep say\n",
        format_count(counts.rejected - counts.kept), format_count(kRejectsPerSliceMax));
  }
  return text;
}

// What the warehouse does not know was never counted: an error when nothing else is asked for.
Result<std::set<std::string>> known_names(Warehouse& warehouse, const Settings& settings,
                                          CommandContext& context) {
  HIRESTREAM_ASSIGN(const auto known, warehouse.sources());
  std::set<std::string> names;
  std::vector<std::string> unknown;
  for (const SourceSettings& source : settings.sources) {
    const bool is_known = std::any_of(known.begin(), known.end(), [&](const SourceStatus& status) {
      return status.name == source.name;
    });
    if (is_known) {
      names.insert(source.name);
    } else if (!source.name.empty()) {
      unknown.push_back(source.name);
    }
  }
  if (names.empty() && !unknown.empty()) {
    return fail(ErrorKind::kConfig, "list rejects", fmt::format("{}", fmt::join(unknown, ", ")),
                "the warehouse knows no such source", "`hirestream sources` lists them");
  }
  for (const std::string& name : unknown) {
    context.log->warn(with_fields("the warehouse knows no such source", {{"source", name}}));
  }
  return names;
}

// Of a row of a file that could not be read at all: what is wrong with it, and where it is. The
// value says "FILE:LINE: WHAT".
struct PlacedValue {
  std::string what;
  std::string place;
};

PlacedValue placed_value(const RejectedRow& row) {
  if (row.reason != "row_malformed" && row.reason != "create_time_missing") {
    return {row.value, ""};
  }
  constexpr std::string_view kDigits = "0123456789";
  const std::string& text = row.value;
  PlacedValue found{text, ""};
  for (size_t colon = text.find(':'); colon != std::string::npos;
       colon = text.find(':', colon + 1)) {
    const size_t end = text.find_first_not_of(kDigits, colon + 1);
    if (end == std::string::npos || end == colon + 1 || text.compare(end, 2, ": ") != 0) {
      continue;
    }
    // Such a place may be in a folder's name, too, and in the row: it is the first behind the name
    // of a file, or the first of all where none has an ending.
    const bool ends_file = format_of_name(std::string_view(text).substr(0, colon)).has_value();
    if (ends_file || found.place.empty()) {
      found = {text.substr(end + 2), text.substr(0, end)};
    }
    if (ends_file) {
      break;
    }
  }
  return found;
}

// Printable and short: what came may be anything.
std::string shown_value(const std::string& value) {
  std::string out;
  for (const char c : value) {
    out += static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? ' ' : c;
  }
  if (out.size() > kValueWidth) {
    size_t end = kValueWidth;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) {
      --end;
    }
    out.resize(end);
    out += "…";
  }
  return out;
}

std::string to_text(const std::vector<NamedReject>& rejects) {
  TablePrinter table({{"REASON"},
                      {"COLUMN"},
                      {"VALUE"},
                      {"CREATE_TIME"},
                      {"FIRST SEEN (UTC)"},
                      {"SOURCE"},
                      {"FILE AND LINE"}});
  for (const auto& [source, reject] : rejects) {
    const PlacedValue value = placed_value(reject.row);
    table.add_row({reject.row.reason, reject.row.column, shown_value(value.what),
                   format_uuid(reject.row.id),
                   format_timestamp_ms(reject.first_seen_us).substr(0, 19), source, value.place});
  }
  return table.text();
}

nlohmann::ordered_json to_json(const std::vector<NamedReject>& rejects) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const auto& [source, reject] : rejects) {
    auto row = nlohmann::ordered_json::parse(reject.row.row, nullptr, false);
    out.push_back({{"source", source},
                   {"create_time", format_uuid(reject.row.id)},
                   {"reason", reject.row.reason},
                   {"column", reject.row.column},
                   {"value", reject.row.value},
                   {"row", row.is_discarded() ? nlohmann::ordered_json(reject.row.row) : row},
                   {"first_seen", format_timestamp_ms(reject.first_seen_us)}});
  }
  return out;
}

Result<int> list(const RejectsOptions& options, const Settings& settings, CommandContext& context) {
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto names, known_names(*warehouse, settings, context));
  RejectCounts counts;
  HIRESTREAM_ASSIGN(const auto rejects,
                    load(*warehouse, names, options.limit.value_or(kListedRows), counts));
  const std::string caps = caps_text(counts);
  if (context.json) {
    std::puts(printed_json(to_json(rejects)).c_str());
    std::fputs(caps.c_str(), stderr);
  } else if (counts.kept == 0) {
    fmt::print("no rejected rows are kept\n{}", caps);
  } else {
    fmt::print("{}{}", to_text(rejects), caps);
  }
  return kExitOk;
}

Result<int64_t> retry_source(const Settings& settings, const SourceSettings& source,
                             Warehouse& warehouse, Observer& observer) {
  HIRESTREAM_ASSIGN(auto opened, open_source(source, observer));
  HIRESTREAM_ASSIGN(const auto jobs, open_jobs(settings.jobs));
  VerifyOptions options;
  HIRESTREAM_ASSIGN(options.engine, engine_options(settings, source));
  SystemClock clock;
  return retry_rejects({.source = *opened,
                        .warehouse = warehouse,
                        .jobs = jobs.get(),
                        .clock = clock,
                        .observer = observer},
                       options);
}

Result<int> retry(const Settings& settings, CommandContext& context) {
  HIRESTREAM_TRY(require_sources(settings));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  int64_t slices = 0;
  for (const SourceSettings& source : settings.sources) {
    LogObserver log(context.log);
    Progress progress(context, "rows");
    ObserverFanout observer({&log, &progress});
    HIRESTREAM_ASSIGN(const int64_t replaced, retry_source(settings, source, *warehouse, observer));
    slices += replaced;
  }
  int64_t remaining = 0;
  HIRESTREAM_ASSIGN(const auto known, warehouse->sources());
  for (const SourceStatus& status : known) {
    for (const SourceSettings& source : settings.sources) {
      remaining += source.name == status.name ? status.classes.rejected : 0;
    }
  }
  if (context.json) {
    const nlohmann::ordered_json out = {{"slices_replaced", slices}, {"rows_rejected", remaining}};
    std::puts(printed_json(out, -1).c_str());
  } else {
    fmt::print("{} slices recounted, {} rows are still rejected\n", format_count(slices),
               format_count(remaining));
  }
  return remaining > 0 ? kExitDifference : kExitOk;
}

Result<int> rejects(const RejectsOptions& options, CommandContext& context) {
  if (options.limit && options.action == "retry") {
    return fail(ErrorKind::kConfig, "read options", "--limit",
                "it has no effect on retry, which tries all rejected rows again",
                "leave --limit out");
  }
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  return options.action == "list" ? list(options, settings, context) : retry(settings, context);
}

}  // namespace

void add_rejects_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<RejectsOptions>();
  CLI::App* command =
      app.add_subcommand("rejects", "Rows that could not be counted: show them, try them again");
  command->add_option("action", options->action, "list or retry [list]")
      ->check(CLI::IsMember({"list", "retry"}));
  command->add_option("--limit", options->limit, "list: at most so many rows [100]")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, INT64_MAX).description(""));
  options->settings.add(*command, {"source", "warehouse", "jobs", "counting", "engine.allow_shrink",
                                   "engine.allow_shrink_expired", "engine.retention"});
  command->footer(kRejectsFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return rejects(*options, c); };
  });
}

}  // namespace hirestream
