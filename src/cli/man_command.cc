#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/manual_page.h"
#include "cli/product_version.h"

namespace hirestream {

void add_man_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page");
  command->footer(
      "Examples:\n"
      "  hirestream man | man -l -\n"
      "  hirestream man > /usr/local/share/man/man1/hirestream.1");
  command->callback([&context] {
    context.action = [](CommandContext& c) -> Result<int> {
      const std::string version = fmt::format("hirestream {}", product_version());
      std::fputs(manual_page(*c.app, version).c_str(), stdout);
      return kExitOk;
    };
  });
}

}  // namespace hirestream
