#include "simulation/zones.h"

#include <algorithm>
#include <iterator>

namespace hirestream::simulation {
namespace {

constexpr int64_t kMinuteOfZoneUs = 60'000'000;
constexpr int64_t kHourOfZoneUs = 60 * kMinuteOfZoneUs;
// 2026-03-01 00:00 UTC.
constexpr int64_t kMarchUs = 1'772'323'200LL * 1'000'000;

// A time of so many days after 2026-03-01, UTC.
constexpr int64_t utc(int64_t days, int64_t hour, int64_t minute) {
  return kMarchUs + (days * 24 + hour) * kHourOfZoneUs + minute * kMinuteOfZoneUs;
}

constexpr int64_t offset(int64_t hours, int64_t minutes = 0) {
  return hours * kHourOfZoneUs + minutes * kMinuteOfZoneUs;
}

}  // namespace

int32_t Zone::local_hour(int64_t utc_us) const {
  int64_t offset_us = offsets.front().offset_us;
  for (const ZoneOffset& next : offsets) {
    offset_us = next.from_us <= utc_us ? next.offset_us : offset_us;
  }
  return static_cast<int32_t>((utc_us + offset_us) / kHourOfZoneUs);
}

std::vector<int64_t> Zone::changes() const {
  std::vector<int64_t> out;
  std::transform(offsets.begin() + 1, offsets.end(), std::back_inserter(out),
                 [](const ZoneOffset& next) { return next.from_us; });
  return out;
}

const std::vector<Zone>& zones() {
  static const std::vector<Zone> kZones = {
      {"UTC", {{INT64_MIN, 0}}},
      {"Asia/Dubai", {{INT64_MIN, offset(4)}}},
      {"America/Phoenix", {{INT64_MIN, offset(-7)}}},
      {"Asia/Kolkata", {{INT64_MIN, offset(5, 30)}}},
      {"Asia/Kathmandu", {{INT64_MIN, offset(5, 45)}}},
      // 2026-03-29, 2026-10-25 and 2027-03-28, at 1:00 UTC.
      {"Europe/Berlin",
       {{INT64_MIN, offset(1)},
        {utc(28, 1, 0), offset(2)},
        {utc(238, 1, 0), offset(1)},
        {utc(392, 1, 0), offset(2)}}},
      // 2026-03-08, 2026-11-01 and 2027-03-14, at 2:00 by its clocks.
      {"America/St_Johns",
       {{INT64_MIN, offset(-3, -30)},
        {utc(7, 5, 30), offset(-2, -30)},
        {utc(245, 4, 30), offset(-3, -30)},
        {utc(378, 5, 30), offset(-2, -30)}}},
      // By half an hour; 2026-04-05, 2026-10-04 and 2027-04-04, at 2:00 by its clocks.
      {"Australia/Lord_Howe",
       {{INT64_MIN, offset(11)},
        {utc(34, 15, 0), offset(10, 30)},
        {utc(216, 15, 30), offset(11)},
        {utc(398, 15, 0), offset(10, 30)}}}};
  return kZones;
}

}  // namespace hirestream::simulation
