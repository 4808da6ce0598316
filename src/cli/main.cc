#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "cli/commands.h"
#include "cli/error_printer.h"
#include "cli/interrupt.h"
#include "cli/product_version.h"
#include "config/suggestion.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

constexpr const char* kDescription =
    "hirestream keeps an hourly table of clicks, impressions and applications equal to a full\n"
    "recount of the raw tracking log, a fraction of a second behind it.";

constexpr const char* kFooter = R"(Exit codes:
    0  done
    1  a difference was found, rejected rows remain, or a check failed
    2  the command line, a setting or something else a person must change
    3  source or warehouse unreachable after retries, or a port is taken
    4  fenced: another engine took over
   70  a bug
  130  interrupted
  141  whoever read the output closed it (as `| head` does)

Settings come from options, the environment (HIRESTREAM_<SECTION>_<KEY>) and --config FILE; see docs/configuration.md.
Passwords come from the environment or files only: HIRESTREAM_CASSANDRA_PASSWORD, HIRESTREAM_MYSQL_PASSWORD,
HIRESTREAM_JOBS_PASSWORD, each also with _FILE; so does the token of the HTTP server, HIRESTREAM_HTTP_TOKEN.)";

void add_global_options(CLI::App& app, CommandContext& context) {
  app.set_version_flag(
      "--version", fmt::format("hirestream {} (commit {})", product_version(), product_commit()));
  app.add_flag("--json", context.json, "Print results as JSON");
  app.add_flag("-q,--quiet", context.quiet, "No progress, no log below warnings");
  app.add_option("--log-level", context.log_level, "debug, info, warning, error or off [info]")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}));
  app.add_option("--log-format", context.log_format, "text or json, to stderr [text]")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--config", context.config_file, "Settings as TOML (else HIRESTREAM_CONFIG)")
      ->type_name("FILE");
}

void add_commands(CLI::App& app, CommandContext& context) {
  add_run_command(app, context);
  add_init_command(app, context);
  add_doctor_command(app, context);
  add_verify_command(app, context);
  add_publish_command(app, context);
  add_adopt_command(app, context);
  add_dashboard_command(app, context);
  add_healthcheck_command(app, context);
  add_config_command(app, context);
  add_sources_command(app, context);
  add_rejects_command(app, context);
  add_rebuild_command(app, context);
  add_migrate_command(app, context);
  add_import_command(app, context);
  add_mirror_command(app, context);
  add_generate_command(app, context);
  add_demo_command(app, context);
  add_completion_command(app, context);
  add_man_command(app, context);
}

// Options and subcommands that can stand where the command line went wrong.
std::vector<std::string> known_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* at = &app; at != nullptr;) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        words.push_back("--" + name);
      }
    }
    const auto chosen = at->get_subcommands();
    if (chosen.empty()) {
      for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
        words.push_back(command->get_name());
      }
    }
    at = chosen.empty() ? nullptr : chosen.front();
  }
  return words;
}

std::string chosen_name(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  return name;
}

int print_usage_error(const CLI::App& app, const CLI::ParseError& error,
                      const CommandContext& context) {
  Error shown{ErrorKind::kConfig, "read", "command line", error.what(),
              fmt::format("`{} --help` lists what is allowed", chosen_name(app))};
  const std::vector<std::string> words = known_words(app);
  const bool no_command = app.get_subcommands().empty();
  for (std::string word : app.remaining(true)) {
    word = word.substr(0, word.find('='));
    const bool option = word.starts_with('-');
    if (!option && !no_command) {
      continue;  // perhaps the value of an unknown option
    }
    shown.message = fmt::format("there is no {} '{}'", option ? "option" : "subcommand", word);
    if (const std::string near = nearest_word(word, words); !near.empty()) {
      shown.hint = fmt::format("did you mean '{}'?", near);
    }
    break;
  }
  print_error(shown, context);
  // Docker knows 0 and 1 of a health check alone.
  return app.got_subcommand("healthcheck") ? kExitDifference : kExitUsage;
}

// Nobody reads on, as after `| head`.
bool nobody_reads() {
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

// Not all of the output could be written. That nobody reads on is no failure, and nothing is said.
int end_of_output(int error_number, const CommandContext& context) {
  if (nobody_reads()) {
    return kExitOutputClosed;
  }
  print_error({ErrorKind::kConfig, "write", "standard output", std::strerror(error_number),
               "not all of the result was written"},
              context);
  return kExitUsage;
}

int run_action(CommandContext& context) {
  Result<int> code = 0;
  try {
    code = context.action(context);
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) {
      throw;
    }
    return end_of_output(error.code().value(), context);
  }
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  const int reason = errno;
  if (!code) {
    print_error(code.error(), context);
    return exit_code_of(code.error());
  }
  return written || *code != kExitOk ? *code : end_of_output(reason, context);
}

// What is made is not for everybody, and a crash leaves no memory behind: passwords are in it.
void protect_process() {
  umask(umask(0) | S_IWGRP | S_IRWXO);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // For systems that hand dumps to a program, whatever the limit.
  if (std::FILE* filter = std::fopen("/proc/self/coredump_filter", "w"); filter != nullptr) {
    std::fputs("0", filter);
    std::fclose(filter);
  }
}

int main_program(int argc, char** argv) {
  protect_process();
  CommandContext context;
  const bool no_color = std::getenv("NO_COLOR") != nullptr && *std::getenv("NO_COLOR") != '\0';
  const bool terminal = isatty(STDERR_FILENO) != 0;
  context.color_stdout = !no_color && isatty(STDOUT_FILENO) != 0;
  context.color_stderr = !no_color && terminal;

  CLI::App app(kDescription, "hirestream");
  context.app = &app;
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(38);
  app.footer(kFooter);
  add_global_options(app, context);
  add_commands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return print_usage_error(app, error, context);
  }
  Interrupt interrupt;
  context.interrupt = &interrupt;
  context.progress = terminal && !context.quiet;
  context.log = make_context_logger(context);
  return run_action(context);
}

}  // namespace
}  // namespace hirestream

int main(int argc, char** argv) {
  try {
    return hirestream::main_program(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bug: %s\n", error.what());
    return hirestream::kExitBug;
  }
}
