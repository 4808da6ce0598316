#include "cli/setting_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

#include "config/setting_table.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

std::string type_name(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kDuration:
      return "DURATION";
    case SettingType::kDurationList:
      return "DURATION,…";
    case SettingType::kInteger:
      return "N";
    case SettingType::kChoice:
      return setting.allowed().find(", ") == std::string::npos
                 ? "WORD"
                 : fmt::format("{}", fmt::join(setting.choices, "|"));
    case SettingType::kShards:
      return "0-3,6";
    case SettingType::kTimestamp:
      return "TIME";
    case SettingType::kTimeZone:
      return "ZONE";
    case SettingType::kSourceUri:
    case SettingType::kWarehouseUri:
    case SettingType::kJobsUri:
      return "URI";
    case SettingType::kMapping:
      return "VALUE=KIND,…";
    default:
      return "TEXT";
  }
}

std::string description(const Setting& setting) {
  std::string out(setting.help);
  std::erase(out, '`');
  if (!setting.fallback.empty() && !setting.is_flag()) {
    out += fmt::format(" [{}]", setting.fallback);
  }
  return out;
}

std::string group_name(std::string_view section) {
  return section == "source"      ? "Source"
         : section == "warehouse" ? "Warehouse"
         : section == "jobs"      ? "Jobs"
         : section == "counting"  ? "Counting"
         : section == "engine"    ? "Engine"
         : section == "http"      ? "HTTP"
                                  : "Options";
}

// Options that change nothing beside the other settings. What a file or the environment says may
// stand there for other commands.
Result<void> check_effects(const Settings& settings) {
  const auto refuse_unless = [&](bool has_effect, std::string_view name,
                                 const std::string& needs) -> Result<void> {
    const std::string option(find_setting(name)->option);
    const auto origin = settings.origins.find(std::string(name));
    if (has_effect || origin == settings.origins.end() || origin->second != "option " + option) {
      return {};
    }
    return fail(ErrorKind::kConfig, "read options", option, "it has no effect without " + needs,
                fmt::format("add {}, or leave {} out", needs, option));
  };
  HIRESTREAM_TRY(
      refuse_unless(settings.engine.allow_shrink, "engine.allow_shrink_expired", "--allow-shrink"));
  HIRESTREAM_TRY(refuse_unless(settings.run.standby || settings.run.share, "run.lease",
                               "--standby or --share"));
  const bool reads_csv = std::ranges::any_of(settings.sources, [](const SourceSettings& source) {
    return !source.uri || source.uri->scheme == Scheme::kCsv;
  });
  for (const std::string_view name :
       {"source.csv_escape", "source.csv_delimiter", "source.csv_header"}) {
    HIRESTREAM_TRY(refuse_unless(reads_csv, name, "a source csv:PATH"));
  }
  return {};
}

}  // namespace

void SettingOptions::add(CLI::App& command, std::initializer_list<std::string_view> selection) {
  for (const Setting& setting : setting_table()) {
    for (const std::string_view word : selection) {
      if (word == setting.section || word == setting.name()) {
        add_one(command, setting);
        break;
      }
    }
  }
}

void SettingOptions::add_one(CLI::App& command, const Setting& setting) {
  Given& given = given_[setting.name()];
  const std::string option(setting.option);
  const std::string group = group_name(setting.section);
  if (setting.is_flag()) {
    command.add_flag(option, given.flag, description(setting))->group(group);
    return;
  }
  CLI::Option* added = command.add_option(option, given.texts, description(setting))
                           ->group(group)
                           ->type_name(type_name(setting))
                           ->type_size(1)
                           ->allow_extra_args(false);
  if (setting.name() != "source.uri") {
    added->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

SettingsInput SettingOptions::input(const CommandContext& context) const {
  SettingsInput input;
  input.environment = process_environment();
  input.file = context.config_file;
  if (input.file.empty() && input.environment.contains("HIRESTREAM_CONFIG")) {
    input.file = input.environment.at("HIRESTREAM_CONFIG");
  }
  for (const auto& [name, given] : given_) {
    if (given.flag) {
      input.options.emplace_back(name, "true");
    }
    for (const std::string& text : given.texts) {
      input.options.emplace_back(name, text);
    }
  }
  if (context.app->count("--log-level") > 0) {
    input.options.emplace_back("log.level", context.log_level);
  }
  if (context.app->count("--log-format") > 0) {
    input.options.emplace_back("log.format", context.log_format);
  }
  return input;
}

CheckedSettings SettingOptions::check(const CommandContext& context) const {
  CheckedSettings checked = check_settings(input(context));
  if (auto effects = check_effects(checked.settings); !effects) {
    checked.faults.push_back(std::move(effects).error());
  }
  return checked;
}

CheckedSettings SettingOptions::check_one(std::string_view name,
                                          const CommandContext& context) const {
  SettingsInput asked = input(context);
  std::erase_if(asked.environment, [variable = find_setting(name)->environment()](
                                       const auto& entry) { return entry.first != variable; });
  std::erase_if(asked.options, [&](const auto& option) { return option.first != name; });
  return check_settings(asked);
}

Result<Settings> SettingOptions::load(CommandContext& context) const {
  HIRESTREAM_ASSIGN(Settings settings, load_settings(input(context)));
  HIRESTREAM_TRY(check_effects(settings));
  if (settings.log.level != context.log_level || settings.log.format != context.log_format) {
    context.log_level = settings.log.level;
    context.log_format = settings.log.format;
    context.log = make_context_logger(context);
  }
  return settings;
}

Result<void> require_sources(const Settings& settings) {
  for (const SourceSettings& source : settings.sources) {
    if (!source.uri) {
      return fail(ErrorKind::kConfig, "read settings", {}, "no source given",
                  "--source URI, HIRESTREAM_SOURCE_URI, or uri in [source] of --config FILE");
    }
  }
  return {};
}

Result<void> require_warehouse(const Settings& settings) {
  if (!settings.warehouse.uri) {
    return fail(
        ErrorKind::kConfig, "read settings", {}, "no warehouse given",
        "--warehouse URI, HIRESTREAM_WAREHOUSE_URI, or uri in [warehouse] of --config FILE");
  }
  return {};
}

}  // namespace hirestream
