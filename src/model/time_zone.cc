#include "model/time_zone.h"

#include <date/tz.h>

#include <chrono>
#include <exception>
#include <fstream>
#include <limits>

namespace hirestream {
namespace {

using std::chrono::microseconds;

int64_t clamp_to_us(date::sys_seconds seconds) {
  constexpr int64_t kLimit = std::numeric_limits<int64_t>::max() / 1'000'000;
  const int64_t count = seconds.time_since_epoch().count();
  if (count >= kLimit) {
    return std::numeric_limits<int64_t>::max();
  }
  if (count <= -kLimit) {
    return std::numeric_limits<int64_t>::min();
  }
  return count * 1'000'000;
}

}  // namespace

TimeZone::TimeZone()
    : range_begin_us_(std::numeric_limits<int64_t>::min()),
      range_end_us_(std::numeric_limits<int64_t>::max()) {}

Result<TimeZone> TimeZone::find(const std::string& name) {
  TimeZone zone;
  if (name == "UTC" || name == "Etc/UTC") {
    return zone;
  }
  try {
    zone.zone_ = date::locate_zone(name);
  } catch (const std::exception&) {
    return fail(
        ErrorKind::kConfig, "look up time zone", name,
        "'" + name + "' is not in the system's time zone database",
        "use an IANA name such as Europe/Berlin or UTC; `ls /usr/share/zoneinfo` lists them "
        "(package tzdata)");
  }
  zone.name_ = name;
  zone.range_begin_us_ = 0;
  zone.range_end_us_ = 0;
  return zone;
}

void TimeZone::load_range(int64_t utc_us) {
  const date::sys_time<microseconds> instant{microseconds(utc_us)};
  const date::sys_info info = zone_->get_info(instant);
  range_begin_us_ = clamp_to_us(info.begin);
  range_end_us_ = clamp_to_us(info.end);
  offset_us_ = std::chrono::duration_cast<microseconds>(info.offset).count();
}

int64_t TimeZone::to_utc(int64_t local_us) {
  if (zone_ == nullptr) {
    return local_us;
  }
  const date::local_time<microseconds> local{microseconds(local_us)};
  const date::local_info info = zone_->get_info(local);
  // unique and ambiguous: `first` is the (earlier) answer. nonexistent: the offset before the gap
  // moves the time forward by it.
  return local_us - std::chrono::duration_cast<microseconds>(info.first.offset).count();
}

std::string TimeZone::database_version() {
  try {
    if (const std::string& version = date::get_tzdb().version;
        !version.empty() && version != "unknown") {
      return version;
    }
  } catch (const std::exception&) {
    return "unknown";
  }
  // Debian's compiled database has no version file, but its source in one file begins with "#
  // version 2024a".
  std::ifstream source("/usr/share/zoneinfo/tzdata.zi");
  std::string mark;
  std::string word;
  std::string version;
  if (source >> mark >> word >> version && mark == "#" && word == "version") {
    return version;
  }
  return "unknown";
}

}  // namespace hirestream
