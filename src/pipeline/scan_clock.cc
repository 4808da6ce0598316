#include "pipeline/scan_clock.h"

#include "model/floor_divide.h"

namespace hirestream {

ScanClock::ScanClock(const SourceDescription& source, const EngineOptions& options)
    : width_us_(source.bucket_width.us()),
      arrival_width_us_(source.arrival_width.us()),
      grace_us_(options.grace_us),
      retention_us_(retention_us(options, source)) {}

int64_t ScanClock::first_not_over(int64_t now_us) const {
  return floor_divide(now_us - grace_us_, width_us_);
}

bool ScanClock::is_over(const SliceKey& key, int64_t now_us) const {
  const ScanBucket bucket = ScanBucket::of(key.bucket);
  return (bucket.event && *bucket.event < first_not_over(now_us)) || is_past_retention(key, now_us);
}

bool ScanClock::is_past_retention(const SliceKey& key, int64_t now_us) const {
  const ScanBucket bucket = ScanBucket::of(key.bucket);
  if (retention_us_ == 0 || !bucket.arrival) {
    return false;
  }
  const int64_t begin_us = *bucket.arrival * arrival_width_us_;
  return begin_us + retention_us_ <= now_us && begin_us + arrival_width_us_ + grace_us_ <= now_us;
}

int32_t ScanClock::day_of(const SliceKey& key) const {
  const int64_t arrival = ScanBucket::of(key.bucket).arrival.value_or(0);
  return utc_day(arrival * arrival_width_us_);
}

bool ScanClock::is_in_bound(const SliceKey& key, const std::optional<EventTimes>& bound) const {
  if (!bound) {
    return true;
  }
  const std::optional<int64_t> event = event_of(key);
  return event && *event >= floor_divide(bound->from_us, width_us_) &&
         *event < floor_divide(bound->to_us, width_us_);
}

}  // namespace hirestream
