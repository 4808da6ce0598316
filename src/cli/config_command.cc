#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/commands.h"
#include "cli/error_printer.h"
#include "cli/printed_json_internal.h"
#include "cli/setting_options.h"
#include "cli/settings_check.h"
#include "cli/table_printer.h"

namespace hirestream {
namespace {

constexpr const char* kCheckFooter =
    R"(Reads all settings as `run` does and says of each where it was set; connects to nothing and writes nothing.
All faults are told, not only the first, each with its file and line, environment variable or option.
Exit code 0: `run` would accept them; 2: it would not. What servers, tables and files have to say to them tells
`hirestream doctor`.

Examples:
  hirestream config check --config /etc/hirestream/hirestream.toml
  hirestream config check --source csv:events.csv --warehouse sqlite:etl.db --json | jq .faults)";

nlohmann::ordered_json fault_json(const Error& fault) {
  return {{"place", fault.subject}, {"message", fault.message}, {"hint", fault.hint}};
}

void print_json(const CheckedSettings& checked) {
  nlohmann::ordered_json out = {{"ok", checked.faults.empty()},
                                {"settings", nlohmann::ordered_json::object()},
                                {"faults", nlohmann::ordered_json::array()}};
  for (const auto& [name, origin] : checked.settings.origins) {
    out["settings"][name] = origin;
  }
  for (const Error& fault : checked.faults) {
    out["faults"].push_back(fault_json(fault));
  }
  std::puts(printed_json(out).c_str());
}

void print_text(const CheckedSettings& checked, const CommandContext& context) {
  if (!context.quiet && !checked.settings.origins.empty()) {
    TablePrinter table({{"setting"}, {"set by"}});
    for (const auto& [name, origin] : checked.settings.origins) {
      table.add_row({name, origin});
    }
    std::fputs((table.text() + "\n").c_str(), stdout);
  }
  std::fflush(stdout);
  for (const Error& fault : checked.faults) {
    print_error(fault, context);
  }
  if (checked.faults.empty() && !context.quiet) {
    fmt::print("{} set, the rest by default: good\n", checked.settings.origins.size());
  }
}

Result<int> check(const SettingOptions& options, CommandContext& context) {
  CheckedSettings checked = options.check(context);
  for (Error& fault : faults_of_components(checked.settings)) {
    checked.faults.push_back(std::move(fault));
  }
  if (context.json) {
    print_json(checked);
  } else {
    print_text(checked, context);
  }
  return checked.faults.empty() ? kExitOk : kExitUsage;
}

}  // namespace

void add_config_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("config", "Look at the settings");
  command->require_subcommand(1);
  command->footer("Examples:\n  hirestream config check --config /etc/hirestream/hirestream.toml");
  CLI::App* checking =
      command->add_subcommand("check", "Check all settings without connecting to anything");
  auto options = std::make_shared<SettingOptions>();
  options->add(*checking, {"source", "warehouse", "jobs", "counting", "engine", "run", "http"});
  checking->footer(kCheckFooter);
  checking->callback([options, &context] {
    context.action = [options](CommandContext& c) { return check(*options, c); };
  });
}

}  // namespace hirestream
