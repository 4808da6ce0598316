#include "model/reading_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr std::array<std::string_view, kColumnCount> kNames = {
    "create_time", "ts",  "job_id",       "publisher_id", "campaign_id",
    "group_id",    "bid", "custom_track", "ev",           "ed"};

constexpr size_t kNamesShownMax = 40;

// What the columns are called elsewhere, in the form of folded().
std::span<const std::string_view> other_names(Column column) {
  static constexpr std::array<std::string_view, 8> kCreateTime = {
      "eventid", "id", "uuid", "timeuuid", "rowid", "createdid", "eventuuid", "trackingid"};
  static constexpr std::array<std::string_view, 10> kTs = {
      "createdat", "timestamp", "eventtime", "time",      "datetime",
      "eventts",   "eventdate", "date",      "eventedat", "occurredat"};
  static constexpr std::array<std::string_view, 8> kCustomTrack = {
      "eventtype", "event", "type", "track", "eventname", "action", "customevent", "kind"};
  static constexpr std::array<std::string_view, 4> kBid = {"cpc", "price", "cost", "bidset"};
  static constexpr std::array<std::string_view, 4> kEd = {"eventdata", "payload", "data", "body"};
  static constexpr std::array<std::string_view, 2> kEv = {"eventvalue", "eventcode"};
  static constexpr std::array<std::string_view, 2> kJob = {"job", "jid"};
  static constexpr std::array<std::string_view, 2> kPublisher = {"publisher", "pubid"};
  static constexpr std::array<std::string_view, 1> kCampaign = {"campaign"};
  static constexpr std::array<std::string_view, 1> kGroup = {"group"};
  switch (column) {
    case Column::kCreateTime:
      return kCreateTime;
    case Column::kTs:
      return kTs;
    case Column::kJobId:
      return kJob;
    case Column::kPublisherId:
      return kPublisher;
    case Column::kCampaignId:
      return kCampaign;
    case Column::kGroupId:
      return kGroup;
    case Column::kBid:
      return kBid;
    case Column::kCustomTrack:
      return kCustomTrack;
    case Column::kEv:
      return kEv;
    case Column::kEd:
      return kEd;
  }
  return {};
}

// "Job_Id", "jobId" and "job id" are all "jobid".
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (c != '_' && c != '-' && c != ' ' && c != '.') {
      out += c;
    }
  }
  return out;
}

bool contains(std::span<const std::string> found, std::string_view name) {
  return std::ranges::find(found, name) != found.end();
}

// Of the columns that are no tracking column themselves.
std::optional<std::string> likely_meant(const ReadingRules& rules, Column column,
                                        std::span<const std::string> found) {
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::find(rules.names, name) != rules.names.end() || name == rules.time_of_day;
  };
  const auto first = [&](auto&& fits) -> std::optional<std::string> {
    for (const std::string& name : found) {
      if (!is_taken(name) && fits(folded(name))) {
        return name;
      }
    }
    return std::nullopt;
  };
  for (const std::string& wanted : {folded(rules.name(column)), folded(column_name(column))}) {
    if (auto name = first([&](const std::string& text) { return text == wanted; })) {
      return name;
    }
  }
  for (const std::string_view other : other_names(column)) {
    if (auto name = first([&](const std::string& text) { return text == other; })) {
      return name;
    }
  }
  return std::nullopt;
}

struct Missing {
  Column column;
  std::string_view name;
  std::optional<std::string> meant;
};

bool lacks_time_of_day(const ReadingRules& rules, std::span<const std::string> found) {
  return !rules.time_of_day.empty() && !contains(found, rules.time_of_day);
}

std::vector<Missing> missing_columns(const ReadingRules& rules, std::span<const std::string> found,
                                     bool required) {
  std::vector<Missing> missing;
  for (const Column column : kAllColumns) {
    if (column == Column::kTs && rules.arrival_is_event_time) {
      continue;
    }
    const bool is_required =
        column == Column::kCreateTime || column == Column::kCustomTrack || column == Column::kTs;
    if (is_required == required && !contains(found, rules.name(column))) {
      missing.push_back({column, rules.name(column), likely_meant(rules, column, found)});
    }
    if (required && column == Column::kTs && lacks_time_of_day(rules, found)) {
      missing.push_back({column, rules.time_of_day, std::nullopt});
    }
  }
  return missing;
}

