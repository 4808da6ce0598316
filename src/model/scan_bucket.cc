#include "model/scan_bucket.h"

#include <algorithm>

namespace hirestream {
namespace {

// 544 years of seconds; the highest number stands for none.
constexpr int kEventBits = 34;
constexpr int64_t kNoEvent = (int64_t{1} << kEventBits) - 1;
// Days since 1582, the first year of a UUID, are far from either end.
constexpr int kArrivalBits = 28;
constexpr int64_t kNoArrival = (int64_t{1} << kArrivalBits) - 1;
constexpr int64_t kArrival1970 = int64_t{1} << (kArrivalBits - 1);

}  // namespace

int64_t ScanBucket::bucket() const {
  const int64_t arrived =
      arrival && *arrival >= -kArrival1970 && *arrival < kNoArrival - kArrival1970
          ? *arrival + kArrival1970
          : kNoArrival;
  const int64_t happened = event && *event >= 0 && *event < kNoEvent ? *event : kNoEvent;
  return (arrived << kEventBits) | happened;
}

ScanBucket ScanBucket::of(int64_t bucket) {
  const int64_t arrived = bucket >> kEventBits;
  const int64_t happened = bucket & kNoEvent;
  ScanBucket out;
  if (arrived != kNoArrival) {
    out.arrival = arrived - kArrival1970;
  }
  if (happened != kNoEvent) {
    out.event = happened;
  }
  return out;
}

int64_t ScanBucket::first_of_arrival(int64_t arrival) {
  return (std::clamp<int64_t>(arrival + kArrival1970, 0, kNoArrival)) << kEventBits;
}

}  // namespace hirestream
