#include "config/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/text.h"

namespace hirestream {
namespace {

struct Unit {
  std::string_view name;
  int64_t us;
};
// Longest first, for format_duration.
constexpr std::array kUnits = {
    Unit{"d", 86'400'000'000}, Unit{"h", 3'600'000'000}, Unit{"min", 60'000'000},
    Unit{"s", 1'000'000},      Unit{"ms", 1'000},        Unit{"us", 1},
};
constexpr double kDurationMaxUs = 9e17;  // 28 thousand years
constexpr int32_t kShardMax = 4095;

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  if (trim(text).empty()) {
    return parts;
  }
  while (true) {
    const size_t comma = text.find(',');
    parts.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

std::optional<int64_t> parse_duration(std::string_view text) {
  text = trim(text);
  if (text == "0") {
    return 0;
  }
  const size_t unit_at = text.find_first_not_of("0123456789.");
  if (unit_at == 0 || unit_at == std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + unit_at, value);
  if (code != std::errc() || end != text.data() + unit_at) {
    return std::nullopt;
  }
  for (const Unit& unit : kUnits) {
    if (trim(text.substr(unit_at)) == unit.name) {
      const double us = value * static_cast<double>(unit.us);
      if (us > kDurationMaxUs) {
        return std::nullopt;
      }
      return std::llround(us);
    }
  }
  return std::nullopt;
}

std::string format_duration(int64_t us) {
  if (us == 0) {
    return "0";
  }
  for (const Unit& unit : kUnits) {
    if (us % unit.us == 0) {
      return fmt::format("{}{}", us / unit.us, unit.name);
    }
  }
  return fmt::format("{}us", us);
}

std::optional<int64_t> parse_int64(std::string_view text) {
  std::string digits;
  for (const char c : trim(text)) {
    if (c != '_') {
      digits.push_back(c);
    }
  }
  if (digits.starts_with('+')) {
    digits.erase(0, 1);
  }
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || code != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

std::optional<bool> parse_bool(std::string_view text) {
  text = trim(text);
  if (text == "true" || text == "yes" || text == "on" || text == "1") {
    return true;
  }
  if (text == "false" || text == "no" || text == "off" || text == "0") {
    return false;
  }
  return std::nullopt;
}

std::optional<std::vector<int32_t>> parse_shards(std::string_view text) {
  std::vector<int32_t> shards;
  for (const std::string& part : split_list(text)) {
    const size_t dash = part.find('-', 1);
    const auto first = parse_int64(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_int64(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last > kShardMax || *first > *last) {
      return std::nullopt;
    }
    for (int64_t shard = *first; shard <= *last; ++shard) {
      shards.push_back(static_cast<int32_t>(shard));
    }
  }
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

std::string format_shards(const std::vector<int32_t>& shards) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < shards.size();) {
    size_t end = i;
    while (end + 1 < shards.size() && shards[end + 1] == shards[end] + 1) {
      ++end;
    }
    parts.push_back(end == i ? std::to_string(shards[i])
                             : fmt::format("{}-{}", shards[i], shards[end]));
    i = end + 1;
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace hirestream
