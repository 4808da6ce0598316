#include "config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

// Its assertions would stop a debug build at files that it otherwise refuses with an error:
// "[\x18]".
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

#include "config/setting_table.h"
#include "config/suggestion.h"
#include "config/toml_characters.h"
#include "config/values.h"
#include "model/text.h"

namespace hirestream {
namespace {

tl::unexpected<Error> error_at(const std::string& where, std::string message,
                               std::string hint = {}) {
  return fail(ErrorKind::kConfig, "read settings", where, std::move(message), std::move(hint));
}

// A URI's error names the URI; every other one is about a value already quoted in its message.
tl::unexpected<Error> value_error(const std::string& where, const std::string& key, Error error) {
  std::string message = key.empty() ? "" : key + ": ";
  if (error.operation == "read URI" && !error.subject.empty()) {
    message += fmt::format("'{}': ", error.subject);
  }
  return error_at(where, message + error.message, std::move(error.hint));
}

// As the text that the environment or an option would hold; nothing: it is no scalar.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* value = node.as_string()) {
    return restore_characters(value->get());
  }
  if (const auto* value = node.as_boolean()) {
    return value->get() ? "true" : "false";
  }
  if (const auto* value = node.as_integer()) {
    return std::to_string(value->get());
  }
  std::ostringstream out;
  if (const auto* value = node.as_floating_point()) {
    out << *value;
  } else if (const auto* date = node.as_date()) {
    out << *date;
  } else if (const auto* date_time = node.as_date_time()) {
    out << *date_time;
  } else {
    return std::nullopt;
  }
  return out.str();
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string name_of(const toml::key& key) {
  return restore_characters(key.str());
}

bool belongs_to_one_source(const Setting& setting) {
  return setting.key == "uri" || setting.key == "name" || setting.key == "shards";
}

class SettingsLoader {
 public:
  // `faults`: where each is noted, after which reading goes on; null: the first ends it.
  explicit SettingsLoader(const SettingsInput& input, std::vector<Error>* faults = nullptr)
      : input_(input), faults_(faults) {}

  Result<Settings> load() {
    load_defaults();
    if (!input_.file.empty()) {
      HIRESTREAM_TRY(noted(load_file()));
    }
    HIRESTREAM_TRY(load_environment());
    HIRESTREAM_TRY(load_options());
    HIRESTREAM_TRY(complete());
    return std::move(settings_);
  }

 private:
  Result<void> noted(Result<void> outcome) {
    if (outcome || faults_ == nullptr) {
      return outcome;
    }
    faults_->push_back(std::move(outcome).error());
    return {};
  }

  void load_defaults() {
    settings_.sources.resize(1);
    for (const Setting& setting : setting_table()) {
      if (!setting.fallback.empty()) {
        auto value = read_setting(setting, setting.fallback);
        HIRESTREAM_CHECK(value.has_value());
        setting.store(settings_, settings_.sources.front(), std::move(*value));
      }
    }
    default_source_ = settings_.sources.front();
  }

  // --- file

  std::string line_of(const toml::node& node) const {
    return fmt::format("{}:{}", input_.file, node.source().begin.line);
  }

  Result<void> load_file() {
    std::error_code ignored;
    if (std::filesystem::is_directory(input_.file, ignored)) {
      return error_at(input_.file, "this is a directory, not a file");
    }
    std::ifstream file(input_.file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file) {
      return error_at(input_.file, "the file could not be read");
    }
    toml::table root;
    try {
      root = toml::parse(shield_characters(text));
    } catch (const toml::parse_error& error) {
      const auto line = error.source().begin.line;
      const std::string message = restore_characters(error.description());
      return error_at(line > 0 ? fmt::format("{}:{}", input_.file, line) : input_.file, message,
                      is_ascii(message) ? "" : "text beyond ASCII stands in quotes");
    }
    std::set<std::string> sections;
    for (const Setting& setting : setting_table()) {
      sections.emplace(setting.section);
    }
    const std::vector<std::string> names(sections.begin(), sections.end());
    for (const auto& [key, node] : root) {
      HIRESTREAM_TRY(noted(load_top(name_of(key), node, names)));
    }
    return {};
  }

