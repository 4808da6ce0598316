#include "http/query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int32_t kFirstHour = 0;
constexpr int32_t kDaysMax = 84'006;  // until 2199-12-31
constexpr size_t kIdsMax = 200;

tl::unexpected<Problem> bad(std::string parameter, std::string detail, std::string allowed) {
  return tl::unexpected(Problem{400, std::move(detail), std::move(parameter), std::move(allowed)});
}

template <typename Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

constexpr const char* kHourAllowed =
    "a full hour from 1970-01-01T00:00 to 2199-12-31T23:00, as 2026-03-01T09:00";
constexpr const char* kLastAllowed = "1 to 9999 hours or days, as 24h or 30d";

}  // namespace

Comparison compare_completed(HourRange range, int32_t now_hour) {
  const int32_t length = range.to - range.from;
  if (range.from >= now_hour) {
    const int32_t back = (range.to - now_hour + length - 1) / length * length;
    range = {range.from - back, range.to - back};
  }
  range.to = std::min(range.to, now_hour);
  return {range, {range.from - length, range.to - length}};
}

std::string format_hour(int32_t local_hour) {
  const CellKey key{.local_hour = local_hour};
  return fmt::format("{}T{:02}:00", format_date(key.days()), key.hour());
}

std::optional<int32_t> parse_hour(std::string_view text) {
  // Exactly this form: parse_timestamp alone takes more.
  if (text.size() != 16 || text[10] != 'T' || !text.ends_with(":00")) {
    return std::nullopt;
  }
  const auto parsed = parse_timestamp(std::string(text) + ":00");
  constexpr int64_t kHourUs = 3'600'000'000;
  if (!parsed || parsed->us < 0 || parsed->us >= int64_t{kDaysMax} * 24 * kHourUs) {
    return std::nullopt;
  }
  return static_cast<int32_t>(parsed->us / kHourUs);
}

std::string format_instant(int64_t us) {
  std::string text = format_timestamp_us(us) + "Z";
  text[10] = 'T';
  return text;
}

std::string format_cell_key(const CellKey& key) {
  return fmt::format("{}.{}.{}.{}.{}", key.local_hour, key.job_id, key.publisher_id,
                     key.campaign_id, key.group_id);
}

std::optional<CellKey> parse_cell_key(std::string_view text) {
  std::vector<int64_t> numbers;
  while (true) {
    const size_t point = text.find('.');
    const auto number = parse_number<int64_t>(text.substr(0, point));
    if (!number) {
      return std::nullopt;
    }
    numbers.push_back(*number);
    if (point == std::string_view::npos) {
      break;
    }
    text.remove_prefix(point + 1);
  }
  if (numbers.size() != 5 || numbers[0] < kFirstHour || numbers[0] >= kDaysMax * 24) {
    return std::nullopt;
  }
  return CellKey{static_cast<int32_t>(numbers[0]), numbers[1], numbers[2], numbers[3], numbers[4]};
}

Answer<Query> Query::read(const QueryParameters& given, std::vector<std::string_view> known) {
  Query query;
  std::sort(known.begin(), known.end());
  for (const auto& [name, value] : given) {
    if (!std::binary_search(known.begin(), known.end(), name)) {
      return bad(name, "there is no such parameter here",
                 known.empty() ? std::string("none") : fmt::format("{}", fmt::join(known, ", ")));
    }
    if (!query.values_.emplace(name, value).second) {
      return bad(name, "it is given twice", "once; ids are separated by commas");
    }
  }
  return query;
}

Answer<HourRange> Query::range(int32_t now_hour) const {
  if (has("from") || has("to")) {
    if (has("last")) {
      return bad("last", "it cannot stand beside from and to", "from and to, or last");
    }
    HourRange range;
    for (const auto& [name, hour] : {std::pair("from", &range.from), std::pair("to", &range.to)}) {
      if (!has(name)) {
        return bad(name, "from and to belong together", kHourAllowed);
      }
      const auto parsed = parse_hour(values_.at(name));
      if (!parsed) {
        return bad(name, fmt::format("'{}' is no hour", values_.at(name)), kHourAllowed);
      }
      *hour = *parsed;
    }
    if (range.from >= range.to) {
      return bad("to", "the range is empty", "an hour after from");
    }
    return range;
  }
  const std::string last = has("last") ? values_.at("last") : "24h";
  const bool days = last.ends_with('d');
  const auto count = parse_number<int32_t>(
      std::string_view(last).substr(0, last.size() - std::min<size_t>(last.size(), 1)));
  if ((!days && !last.ends_with('h')) || !count || *count < 1 || *count > 9999 || last[0] == '0') {
    return bad("last", fmt::format("'{}' is no length of time", last), kLastAllowed);
  }
  const CellKey now{.local_hour = now_hour};
  const int32_t end = days ? (now.days() + 1) * 24 : now_hour + 1;
  return HourRange{end - *count * (days ? 24 : 1), end};
}

Answer<std::vector<int64_t>> Query::ids(const std::string& name) const {
  std::vector<int64_t> ids;
  if (!has(name)) {
    return ids;
  }
  std::string_view rest = values_.at(name);
  while (true) {
    const size_t comma = rest.find(',');
    const auto id = parse_number<int64_t>(rest.substr(0, comma));
    if (!id || ids.size() == kIdsMax) {
      return bad(name, id ? "these are too many ids" : "this is no list of ids",
                 fmt::format("up to {} integers of 64 bits, separated by commas", kIdsMax));
    }
    ids.push_back(*id);
    if (comma == std::string_view::npos) {
      return ids;
    }
    rest.remove_prefix(comma + 1);
  }
}

Answer<ReportFilter> Query::filter(int32_t now_hour) const {
  const auto hours = range(now_hour);
  if (!hours) {
    return tl::unexpected(hours.error());
  }
  ReportFilter filter{.from_hour = hours->from, .to_hour = hours->to, .ids = {}};
  for (const Dimension dimension : kDimensions) {
    auto some = ids(std::string(dimension_name(dimension)));
    if (!some) {
      return tl::unexpected(some.error());
    }
    if (!some->empty()) {
      filter.ids[dimension] = std::move(*some);
    }
  }
  return filter;
}

Answer<int64_t> Query::integer(const std::string& name, int64_t fallback, int64_t min,
                               int64_t max) const {
  if (!has(name)) {
    return fallback;
  }
  const auto number = parse_number<int64_t>(values_.at(name));
  if (!number || *number < min || *number > max) {
    return bad(name, fmt::format("'{}' is not allowed", values_.at(name)),
               fmt::format("an integer from {} to {}", min, max));
  }
  return *number;
}

Answer<std::string> Query::word(const std::string& name,
                                const std::vector<std::string_view>& allowed) const {
  if (!has(name)) {
    return std::string(allowed.front());
  }
  const std::string& word = values_.at(name);
  if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
    return bad(name, fmt::format("'{}' is not allowed", word),
               fmt::format("{}", fmt::join(allowed, ", ")));
  }
  return word;
}

Answer<std::string> Query::text(const std::string& name, size_t max) const {
  if (!has(name)) {
    return std::string();
  }
  const std::string& text = values_.at(name);
  const auto characters = static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
  if (!is_utf8(text) || characters > max || text.find('\0') != std::string::npos) {
    return bad(name, "this text is not allowed",
               fmt::format("up to {} characters of UTF-8 but not NUL", max));
  }
  return text;
}

}  // namespace hirestream
