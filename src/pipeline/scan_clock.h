// How the slices of a scan follow one another (model/scan_bucket.h): which may still get rows in
// time, and which are past their retention. As BucketClock is to a source that fills up. Immutable.
#pragma once

#include <cstdint>
#include <optional>

#include "model/scan_bucket.h"
#include "pipeline/engine.h"

namespace hirestream {

class ScanClock {
 public:
  ScanClock(const SourceDescription& source, const EngineOptions& options);

  static std::optional<int64_t> event_of(const SliceKey& key) {
    return ScanBucket::of(key.bucket).event;
  }
  int64_t width_us() const { return width_us_; }
  // The first bucket of event times whose rows may still come in time.
  int64_t first_not_over(int64_t now_us) const;
  // Its rows should all be there. Late ones arrive in slices of their own, mostly.
  bool is_over(const SliceKey& key, int64_t now_us) const;
  // All its rows arrived so long ago that the table is about to lose them.
  bool is_past_retention(const SliceKey& key, int64_t now_us) const;
  // The day, since 1970 UTC, among whose frozen sums the slice is: that of its arrival.
  int32_t day_of(const SliceKey& key) const;
  // Whether a scan bounded by event times sees the slice; one without bound sees every slice.
  bool is_in_bound(const SliceKey& key, const std::optional<EventTimes>& bound) const;

 private:
  int64_t width_us_;
  int64_t arrival_width_us_;
  int64_t grace_us_;
  int64_t retention_us_;
};

}  // namespace hirestream