  // What stands at the file's top level.
  Result<void> load_top(const std::string& section, const toml::node& node,
                        const std::vector<std::string>& sections) {
    if (std::ranges::find(sections, section) == sections.end()) {
      return error_at(line_of(node), fmt::format("unknown section [{}]", section),
                      suggest(section, sections));
    }
    if (section == "source" && node.is_array_of_tables()) {
      return load_source_list(*node.as_array());
    }
    if (!node.is_table()) {
      return error_at(line_of(node), fmt::format("'{}' must be a section: [{}]", section, section));
    }
    return load_section(section, *node.as_table(), settings_.sources.front());
  }

  Result<void> load_source_list(const toml::array& list) {
    settings_.sources.assign(list.size(), default_source_);
    for (size_t i = 0; i < list.size(); ++i) {
      HIRESTREAM_TRY(load_section("source", *list[i].as_table(), settings_.sources[i]));
    }
    return {};
  }

  Result<void> load_section(const std::string& section, const toml::table& table,
                            SourceSettings& source) {
    std::vector<std::string> keys;
    for (const Setting& setting : setting_table()) {
      if (setting.section == section) {
        keys.emplace_back(setting.key);
      }
    }
    for (const auto& [key, node] : table) {
      const std::string key_name = name_of(key);
      const Setting* setting = find_setting(fmt::format("{}.{}", section, key_name));
      HIRESTREAM_TRY(noted(setting == nullptr ? refuse_key(section, key_name, keys, node)
                                              : load_key(*setting, node, source)));
    }
    return {};
  }

  Result<void> refuse_key(const std::string& section, const std::string& key,
                          const std::vector<std::string>& keys, const toml::node& node) const {
    const bool secret = key.find("password") != std::string::npos;
    return error_at(line_of(node), fmt::format("unknown key '{}.{}'", section, key),
                    secret ? "passwords come from the environment or a file only: "
                             "HIRESTREAM_MYSQL_PASSWORD, HIRESTREAM_CASSANDRA_PASSWORD_FILE, …"
                           : suggest(key, keys));
  }

  Result<void> load_key(const Setting& setting, const toml::node& node, SourceSettings& source) {
    const bool is_mapping =
        setting.type == SettingType::kMapping || setting.type == SettingType::kColumnNames;
    if (is_mapping && node.is_table()) {
      return load_mapping(setting, *node.as_table(), source);
    }
    const auto* list = node.as_array();
    HIRESTREAM_ASSIGN(const std::string text, list != nullptr
                                                  ? text_of_list(*list, setting)
                                                  : text_of(node, setting, setting.name()));
    return store(setting, text, line_of(node), setting.name(), source);
  }

  Result<std::string> text_of(const toml::node& node, const Setting& setting,
                              const std::string& shown_key) const {
    if (auto text = scalar_text(node)) {
      return std::move(*text);
    }
    return error_at(line_of(node),
                    fmt::format("{}: a value of this type is not allowed", shown_key),
                    fmt::format("allowed: {}", setting.allowed()));
  }

  // Separated by commas, as elsewhere.
  Result<std::string> text_of_list(const toml::array& list, const Setting& setting) const {
    std::vector<std::string> entries;
    for (const toml::node& node : list) {
      HIRESTREAM_ASSIGN(entries.emplace_back(), text_of(node, setting, setting.name()));
      if (entries.back().find(',') != std::string::npos) {
        return error_at(line_of(node),
                        fmt::format("{}: '{}' is not allowed: a comma ends an entry of a list",
                                    setting.name(), entries.back()),
                        "allowed: entries without commas, as ['a', 'b']");
      }
    }
    return fmt::format("{}", fmt::join(entries, ","));
  }

