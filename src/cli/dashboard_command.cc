#include <fmt/format.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/open_report.h"
#include "cli/printed_json_internal.h"
#include "cli/serve_dashboard.h"
#include "cli/setting_options.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

constexpr const char* kDashboardFooter = R"help(Examples:
  hirestream dashboard --warehouse sqlite:etl.db

  # A user that may only read is enough; `hirestream init --print` shows its privileges
  hirestream dashboard --warehouse mysql://hirestream_reader@mysql/etl_data

  # For other machines: a token is needed (TLS is a proxy's work)
  HIRESTREAM_HTTP_TOKEN_FILE=/run/secrets/token hirestream dashboard --warehouse sqlite:etl.db --http 0.0.0.0:8080
  curl -H "Authorization: Bearer $(cat /run/secrets/token)" http://server:8080/api/v1/kpis

Ctrl-C ends it with exit code 0.)help";

Result<int> serve(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.load(context));
  HIRESTREAM_TRY(require_warehouse(settings));
  HIRESTREAM_ASSIGN(const ListenAddress address, dashboard_address(settings.http));
  // What is wrong is said here, not by every answer.
  HIRESTREAM_ASSIGN(const auto report, open_report(settings.warehouse));
  if (const auto version = report->version(); !version) {
    if (!lacks_tables(version.error())) {
      return forward(version.error());
    }
    context.log->warn(with_fields("no tables yet: the page waits for `hirestream run` or `init`",
                                  {{"error", version.error().text()}}));
  }
  const std::stop_token stop = context.interrupt->token();
  SystemClock clock;
  HIRESTREAM_ASSIGN(const auto server,
                    serve_dashboard(settings.warehouse, address, settings.http.token,
                                    {.warn =
                                         [&context](const std::string& text) {
                                           context.log->warn(with_fields(text, {}));
                                         },
                                     .samples = settings.http.samples},
                                    clock));
  if (context.json) {
    std::puts(printed_json({{"url", server->url()}}, -1).c_str());
  } else if (!context.quiet) {
    fmt::print("{} on {}\n", settings.warehouse.uri->text(), server->url());
  }
  std::fflush(stdout);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait(lock, stop, [] { return false; });
  return kExitOk;
}

}  // namespace

void add_dashboard_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command = app.add_subcommand(
      "dashboard", "Serve the live page, its API and metrics of a warehouse; only reads it");
  options->add(*command, {"warehouse", "http"});
  command->footer(kDashboardFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return serve(*options, c); };
  });
}

}  // namespace hirestream
