#include "pipeline/bucket_clock.h"

#include <algorithm>

#include "model/floor_divide.h"

namespace hirestream {
BucketClock::BucketClock(EventSource& source, const EngineOptions& options,
                         const RowClassifier& classifier)
    : source_(source),
      options_(options),
      classifier_(classifier),
      timed_(source.description().bucket_width.is_time()),
      retention_us_(retention_us(options, source.description())) {}

Result<void> BucketClock::advance(int64_t now_us) {
  HIRESTREAM_ASSIGN(newest_, source_.newest_bucket(now_us));
  return {};
}

int64_t BucketClock::oldest_open() const {
  return timed_ ? newest_ - options_.grace_us / source_.description().bucket_width.us() - 1
                : newest_;
}

int64_t BucketClock::first_not_over(int64_t now_us) const {
  return timed_ ? floor_divide(now_us - options_.grace_us, source_.description().bucket_width.us())
                : newest_;
}

bool BucketClock::is_before_start(int64_t bucket) const {
  const std::optional<int64_t>& start_at_us = classifier_.options().start_at_us;
  return timed_ && start_at_us &&
         (bucket + 1) * source_.description().bucket_width.us() <= *start_at_us;
}

int64_t BucketClock::first_kept(int64_t now_us) const {
  HIRESTREAM_CHECK(timed_);
  return keeps_for_ever() ? INT64_MIN
                          : floor_divide(now_us - options_.grace_us - retention_us_,
                                         source_.description().bucket_width.us());
}

bool BucketClock::is_past_retention(const LedgerEntry& entry, int64_t now_us) const {
  return !keeps_for_ever() && audits_begin_us(entry) + retention_us_ <= now_us;
}

int32_t BucketClock::day_of(const LedgerEntry& entry) const {
  const int64_t time_us =
      timed_ ? entry.key.bucket * source_.description().bucket_width.us() : entry.settled_at_us;
  return utc_day(time_us);
}

int64_t BucketClock::audits_begin_us(const LedgerEntry& entry) const {
  return timed_
             ? (entry.key.bucket + 1) * source_.description().bucket_width.us() + options_.grace_us
             : entry.settled_at_us;
}

Position BucketClock::poll_from(Position read, int64_t now_us) const {
  if (!timed_) {
    return {read.value + 1};
  }
  return {std::min(read.value, now_us) - options_.overlap_us};
}

Position BucketClock::look_back_from(Position read, int64_t now_us) const {
  if (!timed_) {
    return poll_from(read, now_us);
  }
  // A row that the last look-back could not see yet, and that is late by no more than is tolerated,
  // arrived after that look-back minus the tolerance. All polls since then were made before this
  // one was due, and `read` is not beyond their clock: however long ago that is, it lies less than
  // an interval behind the last look-back.
  return {std::min(read.value, now_us) - options_.look_back_us};
}

Position BucketClock::reached(Position read, int64_t now_us) const {
  return timed_ ? Position{std::min(read.value, now_us)} : read;
}

}  // namespace hirestream