  Result<void> load_mapping(const Setting& setting, const toml::table& table,
                            SourceSettings& source) {
    std::map<std::string, std::string> pairs;
    for (const auto& [key, node] : table) {
      const std::string place = fmt::format("{}.{}", setting.name(), name_of(key));
      HIRESTREAM_ASSIGN(const std::string text, text_of(node, setting, place));
      auto added = add_pair(setting, name_of(key), text, pairs);
      if (!added) {
        return value_error(line_of(node), place, std::move(added).error());
      }
    }
    settings_.origins[setting.name()] = line_of(table);
    setting.store(settings_, source, SettingValue(std::move(pairs)));
    return {};
  }

  Result<void> store(const Setting& setting, const std::string& text, const std::string& where,
                     const std::string& shown_key, SourceSettings& source) {
    auto value = read_setting(setting, text);
    if (!value) {
      return value_error(where, shown_key, std::move(value).error());
    }
    settings_.origins[setting.name()] = where;
    setting.store(settings_, source, std::move(*value));
    return {};
  }

  // --- environment and options

  Result<void> store_for_all(const Setting& setting, const std::string& text,
                             const std::string& where) {
    if (setting.section == "source" && belongs_to_one_source(setting) &&
        settings_.sources.size() > 1) {
      return error_at(where,
                      fmt::format("there are {} sources, and each has its own {}",
                                  settings_.sources.size(), setting.key),
                      fmt::format("set it in the [[source]] sections of {}", input_.file));
    }
    for (SourceSettings& source : settings_.sources) {
      HIRESTREAM_TRY(store(setting, text, where, {}, source));
    }
    return store(setting, text, where, {}, default_source_);
  }

  Result<void> load_environment() {
    std::set<std::string> known = {"HIRESTREAM_CONFIG"};
    for (const char* service : {"CASSANDRA", "MYSQL", "JOBS"}) {
      known.insert(fmt::format("HIRESTREAM_{}_PASSWORD", service));
      known.insert(fmt::format("HIRESTREAM_{}_PASSWORD_FILE", service));
    }
    known.insert({"HIRESTREAM_HTTP_TOKEN", "HIRESTREAM_HTTP_TOKEN_FILE"});
    for (const Setting& setting : setting_table()) {
      known.insert(setting.environment());
      const auto found = input_.environment.find(setting.environment());
      // An option that names the source makes the environment's word on it moot, even where it
      // could not be applied.
      const bool moot = setting.name() == "source.uri" && given("source.uri") > 0;
      if (found != input_.environment.end() && !moot) {
        HIRESTREAM_TRY(noted(store_for_all(setting, found->second, "environment " + found->first)));
      }
    }
    const std::vector<std::string> names(known.begin(), known.end());
    for (const auto& [variable, value] : input_.environment) {
      if (known.contains(variable) || variable.starts_with("HIRESTREAM_TEST_")) {
        continue;
      }
      // Orchestrators set variables like HIRESTREAM_SERVICE_HOST: only what looks like ours is
      // refused.
      const std::string near = nearest_word(variable, names);
      if (has_section(variable) || (!near.empty() && edit_distance(variable, near) <= 2)) {
        HIRESTREAM_TRY(noted(
            error_at("environment " + variable, "unknown setting",
                     near.empty() ? "`hirestream run --print-configuration-reference` lists them"
                                  : fmt::format("did you mean '{}'?", near))));
      }
    }
    return {};
  }

  static bool has_section(const std::string& variable) {
    for (const Setting& setting : setting_table()) {
      const std::string name = setting.environment();
      const size_t length = std::string_view("HIRESTREAM_").size() + setting.section.size() + 1;
      if (variable.compare(0, length, name, 0, length) == 0) {
        return true;
      }
    }
    return false;
  }

  size_t given(std::string_view name) const {
    size_t count = 0;
    for (const auto& option : input_.options) {
      count += option.first == name ? 1 : 0;
    }
    return count;
  }

