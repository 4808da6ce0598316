#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/completion_script.h"

namespace hirestream {

void add_completion_command(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes hirestream's command line");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n"
      "  hirestream completion bash > /etc/bash_completion.d/hirestream\n"
      "  hirestream completion zsh > \"${fpath[1]}/_hirestream\"\n"
      "  hirestream completion fish > ~/.config/fish/completions/hirestream.fish");
  command->callback([shell, &context] {
    context.action = [shell](CommandContext& c) -> Result<int> {
      std::fputs(completion_script(*c.app, *shell).c_str(), stdout);
      return kExitOk;
    };
  });
}

}  // namespace hirestream
