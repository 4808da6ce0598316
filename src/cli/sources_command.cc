#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/kind_list_internal.h"
#include "cli/open_report.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "cli/table_printer.h"
#include "config/values.h"
#include "model/timestamp.h"
#include "ports/report.h"

namespace hirestream {
namespace {

// It stores where it is each 30 s, and the engine tells of it each 15 s.
constexpr int64_t kMirrorSilentUs = 120'000'000;

constexpr const char* kSourcesFooter =
    R"(What lies before SETTLED UNTIL is settled: only rows that come late can change it.
Below it: of a table that `hirestream mirror` keeps, what the engine that counts it has heard of the mirrors last; which
kinds of rows were not counted, the 20 most frequent of each source. What is meant to count: --kinds, --page-view-ev,
--columns, --attribution of `hirestream run`, in a warehouse of its own.

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

std::string time_text(int64_t us) {
  return format_timestamp_ms(us).substr(0, 19);
}

nlohmann::ordered_json time_or_null(int64_t us) {
  return us == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(time_text(us));
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
  return time_text(*bucket * width * 1'000'000);
}

// A source, which kinds of its rows were not counted, and who keeps it, if it is a mirror.
struct KnownSource {
  SourceStatus status;
  std::vector<NotCounted> not_counted;
  std::vector<MirrorProgress> mirrors = {};
};

// All of it of one moment.
Result<std::vector<KnownSource>> load(Warehouse& warehouse) {
  std::vector<KnownSource> known;
  HIRESTREAM_TRY(warehouse.begin_snapshot());
  HIRESTREAM_ASSIGN(std::vector<SourceStatus> sources, warehouse.sources());
  for (SourceStatus& status : sources) {
    HIRESTREAM_ASSIGN(std::vector<NotCounted> kinds,
                      warehouse.load_not_counted(status.id, kKindsReported));
    known.push_back({std::move(status), std::move(kinds)});
  }
  warehouse.end_snapshot();
  return known;
}

Result<void> add_mirrors(const WarehouseSettings& warehouse, std::vector<KnownSource>& known) {
  HIRESTREAM_ASSIGN(const auto report, open_report(warehouse));
  HIRESTREAM_ASSIGN(const std::vector<MirrorLine> lines, report->mirrors());
  for (KnownSource& source : known) {
    for (const MirrorLine& line : lines) {
      if (line.source == source.status.name) {
        source.mirrors.push_back(line.progress);
      }
    }
  }
  return {};
}

nlohmann::ordered_json to_json(const KnownSource& source) {
  const SourceStatus& status = source.status;
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
      {"not_counted", kinds_json(source.not_counted)},
      {"fingerprint", status.fingerprint},
  };
  for (const auto& [shard, bucket] : status.settled_until) {
    out["settled_until"][std::to_string(shard)] = bucket;
  }
  for (const MirrorProgress& mirror : source.mirrors) {
    out["mirrors"].push_back({{"node", mirror.node},
                              {"stored_at", time_or_null(mirror.stored_us)},
                              {"copied_at", time_or_null(mirror.copied_us)},
                              {"copying", mirror.is_copying}});
  }
  return out;
}

std::string kinds_text(const std::vector<KnownSource>& known) {
  TablePrinter table({{"NOT COUNTED"},
                      {"KIND"},
                      {"ROWS", TablePrinter::Align::kRight},
                      {"NEWEST (UTC)"},
                      {"NEWEST ROW"},
                      {"SOURCE"}});
  for (const auto& [status, kinds, mirrors] : known) {
    for (const NotCounted& kind : kinds) {
      table.add_row({std::string(class_name(kind.why)), kind.kind, format_count(kind.rows),
                     newest_time(kind), newest_row(kind), status.name});
    }
  }
  return table.empty() ? "" : "\n" + table.text();
}

std::string mirrors_text(const std::vector<KnownSource>& known, int64_t now_us) {
  TablePrinter table({{"MIRROR, BY NODE"}, {"STATE"}, {"LAST COPY (UTC)"}, {"SOURCE"}});
  for (const KnownSource& source : known) {
    for (const MirrorProgress& mirror : source.mirrors) {
      const int64_t silent_us = std::max<int64_t>(0, now_us - mirror.stored_us);
      const std::string state = mirror.is_copying ? "copies" : "follows";
      table.add_row({mirror.node,
                     silent_us > kMirrorSilentUs
                         ? fmt::format("not heard of for {}", format_elapsed(silent_us))
                         : state,
                     mirror.copied_us == 0 ? "-" : time_text(mirror.copied_us),
                     source.status.name});
    }
  }
  return table.empty() ? "" : "\n" + table.text();
}

std::string to_text(const std::vector<KnownSource>& known, int64_t now_us) {
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
  for (const auto& [status, kinds, mirrors] : known) {
    const RowClasses& rows = status.classes;
    table.add_row({status.name, status.kind, format_count(rows.total()), format_count(rows.counted),
                   format_count(rows.unattributed), format_count(rows.other),
                   format_count(rows.rejected), format_count(rows.too_late),
                   format_count(status.slices_open), format_count(status.slices_settled),
                   format_count(status.slices_frozen), format_count(status.slices_held),
                   settled_text(status)});
  }
  return table.text() + mirrors_text(known, now_us) + kinds_text(known);
}

Result<int> sources(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(auto known, load(*warehouse));
  HIRESTREAM_TRY(add_mirrors(settings.warehouse, known));
  if (context.json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const KnownSource& source : known) {
      out.push_back(to_json(source));
    }
    std::puts(printed_json(out).c_str());
  } else if (known.empty()) {
    fmt::print("no source has been counted into {} yet\n", settings.warehouse.uri->text());
  } else {
    std::fputs(to_text(known, SystemClock().now_us()).c_str(), stdout);
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
