#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/error_printer.h"
#include "cli/serve_dashboard.h"
#include "cli/setting_options.h"
#include "http/liveness.h"

namespace hirestream {
namespace {

constexpr const char* kAddress = "http.address";

constexpr const char* kHealthcheckFooter =
    R"(Asks /livez, which needs neither token nor warehouse: it tells of the process alone, so that an outage of a server
restarts no engine. Whether the numbers are fresh says /api/v1/health.
Exit code 0: alive; 1: not, or it cannot be told.

Examples:
  # In a container, beside `hirestream run --http 0.0.0.0:8080`
  hirestream healthcheck --http 0.0.0.0:8080

  # With the address from the environment, as run has it
  HIRESTREAM_HTTP_ADDRESS=127.0.0.1:8080 hirestream healthcheck)";

Result<void> ask(const HttpSettings& settings) {
  HIRESTREAM_ASSIGN(const ListenAddress address, dashboard_address(settings));
  return ask_alive(address);
}

// Of all settings the address alone matters: a password that is being replaced, or a file that will
// be refused at the next start, says nothing of the process that runs.
Result<int> check(const SettingOptions& options, CommandContext& context) {
  const CheckedSettings checked = options.check_one(kAddress, context);
  const auto alive = ask(checked.settings.http);
  if (alive) {
    if (!context.quiet) {
      std::puts("alive");
    }
    return kExitOk;
  }
  if (!checked.settings.origins.contains(kAddress)) {  // it may stand where nothing could be read
    for (const Error& fault : checked.faults) {
      print_error(fault, context);
    }
  }
  print_error(alive.error(), context);
  return kExitDifference;  // always: Docker knows 0 and 1 alone
}

}  // namespace

void add_healthcheck_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command = app.add_subcommand(
      "healthcheck", "Ask a `run --http` or `dashboard` of this machine whether it is alive");
  options->add(*command, {"http"});
  command->footer(kHealthcheckFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return check(*options, c); };
  });
}

}  // namespace hirestream
