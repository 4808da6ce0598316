#include "cli/raw_row_options.h"

#include <CLI/CLI.hpp>

#include <utility>

#include "cli/engine_options.h"
#include "config/setting_table.h"
#include "config/settings.h"

namespace hirestream {

RawRowOptions::RawRowOptions()
    : null_words(find_setting("source.null_words")->fallback),
      event_time(find_setting("source.event_time")->fallback) {}

void RawRowOptions::add_to(CLI::App& command) {
  command
      .add_option("--source-timezone", source_timezone,
                  "Of ts without offset, where the raw log stores instants")
      ->type_name("ZONE")
      ->capture_default_str();
  const auto add = [&command](std::string& text, const char* name) {
    const Setting& setting = *find_setting(name);
    command.add_option(std::string(setting.option), text, std::string(setting.help))
        ->type_name("TEXT");
  };
  add(columns, "source.columns");
  add(null_words, "source.null_words");
  add(event_time, "source.event_time");
}

Result<ReadingRules> RawRowOptions::read(const std::string& operation) const {
  Settings settings;
  SourceSettings source;
  source.source_timezone = source_timezone;
  for (const auto& [name, text] :
       {std::pair{"source.columns", &columns}, std::pair{"source.null_words", &null_words},
        std::pair{"source.event_time", &event_time}}) {
    const Setting& setting = *find_setting(name);
    auto value = read_setting(setting, *text);
    if (!value) {
      Error error = std::move(value).error();
      error.operation = operation;
      error.subject = setting.option;
      return forward(std::move(error));
    }
    setting.store(settings, source, std::move(*value));
  }
  return reading_rules(source);
}

}  // namespace hirestream