  Result<void> load_options() {
    if (const size_t count = given("source.uri"); count > 0) {
      SourceSettings base =
          settings_.sources.size() == 1 ? settings_.sources.front() : default_source_;
      if (count > 1) {
        base.name.clear();
      }
      settings_.sources.assign(count, base);
    }
    size_t next_source = 0;
    for (const auto& [name, text] : input_.options) {
      const Setting* setting = find_setting(name);
      HIRESTREAM_CHECK(setting != nullptr);
      const std::string where = fmt::format("option {}", setting->option);
      if (name == "source.uri") {
        HIRESTREAM_TRY(noted(store(*setting, text, where, {}, settings_.sources[next_source++])));
      } else {
        HIRESTREAM_TRY(noted(store_for_all(*setting, text, where)));
      }
    }
    return {};
  }

  // --- what follows from the settings

  Result<void> complete() {
    std::set<std::string> names;
    for (SourceSettings& source : settings_.sources) {
      HIRESTREAM_TRY(noted(complete_source(source, names)));
    }
    HIRESTREAM_TRY(noted(read_token_into(settings_.http.token)));
    HIRESTREAM_TRY(noted(complete_warehouse()));
    return noted(complete_jobs());
  }

  Result<void> complete_source(SourceSettings& source, std::set<std::string>& names) const {
    if (source.uri_text.empty()) {
      return {};
    }
    HIRESTREAM_ASSIGN(source.uri, parse_uri(source.uri_text, UriRole::kSource));
    if (source.name.empty()) {
      // A path may have any bytes; a name is stored, and a label of metrics.
      source.name = storable_text(source.uri->name(), SIZE_MAX);
    }
    if (storable_text(source.name, SIZE_MAX) != source.name) {
      return error_at(place_of("source.name"),
                      fmt::format("the name '{}' is no text in UTF-8", source.name),
                      "it is stored, and a label of metrics: give one in UTF-8");
    }
    if (!names.insert(source.name).second) {
      return error_at(source.name, "two sources have this name", "give each its own name");
    }
    return source.uri->scheme == Scheme::kCassandra
               ? read_secret_into(source.password, "HIRESTREAM_CASSANDRA_PASSWORD")
               : Result<void>();
  }

  std::string place_of(const std::string& name) const {
    const auto origin = settings_.origins.find(name);
    return origin == settings_.origins.end() ? "" : origin->second;
  }

  Result<void> complete_warehouse() {
    if (settings_.warehouse.uri_text.empty()) {
      return {};
    }
    HIRESTREAM_ASSIGN(settings_.warehouse.uri,
                      parse_uri(settings_.warehouse.uri_text, UriRole::kWarehouse));
    return read_secret_into(settings_.warehouse.password, "HIRESTREAM_MYSQL_PASSWORD");
  }

  Result<void> complete_jobs() {
    if (settings_.jobs.uri_text.empty()) {
      return {};
    }
    HIRESTREAM_ASSIGN(settings_.jobs.uri, parse_uri(settings_.jobs.uri_text, UriRole::kJobs));
    HIRESTREAM_TRY(read_secret_into(settings_.jobs.password, "HIRESTREAM_JOBS_PASSWORD"));
    return settings_.jobs.password.text.empty()
               ? read_secret_into(settings_.jobs.password, "HIRESTREAM_MYSQL_PASSWORD")
               : Result<void>();
  }

  Result<void> read_token_into(std::string& field) const {
    HIRESTREAM_ASSIGN(field, read_token(input_.environment, "HIRESTREAM_HTTP_TOKEN"));
    return {};
  }

  Result<void> read_secret_into(Secret& field, const std::string& variable) const {
    HIRESTREAM_ASSIGN(field, read_lasting_secret(input_.environment, variable));
    return {};
  }

  const SettingsInput& input_;
  std::vector<Error>* faults_;
  Settings settings_;
  SourceSettings default_source_;
};

}  // namespace

Result<Settings> load_settings(const SettingsInput& input) {
  return SettingsLoader(input).load();
}

CheckedSettings check_settings(const SettingsInput& input) {
  CheckedSettings checked;
  auto settings = SettingsLoader(input, &checked.faults).load();
  HIRESTREAM_CHECK(settings.has_value());
  checked.settings = std::move(*settings);
  return checked;
}

}  // namespace hirestream
