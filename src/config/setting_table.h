// The table of settings: one row each. See settings.h.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.h"

namespace hirestream {

enum class SettingType {
  kText,
  kBool,
  kInteger,
  kDuration,
  kDurationList,
  kChoice,
  kShards,
  kTimestamp,
  kTimeZone,
  kSourceUri,
  kWarehouseUri,
  kJobsUri,
  kMapping,      // text → one of `choices`
  kColumnNames,  // one of `choices` → text
};

// A read value: microseconds, numbers and booleans as integers.
using SettingValue =
    std::variant<std::string, int64_t, std::vector<int64_t>, std::map<std::string, std::string>>;

struct Setting {
  std::string_view section;
  std::string_view key;
  std::string_view option;  // on the command line: "--poll-interval"
  SettingType type = SettingType::kText;
  std::string_view fallback;  // default, as text; empty: not set
  int64_t min = 0;            // kInteger, kDuration(List)
  int64_t max = 0;
  std::vector<std::string> choices;  // kChoice, kMapping, kColumnNames
  std::string_view help;
  // Stores into settings, or for section "source" into `source`.
  void (*store)(Settings& settings, SourceSettings& source, SettingValue&& value) = nullptr;

  std::string name() const;         // "engine.poll_interval"
  std::string environment() const;  // "HIRESTREAM_ENGINE_POLL_INTERVAL"
  std::string allowed() const;      // for error messages and the reference
  bool is_flag() const { return type == SettingType::kBool; }
};

std::span<const Setting> setting_table();
const Setting* find_setting(std::string_view name);
// Reads a text as this setting's type. The error's message names value and what is allowed;
// operation and subject are the caller's.
Result<SettingValue> read_setting(const Setting& setting, std::string_view text);
// Adds one pair of a kMapping or of kColumnNames; the same error where it contradicts those that
// are there.
Result<void> add_pair(const Setting& setting, std::string_view left, std::string_view right,
                      std::map<std::string, std::string>& pairs);
// docs/configuration.md
std::string configuration_reference();

}  // namespace hirestream
