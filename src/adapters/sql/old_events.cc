#include "adapters/sql/old_events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "model/decimal.h"
#include "model/job.h"
#include "model/reading_rules.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream::sql {
namespace {

constexpr size_t kValueCharactersMax = 60;
constexpr size_t kRowCharactersMax = 1000;

struct Meaning {
  OldColumn column;
  std::string_view name;  // ours
  bool required;
  std::initializer_list<std::string_view> other_names;
  std::string_view needed;  // what its values must be
};
constexpr std::string_view kWhole = "a whole number is needed";
constexpr std::string_view kAmount = "an amount below 9,223,372,036,854 is needed";
const std::array<Meaning, kOldColumnCount> kMeanings = {{
    {OldColumn::kDates, "dates", true, {"date"}, "a date as 2024-03-05 is needed"},
    {OldColumn::kHours, "hours", true, {"hour"}, "an hour from 0 to 23 is needed"},
    {OldColumn::kJob, "job_id", true, {}, kWhole},
    {OldColumn::kPublisher, "publisher_id", true, {}, kWhole},
    {OldColumn::kCampaign, "campaign_id", true, {}, kWhole},
    {OldColumn::kGroup, "group_id", true, {}, kWhole},
    {OldColumn::kCompany, "company_id", false, {}, kWhole},
    {OldColumn::kImpressions, "impressions", false, {"impression"}, kWhole},
    {OldColumn::kClicks, "clicks", true, {"click"}, kWhole},
    {OldColumn::kConversions, "conversion", true, {"conversions"}, kWhole},
    {OldColumn::kQualified,
     "qualified_application",
     true,
     {"qualified_applications", "qualified"},
     kWhole},
    {OldColumn::kUnqualified,
     "disqualified_application",
     true,
     {"disqualified_applications", "unqualified_application", "unqualified_applications",
      "disqualified", "unqualified"},
     kWhole},
    {OldColumn::kSpend, "spend_hour", true, {"spend"}, kAmount},
    {OldColumn::kSources, "sources", false, {"source"}, ""},
    {OldColumn::kUpdatedAt,
     "updated_at",
     false,
     {},
     "a time as 2024-03-05 10:00:00 is needed, or null"},
}};

std::optional<int> find_name(std::span<const std::string> names, std::string_view name) {
  const auto found = std::ranges::find_if(
      names, [&](const std::string& one) { return equal_without_case(one, name); });
  return found == names.end() ? std::nullopt
                              : std::optional(static_cast<int>(found - names.begin()));
}

std::optional<int> find_meaning(std::span<const std::string> names, const Meaning& meaning) {
  if (const auto position = find_name(names, meaning.name)) {
    return position;
  }
  for (const std::string_view other : meaning.other_names) {
    if (const auto position = find_name(names, other)) {
      return position;
    }
  }
  return std::nullopt;
}

bool is_null(std::string_view text) {
  static const ReadingRules kUsual;
  return kUsual.is_null(text);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The digits that `text` begins with, at most so many; they are taken off it.
std::string_view take_digits(std::string_view& text, size_t most) {
  size_t size = 0;
  while (size < std::min(most, text.size()) && is_digit(text[size])) {
    ++size;
  }
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

std::string shown_value(const Row& row, int column) {
  return row.is_null(column)
             ? std::string("NULL")
             : fmt::format("'{}'", storable_name(row.text(column), kValueCharactersMax));
}

std::string shown_row(const Row& row, std::span<const std::string> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text +=
        fmt::format("{}{}={}", i == 0 ? "" : ", ", names[i], shown_value(row, static_cast<int>(i)));
  }
  return storable_name(text, kRowCharactersMax);
}

}  // namespace

std::optional<int32_t> parse_old_date(std::string_view text) {
  text = trim(text);
  const std::string_view year = take_digits(text, 4);
  std::string_view month;
  std::string_view day;
  const bool compact = !text.empty() && is_digit(text.front());
  if (compact) {
    month = take_digits(text, 2);
    day = take_digits(text, 2);
  } else if (!text.empty()) {
    const char separator = text.front();
    text.remove_prefix(1);
    month = take_digits(text, 2);
    const bool goes_on = (separator == '-' || separator == '/') && text.starts_with(separator);
    text.remove_prefix(goes_on ? 1 : 0);
    day = goes_on ? take_digits(text, 2) : std::string_view();
  }
  const size_t digits = compact ? 2 : 1;
  if (year.size() != 4 || month.size() < digits || day.size() < digits) {
    return std::nullopt;
  }
  const std::string date = fmt::format("{}-{:0>2}-{:0>2}", year, month, day);
  if (!parse_timestamp(date + std::string(text))) {
    return std::nullopt;
  }
  constexpr int64_t kDayUs = 86'400'000'000;
  const int64_t us = parse_timestamp(date)->us;
  return static_cast<int32_t>((us - (us % kDayUs + kDayUs) % kDayUs) / kDayUs);
}

std::optional<int32_t> parse_old_hour(std::string_view text) {
  text = trim(text);
  for (const std::string_view zeros : {":00:00.000000", ":00:00", ":00"}) {
    if (text.ends_with(zeros)) {
      text.remove_suffix(zeros.size());
      break;
    }
  }
  const auto hour = parse_integer(text);
  return hour && *hour >= 0 && *hour <= 23 ? std::optional(static_cast<int32_t>(*hour))
                                           : std::nullopt;
}

std::optional<int64_t> parse_old_money(std::string_view text) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  int64_t whole = 0;
  std::string rest(text);
  // Sums may be beyond what a bid may be.
  if (text.find_first_of("eE") == std::string_view::npos && !text.empty() && is_digit(text[0])) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (status != std::errc()) {
      return std::nullopt;
    }
    rest = "0" + std::string(end, text.data() + text.size());
  }
  const BidResult fraction = bid_from_text(rest);
  int64_t micros = 0;
  if (fraction.error || __builtin_mul_overflow(whole, kMicros, &micros) ||
      __builtin_add_overflow(micros, fraction.micros, &micros)) {
    return std::nullopt;
  }
  return negative ? -micros : micros;
}

