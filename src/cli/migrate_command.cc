#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/open_warehouse.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"

namespace hirestream {
namespace {

constexpr const char* kMigrateFooter =
    R"(The old table stays, as events_before_<UTC time>. What it held is kept below what is counted from now on; it is
in no source's ledger and does not change again.

Examples:
  hirestream migrate --warehouse mysql://admin@mysql/etl_data)";

Result<int> migrate(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const EventsTableState state, warehouse->events_table());
  if (state == EventsTableState::kReady || state == EventsTableState::kMissing) {
    const bool ready = state == EventsTableState::kReady;
    if (context.json) {
      fmt::print("{}\n", nlohmann::json({{"migrated", false}}).dump());
    } else {
      fmt::print("nothing to do: {}\n",
                 ready ? "events has one row per cell already" : "there is no table events");
    }
    return kExitOk;
  }
  SystemClock clock;
  HIRESTREAM_ASSIGN(const auto rows, warehouse->migrate(clock.now_us()));
  HIRESTREAM_TRY(warehouse->init());
  if (context.json) {
    const nlohmann::json out = {
        {"migrated", true}, {"rows_before", rows.first}, {"rows_after", rows.second}};
    fmt::print("{}\n", out.dump());
  } else {
    fmt::print("events: {} rows became {} (the old table stays as events_before_…)\n",
               format_count(rows.first), format_count(rows.second));
  }
  return kExitOk;
}

}  // namespace

void add_migrate_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command = app.add_subcommand(
      "migrate", "Turn an append-only events table into one with a row per cell");
  options->add(*command, {"warehouse"});
  command->footer(kMigrateFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return migrate(*options, c); };
  });
}

}  // namespace hirestream
