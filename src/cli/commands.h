// The subcommands. Each file cli/<name>_command.cc exports one function that adds its subcommand,
// options, help and examples (footer) to the app, and sets a callback that stores what is to be
// done in context.action; main runs the action after the whole command line was read and the global
// options are in force. So nothing is done while parsing.
//
//   void add_example_command(CLI::App& app, CommandContext& context) {
//     auto options = std::make_shared<ExampleOptions>();
//     CLI::App* command = app.add_subcommand("example", "One line");
//     command->add_option("--rows", options->rows, "How many")->capture_default_str();
//     command->footer("Examples:\n  hirestream example --rows 10");
//     command->callback([options, &context] { context.action = [options](CommandContext& c) {
//     return run(*options, c); }; });
//   }
//
// An action returns the process's exit code, or an Error, which main prints ("error: …" and its
// hint) and turns into one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}
namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): the library's name
}

namespace hirestream {

class Interrupt;

// Documented in `hirestream --help`.
inline constexpr int kExitOk = 0;
inline constexpr int kExitDifference = 1;  // a difference was found, rejects remain, a check failed
inline constexpr int kExitUsage = 2;  // command line, settings, or something a person must change
inline constexpr int kExitUnreachable = 3;  // source or warehouse unreachable after retries
inline constexpr int kExitFenced = 4;       // another engine took over
inline constexpr int kExitBug = 70;         // the program is wrong
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitOutputClosed = 141;  // as after SIGPIPE

// kConfig, kRejected → 2 (operation "fence" → 4), kTransient → 3, kBug → 70.
int exit_code_of(const Error& error);

struct CommandContext {
  // Global options; final when an action runs.
  bool json = false;          // results on stdout as JSON
  bool quiet = false;         // no progress, no log below warning
  bool color_stdout = false;  // terminal, and NO_COLOR is not set
  bool color_stderr = false;
  bool progress = false;  // stderr is a terminal: a progress bar may be drawn there
  std::string log_level = "info";
  std::string log_format = "text";
  std::string config_file;  // --config; empty: none

  std::shared_ptr<spdlog::logger> log;  // to stderr; never null in an action
  Interrupt* interrupt = nullptr;       // cli/interrupt.h; never null in an action
  CLI::App* app = nullptr;              // the root, for `completion` and `man`

  std::function<Result<int>(CommandContext&)> action;  // set by the chosen subcommand
};

// The log as the context's options want it.
std::shared_ptr<spdlog::logger> make_context_logger(const CommandContext& context);

void add_run_command(CLI::App& app, CommandContext& context);
void add_init_command(CLI::App& app, CommandContext& context);
void add_doctor_command(CLI::App& app, CommandContext& context);
void add_verify_command(CLI::App& app, CommandContext& context);
void add_publish_command(CLI::App& app, CommandContext& context);
void add_adopt_command(CLI::App& app, CommandContext& context);
void add_rebuild_command(CLI::App& app, CommandContext& context);
void add_mirror_command(CLI::App& app, CommandContext& context);
void add_migrate_command(CLI::App& app, CommandContext& context);
void add_rejects_command(CLI::App& app, CommandContext& context);
void add_sources_command(CLI::App& app, CommandContext& context);  // and its other name, status
void add_completion_command(CLI::App& app, CommandContext& context);
void add_config_command(CLI::App& app, CommandContext& context);
void add_man_command(CLI::App& app, CommandContext& context);
void add_generate_command(CLI::App& app, CommandContext& context);
void add_import_command(CLI::App& app, CommandContext& context);
void add_demo_command(CLI::App& app, CommandContext& context);
void add_dashboard_command(CLI::App& app, CommandContext& context);
void add_healthcheck_command(CLI::App& app, CommandContext& context);

}  // namespace hirestream