// As --columns takes it.
std::string setting_for(std::span<const Missing> missing) {
  std::vector<std::string> parts;
  for (const Missing& one : missing) {
    if (one.meant) {
      parts.push_back(fmt::format("{}={}", column_name(one.column), *one.meant));
    }
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string_view effect_of(Column column, bool uses_payload) {
  switch (column) {
    case Column::kJobId:
      return uses_payload ? "" : "no row has a job and nothing is counted";
    case Column::kPublisherId:
      return uses_payload ? "" : "publisher_id stays 0";
    case Column::kCampaignId:
      return "campaign_id stays 0";
    case Column::kGroupId:
      return "group_id stays 0";
    case Column::kBid:
      return "spend stays 0";
    case Column::kEv:
      return "page views are not told and impressions stay 0";
    case Column::kEd:
      return uses_payload ? "attribution by payload finds nothing" : "";
    default:
      return "";
  }
}

}  // namespace

std::string_view column_name(Column column) {
  return kNames[static_cast<size_t>(column)];
}

std::array<std::string, kColumnCount> ReadingRules::tracking_names() {
  std::array<std::string, kColumnCount> names;
  std::ranges::copy(kNames, names.begin());
  return names;
}

std::vector<std::string> ReadingRules::usual_null_words() {
  return {"\\N", "NULL", "null", "None", "NaN", "nan"};
}

bool ReadingRules::is_null(std::string_view text) const {
  text = trim(text);
  return text.empty() || std::ranges::find(null_words, text) != null_words.end();
}

std::optional<TextId> ReadingRules::read_id(std::string_view text) const {
  const TextId read = read_uuid_text(trim(text));
  return read.is_uuid || (any_text_is_id && !is_null(text)) ? std::optional(read) : std::nullopt;
}

std::string ReadingRules::renames_text() const {
  std::vector<std::string> parts;
  for (const Column column : kAllColumns) {
    if (column == Column::kTs && !time_of_day.empty()) {
      parts.push_back(fmt::format("{}={}+{}", column_name(column), name(column), time_of_day));
    } else if (name(column) != column_name(column)) {
      parts.push_back(fmt::format("{}={}", column_name(column), name(column)));
    }
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

std::string ReadingRules::null_words_text() const {
  return fmt::format("{}", fmt::join(null_words, ","));
}

std::optional<TimeColumns> read_time_columns(std::string_view text) {
  const size_t plus = text.find('+');
  if (plus == std::string_view::npos) {
    return TimeColumns{std::string(text)};
  }
  const std::string_view date = trim(text.substr(0, plus));
  const std::string_view time = trim(text.substr(plus + 1));
  const bool is_two =
      !date.empty() && !time.empty() && date != time && time.find('+') == std::string_view::npos;
  return is_two ? std::optional(TimeColumns{std::string(date), std::string(time)}) : std::nullopt;
}

std::vector<std::string> columns_read(const ReadingRules& rules, std::span<const std::string> found,
                                      bool with_payload) {
  std::vector<std::string> names;
  for (const Column column : kAllColumns) {
    const bool unread = (column == Column::kEd && !with_payload) ||
                        (column == Column::kTs && rules.arrival_is_event_time);
    if (unread || !contains(found, rules.name(column))) {
      continue;
    }
    names.emplace_back(rules.name(column));
    if (column == Column::kTs && !rules.time_of_day.empty()) {
      names.push_back(rules.time_of_day);
    }
  }
  return names;
}

Result<void> check_columns(const ReadingRules& rules, const std::string& where,
                           std::span<const std::string> found, Columns kind) {
  std::vector<Missing> missing = missing_columns(rules, found, true);
  if (kind == Columns::kSeen) {
    std::erase_if(missing, [](const Missing& one) { return !one.meant; });
  }
  if (missing.empty()) {
    return {};
  }
  std::vector<std::string_view> names;
  bool lacks_ts = false;
  for (const Missing& one : missing) {
    names.push_back(one.name);
    lacks_ts = lacks_ts || one.column == Column::kTs;
  }
  const std::span<const std::string> shown =
      std::span(found).first(std::min(found.size(), kNamesShownMax));
  const std::string setting = setting_for(missing);
  std::string hint =
      setting.empty()
          ? "columns of other names: --columns create_time=NAME,custom_track=NAME,ts=NAME"
          : fmt::format("if that is what is meant: --columns {}", setting);
  if (lacks_ts) {
    hint +=
        "; if date and time of day are two columns: --columns ts=DATE+TIME; if there is no event "
        "time: --event-time arrival";
  }
  return fail(ErrorKind::kConfig, "read columns", where,
              fmt::format("no column {}; there is {}{}", fmt::join(names, ", "),
                          fmt::join(shown, ", "), found.size() > shown.size() ? ", …" : ""),
              std::move(hint));
}

std::string missing_columns_text(const ReadingRules& rules, std::span<const std::string> found,
                                 bool uses_payload) {
  std::vector<Missing> missing = missing_columns(rules, found, false);
  std::erase_if(missing,
                [&](const Missing& one) { return effect_of(one.column, uses_payload).empty(); });
  if (missing.empty()) {
    return {};
  }
  std::vector<std::string_view> names;
  std::vector<std::string_view> effects;
  for (const Missing& one : missing) {
    names.push_back(one.name);
    effects.push_back(effect_of(one.column, uses_payload));
  }
  const std::string setting = setting_for(missing);
  return fmt::format(
      "no column {}: {}{}", fmt::join(names, ", "), fmt::join(effects, ", "),
      setting.empty() ? "" : fmt::format(" (is it called otherwise? --columns {})", setting));
}

}  // namespace hirestream