OldEventsColumns::OldEventsColumns(std::vector<std::string> have) : names_(std::move(have)) {
  for (const Meaning& meaning : kMeanings) {
    auto& position = positions_[static_cast<size_t>(meaning.column)];
    position = find_meaning(names_, meaning);
    if (!position && meaning.required) {
      missing_.emplace_back(meaning.name);
    }
  }
}

std::vector<std::string> OldEventsColumns::notes() const {
  std::vector<std::string> notes;
  for (const Meaning& meaning : kMeanings) {
    const auto position_of_it = position(meaning.column);
    if (!position_of_it && meaning.column == OldColumn::kUpdatedAt) {
      notes.emplace_back("there is no column updated_at: rows get the time of the migration");
    } else if (!position_of_it) {
      notes.push_back(
          fmt::format("there is no column {}: {}", meaning.name,
                      meaning.column == OldColumn::kSources ? "it stays empty" : "it is 0"));
    } else if (const std::string& name = names_[static_cast<size_t>(*position_of_it)];
               !equal_without_case(name, meaning.name)) {
      notes.push_back(fmt::format("column {} is taken as {}", name, meaning.name));
    }
  }
  return notes;
}

std::string missing_text(std::vector<std::string> have) {
  return fmt::format("columns missing: {}",
                     fmt::join(OldEventsColumns(std::move(have)).missing(), ", "));
}

void OldEventsReader::refuse(const Row& row, OldColumn column) {
  Unreadable& unreadable = unreadable_[static_cast<size_t>(column)];
  if (unreadable.rows++ > 0) {
    return;
  }
  const int position = *columns_.position(column);
  unreadable.first = shown_row(row, columns_.names());
  if (!row.is_null(position)) {
    unreadable.value = std::string(row.text(position));
  }
}

std::optional<int64_t> OldEventsReader::whole(const Row& row, OldColumn column) {
  const auto position = columns_.position(column);
  if (!position || is_null(row.text(*position))) {
    return 0;
  }
  const auto value = parse_integer(row.text(*position));
  if (!value) {
    refuse(row, column);
  }
  return value;
}

