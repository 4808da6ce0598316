// Input: one byte that chooses a setting of the table, then its value as text.
#include <algorithm>
#include <string>

#include "config/setting_table.h"
#include "config/values.h"
#include "fuzz/fuzz_target.h"
#include "model/text.h"

namespace hirestream {
namespace {

void check_values(std::string_view text) {
  if (const auto us = parse_duration(text)) {
    FUZZ_REQUIRE(*us >= 0);
    FUZZ_REQUIRE(parse_duration(format_duration(*us)) == us);
  }
  if (const auto shards = parse_shards(text)) {
    FUZZ_REQUIRE(std::is_sorted(shards->begin(), shards->end()));
    FUZZ_REQUIRE(std::adjacent_find(shards->begin(), shards->end()) == shards->end());
    FUZZ_REQUIRE(shards->empty() || (shards->front() >= 0 && shards->back() < 4096));
    FUZZ_REQUIRE(parse_shards(format_shards(*shards)) == shards);
  }
  if (const auto number = parse_int64(text)) {
    FUZZ_REQUIRE(parse_int64(std::to_string(*number)) == number);
  }
  const std::vector<std::string> parts = split_list(text);
  FUZZ_REQUIRE(parts.empty() == trim(text).empty());
  for (const std::string& part : parts) {
    FUZZ_REQUIRE(part == trim(part) && part.find(',') == part.npos);
  }
}

void require_allowed(const Setting& setting, const SettingValue& value) {
  const auto in_range = [&](int64_t number) {
    FUZZ_REQUIRE(number >= setting.min && number <= setting.max);
  };
  const auto one_of_choices = [&](const std::string& text) {
    FUZZ_REQUIRE(std::find(setting.choices.begin(), setting.choices.end(), text) !=
                 setting.choices.end());
  };
  switch (setting.type) {
    case SettingType::kInteger:
    case SettingType::kDuration:
      in_range(std::get<int64_t>(value));
      break;
    case SettingType::kDurationList:
      for (const int64_t number : std::get<std::vector<int64_t>>(value)) in_range(number);
      break;
    case SettingType::kBool:
      FUZZ_REQUIRE(std::get<int64_t>(value) == 0 || std::get<int64_t>(value) == 1);
      break;
    case SettingType::kChoice:
      one_of_choices(std::get<std::string>(value));
      break;
    case SettingType::kMapping:
      for (const auto& [key, kind] : std::get<std::map<std::string, std::string>>(value)) {
        one_of_choices(kind);
      }
      break;
    default:
      break;
  }
}

}  // namespace

void fuzz_setting_value(Bytes input) {
  InputReader reader(input);
  const auto table = setting_table();
  const Setting& setting = table[reader.byte() % table.size()];
  const std::string_view text = as_text(reader.rest());
  check_values(text);
  auto value = read_setting(setting, text);
  if (!value) {
    FUZZ_REQUIRE(value.error().kind == ErrorKind::kConfig);
    FUZZ_REQUIRE(!value.error().message.empty());
    return;
  }
  require_allowed(setting, *value);
  Settings settings;
  SourceSettings source;
  setting.store(settings, source, std::move(*value));
}

}  // namespace hirestream
