// A time zone by its IANA name, for two jobs: the civil hour of an instant (reporting) and the
// instant of a civil time (sources that write local times). Not thread-safe: each thread takes its
// own copy (it caches the last transition).
#pragma once

#include <cstdint>
#include <string>

#include "model/floor_divide.h"
#include "model/result.h"

namespace date {
class time_zone;  // NOLINT(readability-identifier-naming): the date library's name
}

namespace hirestream {

class TimeZone {
 public:
  TimeZone();  // UTC
  // Error kConfig when the name is unknown to the system's tz database.
  static Result<TimeZone> find(const std::string& name);

  const std::string& name() const { return name_; }
  // Civil hours since 1970-01-01 00:00 in this zone. In the repeated hour of a summer time's end
  // both passes give the same number: they are one cell.
  int32_t local_hour(int64_t utc_us) {
    if (utc_us < range_begin_us_ || utc_us >= range_end_us_) [[unlikely]] {
      load_range(utc_us);
    }
    return static_cast<int32_t>(floor_divide(utc_us + offset_us_, int64_t{3'600'000'000}));
  }
  // A civil time that exists twice is taken as the first; one that does not exist is moved forward
  // by the gap.
  int64_t to_utc(int64_t local_us);
  // Version of the tz database in use ("2024a"), part of a source's fingerprint.
  static std::string database_version();

 private:
  std::string name_ = "UTC";
  const date::time_zone* zone_ = nullptr;  // owned by the tz database; null: UTC
  int64_t range_begin_us_ = 0;             // [begin, end) where offset_us_ holds
  int64_t range_end_us_ = 0;
  int64_t offset_us_ = 0;

  void load_range(int64_t utc_us);
};

}  // namespace hirestream