std::optional<int64_t> OldEventsReader::money(const Row& row, OldColumn column) {
  const auto position = columns_.position(column);
  if (!position || is_null(row.text(*position))) {
    return 0;
  }
  const auto value = parse_old_money(row.text(*position));
  if (!value) {
    refuse(row, column);
  }
  return value;
}

std::optional<int64_t> OldEventsReader::date(const Row& row) {
  const auto value = parse_old_date(row.text(*columns_.position(OldColumn::kDates)));
  if (!value) {
    refuse(row, OldColumn::kDates);
  }
  return value;
}

std::optional<int64_t> OldEventsReader::hour(const Row& row) {
  const auto value = parse_old_hour(row.text(*columns_.position(OldColumn::kHours)));
  if (!value) {
    refuse(row, OldColumn::kHours);
  }
  return value;
}

// 0: there is none.
std::optional<int64_t> OldEventsReader::moment(const Row& row, OldColumn column) {
  const auto position = columns_.position(column);
  if (!position || is_null(row.text(*position)) || row.text(*position).starts_with("0000-00-00")) {
    return 0;
  }
  const std::string_view text = trim(row.text(*position));
  const auto time = parse_timestamp(text);
  const auto us = time ? std::optional(time->us) : parse_epoch(text);
  if (!us) {
    refuse(row, column);
  }
  return us;
}

std::optional<OldRow> OldEventsReader::read(const Row& row) {
  const auto days = date(row);
  const auto hours = hour(row);
  if (!days || !hours) {
    return std::nullopt;
  }
  OldRow out;
  out.key.local_hour = static_cast<int32_t>(*days * 24 + *hours);
  using Target = std::pair<OldColumn, int64_t*>;
  for (const auto& [column, target] :
       {Target{OldColumn::kJob, &out.key.job_id},
        Target{OldColumn::kPublisher, &out.key.publisher_id},
        Target{OldColumn::kCampaign, &out.key.campaign_id},
        Target{OldColumn::kGroup, &out.key.group_id}, Target{OldColumn::kCompany, &out.company_id},
        Target{OldColumn::kImpressions, &out.measures.impressions},
        Target{OldColumn::kClicks, &out.measures.clicks},
        Target{OldColumn::kConversions, &out.measures.conversions},
        Target{OldColumn::kQualified, &out.measures.qualified},
        Target{OldColumn::kUnqualified, &out.measures.unqualified}}) {
    const auto value = whole(row, column);
    if (!value) {
      return std::nullopt;
    }
    *target = *value;
  }
  const auto spend = money(row, OldColumn::kSpend);
  const auto updated_at = spend ? moment(row, OldColumn::kUpdatedAt) : std::nullopt;
  if (!spend || !updated_at) {
    return std::nullopt;
  }
  out.measures.bid_micros = *spend;
  if (*updated_at != 0) {
    out.updated_at_us = updated_at;
  }
  if (const auto sources = columns_.position(OldColumn::kSources);
      sources && !is_null(row.text(*sources))) {
    out.sources = storable_name(trim(row.text(*sources)), kOldSourcesCharactersMax);
  }
  return out;
}

Result<void> OldEventsReader::verdict(const Session& session) const {
  std::string message;
  std::string hint;
  for (size_t i = 0; i < unreadable_.size(); ++i) {
    const Unreadable& unreadable = unreadable_[i];
    if (unreadable.rows == 0) {
      continue;
    }
    const std::string& name =
        columns_.names()[static_cast<size_t>(*columns_.position(static_cast<OldColumn>(i)))];
    message +=
        fmt::format("{}{} row{} of `events` cannot be taken over for `{}`: {}; the first: {}",
                    message.empty() ? "" : "\n", unreadable.rows, unreadable.rows == 1 ? "" : "s",
                    name, kMeanings[i].needed, unreadable.first);
    if (hint.empty()) {
      hint = fmt::format(
          "correct or delete them, then migrate again; nothing was changed. SELECT * FROM events "
          "WHERE {} {}",
          session.dialect().quoted_identifier(name),
          unreadable.value ? "= " + session.quoted(*unreadable.value) : "IS NULL");
    }
  }
  if (message.empty()) {
    return {};
  }
  return fail(ErrorKind::kConfig, "migrate", session.subject(), std::move(message),
              std::move(hint));
}

}  // namespace hirestream::sql
