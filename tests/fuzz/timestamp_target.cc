// Input: a text that may be a timestamp.
#include <date/date.h>

#include <chrono>
#include <regex>
#include <string>

#include "fuzz/fuzz_target.h"
#include "model/timestamp.h"
#include "model/tracking_batch.h"

namespace hirestream {
namespace {

// The format of timestamp.h as a regular expression, the calendar by the date library.
std::optional<ParsedTimestamp> parse_slowly(const std::string& text) {
  static const std::regex kFormat(
      "[ \\t\\r\\n]*([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
      "(?:[.,]([0-9]{1,9}))?(?: ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?[ \\t\\r\\n]*");
  std::smatch found;
  if (!std::regex_match(text, found, kFormat)) {
    return std::nullopt;
  }
  const auto number = [&](size_t group) {
    return found[group].matched ? std::stoi(found[group].str()) : 0;
  };
  const date::year_month_day day{date::year(number(1)),
                                 date::month(static_cast<unsigned>(number(2))),
                                 date::day(static_cast<unsigned>(number(3)))};
  if (number(1) == 0 || !day.ok() || number(4) > 23 || number(5) > 59 || number(6) > 59) {
    return std::nullopt;
  }
  const std::string fraction = (found[7].str() + "000000").substr(0, 6);
  auto instant = date::sys_days(day) + std::chrono::hours(number(4)) +
                 std::chrono::minutes(number(5)) + std::chrono::seconds(number(6)) +
                 std::chrono::microseconds(std::stoi(fraction));
  std::string offset = found[8].str();
  if (offset.size() > 1) {
    offset.erase(std::remove(offset.begin(), offset.end(), ':'), offset.end());
    offset.resize(5, '0');
    const int hours = std::stoi(offset.substr(1, 2));
    const int minutes = std::stoi(offset.substr(3, 2));
    if (hours > 23 || minutes > 59) return std::nullopt;
    const auto east = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    instant = offset[0] == '-' ? instant + east : instant - east;
  }
  return ParsedTimestamp{instant.time_since_epoch().count(), found[8].matched};
}

}  // namespace

void fuzz_timestamp(Bytes input) {
  const std::string text(as_text(input.first(std::min<size_t>(input.size(), 200))));
  const auto parsed = parse_timestamp(text);
  const auto expected = parse_slowly(text);
  FUZZ_REQUIRE(parsed.has_value() == expected.has_value());
  TrackingBatch batch;
  batch.add_row();
  batch.set_ts_text(text);
  const bool is_value = parsed || parse_epoch(text);
  FUZZ_REQUIRE(batch.status(Column::kTs, 0) == (ReadingRules().is_null(text) ? CellStatus::kNull
                                                : is_value                   ? CellStatus::kValue
                                                                             : CellStatus::kBad));
  if (!parsed) return;
  FUZZ_REQUIRE(parsed->us == expected->us && parsed->has_offset == expected->has_offset);
  FUZZ_REQUIRE(batch.ts_us(0) == parsed->us);
  // An offset may lead out of the four-digit years.
  if (parsed->us < -62'135'596'800'000'000 || parsed->us >= 253'402'300'800'000'000) return;
  const auto again = parse_timestamp(format_timestamp_us(parsed->us));
  FUZZ_REQUIRE(again.has_value() && again->us == parsed->us && !again->has_offset);
  const auto rounded = parse_timestamp(format_timestamp_ms(parsed->us));
  FUZZ_REQUIRE(rounded.has_value() && rounded->us <= parsed->us && parsed->us - rounded->us < 1000);
}

}  // namespace hirestream
