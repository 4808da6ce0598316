#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/open_warehouse.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "cli/table_printer.h"
#include "config/values.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr const char* kSourcesFooter =
    R"(What lies before SETTLED UNTIL is settled: only rows that come late can change it.

Examples:
  hirestream sources --warehouse sqlite:etl.db
  hirestream status --warehouse mysql://etl@mysql/etl_data --json)";

// Seconds of a bucket, as far as the fingerprint tells; 0: buckets are not times.
int64_t bucket_seconds(const SourceStatus& status) {
  const auto strategy = status.fingerprint.find("strategy");
  const auto width = status.fingerprint.find("bucket_width_s");
  const bool timed = strategy != status.fingerprint.end() &&
                     (strategy->second == "tail" || strategy->second == "scan");
  if (!timed || width == status.fingerprint.end()) {
    return 0;
  }
  return parse_int64(width->second).value_or(0);
}

// Of the slowest shard.
std::optional<int64_t> settled_until(const SourceStatus& status) {
  std::optional<int64_t> least;
  for (const auto& [shard, bucket] : status.settled_until) {
    least = std::min(least.value_or(bucket), bucket);
  }
  return least;
}

std::string settled_text(const SourceStatus& status) {
  const auto bucket = settled_until(status);
  const int64_t width = bucket_seconds(status);
  if (!bucket) {
    return "-";
  }
  if (width == 0) {
    return std::to_string(*bucket);
  }
  return format_timestamp_ms(*bucket * width * 1'000'000).substr(0, 19);
}

nlohmann::ordered_json to_json(const SourceStatus& status) {
  nlohmann::ordered_json out = {
      {"name", status.name},
      {"kind", status.kind},
      {"rows",
       {{"counted", status.classes.counted},
        {"unattributed", status.classes.unattributed},
        {"other", status.classes.other},
        {"rejected", status.classes.rejected},
        {"too_late", status.classes.too_late},
        {"total", status.classes.total()}}},
      {"slices",
       {{"open", status.slices_open},
        {"settled", status.slices_settled},
        {"frozen", status.slices_frozen},
        {"held", status.slices_held}}},
      {"fingerprint", status.fingerprint},
  };
  for (const auto& [shard, bucket] : status.settled_until) {
    out["settled_until"][std::to_string(shard)] = bucket;
  }
  return out;
}

std::string to_text(const std::vector<SourceStatus>& known) {
  using Align = TablePrinter::Align;
  TablePrinter table({{"SOURCE"},
                      {"KIND"},
                      {"ROWS", Align::kRight},
                      {"COUNTED", Align::kRight},
                      {"UNATTRIBUTED", Align::kRight},
                      {"OTHER", Align::kRight},
                      {"REJECTED", Align::kRight},
                      {"TOO LATE", Align::kRight},
                      {"OPEN", Align::kRight},
                      {"SETTLED", Align::kRight},
                      {"FROZEN", Align::kRight},
                      {"HELD", Align::kRight},
                      {"SETTLED UNTIL"}});
  for (const SourceStatus& status : known) {
    const RowClasses& rows = status.classes;
    table.add_row({status.name, status.kind, format_count(rows.total()), format_count(rows.counted),
                   format_count(rows.unattributed), format_count(rows.other),
                   format_count(rows.rejected), format_count(rows.too_late),
                   format_count(status.slices_open), format_count(status.slices_settled),
                   format_count(status.slices_frozen), format_count(status.slices_held),
                   settled_text(status)});
  }
  return table.text();
}

Result<int> sources(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto known, warehouse->sources());
  if (context.json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const SourceStatus& status : known) {
      out.push_back(to_json(status));
    }
    std::puts(out.dump(2).c_str());
  } else if (known.empty()) {
    fmt::print("no source has been counted into {} yet\n", settings.warehouse.uri->text());
  } else {
    std::fputs(to_text(known).c_str(), stdout);
  }
  return kExitOk;
}

}  // namespace

void add_sources_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command = app.add_subcommand("sources", "Show what the warehouse knows of each source")
                          ->alias("status");
  options->add(*command, {"warehouse"});
  command->footer(kSourcesFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return sources(*options, c); };
  });
}

}  // namespace hirestream
