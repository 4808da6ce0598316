// Times against the date library used directly, and UUIDs against themselves.
#include <date/tz.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "model/row_id.h"
#include "model/time_zone.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;

constexpr int64_t kHourUs = 3'600'000'000;

std::string any_zone() {
  return *rc::gen::element<std::string>(
      "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
      "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran",
      "Pacific/Chatham", "Antarctica/Troll", "America/St_Johns", "Etc/GMT+12", "Europe/Dublin");
}

// 1900 … 2100, often within hours of a change of the zone's offset.
int64_t any_instant(const date::time_zone* zone) {
  const auto far = *rc::gen::inRange<int64_t>(-613'608 * kHourUs, 1'139'544 * kHourUs);
  if (*rc::gen::inRange(0, 3) == 0) {
    return far;
  }
  const auto info = zone->get_info(date::sys_time<microseconds>(microseconds(far)));
  const int64_t change = info.begin.time_since_epoch().count();
  if (change < -2'208'988'800) {
    return far;
  }
  return change * 1'000'000 + *rc::gen::oneOf(rc::gen::inRange<int64_t>(-3 * kHourUs, 3 * kHourUs),
                                              rc::gen::inRange<int64_t>(-2, 3));
}

RC_GTEST_PROP(LocalHour, AgreesWithTheDateLibrary, ()) {
  const std::string name = any_zone();
  const date::time_zone* zone = date::locate_zone(name);
  TimeZone tested = *TimeZone::find(name);
  for (int i = 0; i < 20; ++i) {  // one object, for it caches
    const int64_t us = any_instant(zone);
    const auto local = zone->to_local(date::sys_time<microseconds>(microseconds(us)));
    const auto expected = date::floor<hours>(local).time_since_epoch().count();
    RC_ASSERT(int64_t{tested.local_hour(us)} == expected);
  }
}

RC_GTEST_PROP(LocalTime, AgreesWithTheDateLibrary, ()) {
  const std::string name = any_zone();
  const date::time_zone* zone = date::locate_zone(name);
  TimeZone tested = *TimeZone::find(name);
  const int64_t offset_us = *rc::gen::inRange<int64_t>(-14, 15) * kHourUs;
  const int64_t local_us = any_instant(zone) + offset_us;
  const date::local_time<microseconds> local{microseconds(local_us)};
  const int64_t utc_us = tested.to_utc(local_us);
  const auto info = zone->get_info(local);
  if (info.result == date::local_info::nonexistent) {
    // Seen on the clock of that place it was moved forward by the gap.
    const auto gap = duration_cast<microseconds>(info.second.offset - info.first.offset);
    const auto shown = zone->to_local(date::sys_time<microseconds>(microseconds(utc_us)));
    RC_ASSERT((shown - local).count() == gap.count());
  } else {
    const auto expected = zone->to_sys(local, date::choose::earliest);
    RC_ASSERT(utc_us == expected.time_since_epoch().count());
  }
}

RC_GTEST_PROP(Timestamps, AreReadAsTheDateLibraryCountsThem, ()) {
  const auto year = *rc::gen::inRange(1, 10'000);
  const auto month = *rc::gen::inRange(1, 14);
  const auto day = *rc::gen::inRange(1, 33);
  const auto second = *rc::gen::inRange(0, 86'400);
  const auto fraction = *rc::gen::inRange(0, 1'000'000);
  const auto offset = *rc::gen::inRange(-23 * 60 - 59, 23 * 60 + 60);
  const auto padded = [](int value, size_t width) {
    const std::string digits = std::to_string(value);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  const int east = offset < 0 ? -offset : offset;
  const std::string text = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) +
                           *rc::gen::element<std::string>(" ", "T") + padded(second / 3600, 2) +
                           ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + "." +
                           padded(fraction, 6) + (offset < 0 ? "-" : "+") + padded(east / 60, 2) +
                           *rc::gen::element<std::string>(":", "") + padded(east % 60, 2);
  RC_LOG() << text;
  const date::year_month_day date{date::year(year), date::month(static_cast<unsigned>(month)),
                                  date::day(static_cast<unsigned>(day))};
  const auto parsed = parse_timestamp(text);
  RC_ASSERT(parsed.has_value() == date.ok());
  if (parsed) {
    const auto expected = date::sys_days(date) + std::chrono::seconds(second) +
                          microseconds(fraction) - minutes(offset);
    RC_ASSERT(parsed->us == expected.time_since_epoch().count());
    RC_ASSERT(parsed->has_offset);
  }
}

RC_GTEST_PROP(Timestamps, AreReadBack, ()) {
  const auto us = *rc::gen::inRange<int64_t>(-62135596800000000, 253402300800000000);
  RC_ASSERT(parse_timestamp(format_timestamp_us(us))->us == us);
  RC_ASSERT(parse_timestamp(format_timestamp_us(us) + "Z")->us == us);
  RC_ASSERT(parse_timestamp(format_timestamp_ms(us))->us == us - ((us % 1000) + 1000) % 1000);
}

RC_GTEST_PROP(Timestamps, SurviveAnyText, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('0', '1', '2', '9', '-', '+', ':', '.', ',', 'T', 'Z', ' ', 'x'));
  if (const auto parsed = parse_timestamp(text)) {
    RC_ASSERT(text.size() >= 10U);
  }
}

RC_GTEST_PROP(RowIds, KeepTheirTimeAndTheirBytes, ()) {
  const auto us = *rc::gen::inRange<int64_t>(-12219292800000000, 100000000000000000);
  const auto tick = *rc::gen::inRange<int64_t>(0, 10);
  const RowId id = make_version_1(us * 10 + tick, *rc::gen::arbitrary<uint16_t>(),
                                  *rc::gen::arbitrary<uint64_t>());
  RC_ASSERT(is_version_1(id));
  RC_ASSERT(arrival_time_us(id) == us);
  RC_ASSERT(parse_uuid(format_uuid(id)) == id);
  std::array<uint8_t, 16> bytes{};
  row_id_to_bytes(id, bytes);
  RC_ASSERT(row_id_from_bytes(bytes) == id);
  RC_ASSERT(arrival_time_us(lowest_version_1(us)) == us);
}

}  // namespace
}  // namespace hirestream
