// Settings as options of a subcommand. Adds an option for each row of the setting table
// (config/setting_table.h) that a command wants, remembers which were given, and loads the settings
// from options, environment and file.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "config/settings.h"

namespace hirestream {

class SettingOptions {
 public:
  // Each word is a section ("engine") or one setting ("source.uri"). The object must live as long
  // as the command.
  void add(CLI::App& command, std::initializer_list<std::string_view> selection);

  // Also brings the log into the form the settings ask for.
  Result<Settings> load(CommandContext& context) const;
  // Everything that load would refuse; the log stays as it is.
  CheckedSettings check(const CommandContext& context) const;
  // That one setting, whatever is wrong with others: what is wrong with the file is in the faults.
  // No password is read.
  CheckedSettings check_one(std::string_view name, const CommandContext& context) const;

 private:
  SettingsInput input(const CommandContext& context) const;
  void add_one(CLI::App& command, const struct Setting& setting);

  struct Given {
    std::vector<std::string> texts;  // source.uri may come several times
    bool flag = false;
  };
  std::map<std::string, Given> given_;  // by full name; nodes stay where they are
};

// The message when a command needs what nobody gave.
Result<void> require_sources(const Settings& settings);
Result<void> require_warehouse(const Settings& settings);

}  // namespace hirestream
