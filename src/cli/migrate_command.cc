#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr const char* kMigrateFooter =
    R"(The old table stays, as events_before_<UTC time>. What it held is kept below what is counted from now on; it is
in no source's ledger and does not change again. A source that would count its hours a second time is refused:
docs/operations.md, "Taking over from another job", goes through it step by step.

Columns may have any type (ids as DOUBLE or text, dates as text, '' for null) and some other names (impression,
unqualified_application); impressions, company_id, sources and updated_at may be missing. A row that cannot be
taken over (a job 'abc', a date '2024-13-40') is shown, and nothing is changed.

Examples:
  # Can every row be taken over? Changes nothing
  hirestream doctor --warehouse mysql://admin@mysql/etl_data

  hirestream migrate --warehouse mysql://admin@mysql/etl_data
  hirestream migrate --until 2026-01-31T12:00:00 --warehouse mysql://admin@mysql/etl_data)";

struct MigrateOptions {
  SettingOptions settings;
  std::string until;
};

// In the zone of the table's own hours, whatever that is.
Result<std::optional<int32_t>> hour_of(const std::string& until) {
  constexpr int64_t kHourUs = 3'600'000'000;
  if (until.empty()) {
    return std::nullopt;
  }
  const auto time = parse_timestamp(until);
  if (!time || time->has_offset || time->us % kHourUs != 0) {
    return fail(ErrorKind::kConfig, "check option", "until",
                fmt::format("\"{}\" is not an hour as the table counts them", until),
                "allowed are a date, or a date and full hour, as 2026-01-31T12:00:00, without Z or "
                "offset");
  }
  return static_cast<int32_t>(time->us / kHourUs);
}

void print_migration(const Migration& done, bool json) {
  if (json) {
    const nlohmann::ordered_json out = {{"migrated", true},
                                        {"rows_before", done.rows_before},
                                        {"rows_after", done.rows_after},
                                        {"old_table", done.old_table},
                                        {"notes", done.notes}};
    fmt::print("{}\n", printed_json(out, -1));
    return;
  }
  for (const std::string& note : done.notes) {
    fmt::print("{}\n", note);
  }
  fmt::print("events: {} rows became {}; the old table stays as {}\n",
             format_count(done.rows_before), format_count(done.rows_after), done.old_table);
}

Result<int> migrate(const MigrateOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const std::optional<int32_t> until_hour, hour_of(options.until));
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const EventsTableState state, warehouse->events_table());
  if (state == EventsTableState::kReady || state == EventsTableState::kMissing) {
    const bool ready = state == EventsTableState::kReady;
    if (context.json) {
      fmt::print("{}\n", printed_json({{"migrated", false}}, -1));
    } else {
      fmt::print("nothing to do: {}\n",
                 ready ? "events has one row per cell already" : "there is no table events");
    }
    return kExitOk;
  }
  SystemClock clock;
  HIRESTREAM_ASSIGN(const Migration done, warehouse->migrate(clock.now_us(), until_hour));
  print_migration(done, context.json);  // done, whatever becomes of what follows
  HIRESTREAM_TRY(warehouse->init());
  return kExitOk;
}

}  // namespace

void add_migrate_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* command = app.add_subcommand(
      "migrate", "Turn an append-only events table into one with a row per cell");
  options->settings.add(*command, {"warehouse"});
  command
      ->add_option("--until", options->until,
                   "Leave out this hour and later ones, for the source to count")
      ->type_name("TIME");
  command->footer(kMigrateFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return migrate(*options, c); };
  });
}

}  // namespace hirestream
