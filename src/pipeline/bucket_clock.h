// How the slices of a source that fills up (tail, follow) follow one another: which bucket receives
// rows, which are over, and from where on an open slice must be read again.
//
// Buckets of time (tail): rows arrive in about the order of their arrival times, late by what
// clocks and replicas are wrong; a bucket is over when its time and the grace are. Blocks of
// sequence numbers (follow): rows become visible in the order of their numbers; a block is over as
// soon as a later one exists. Not thread-safe.
#pragma once

#include <cstdint>

#include "aggregation/row_classifier.h"
#include "pipeline/engine.h"

namespace hirestream {

class BucketClock {
 public:
  // All outlive it.
  BucketClock(EventSource& source, const EngineOptions& options, const RowClassifier& classifier);

  // Asks the source which bucket receives rows.
  Result<void> advance(int64_t now_us);

  int64_t newest() const { return newest_; }
  // Open buckets lie in [oldest_open(), end_open()) when an engine starts: one ahead of the clock,
  // for writers whose clocks run ahead.
  int64_t oldest_open() const;
  int64_t end_open() const { return newest_ + (timed_ ? 2 : 1); }
  // The first bucket whose rows may still come in time.
  int64_t first_not_over(int64_t now_us) const;
  bool is_over(int64_t bucket, int64_t now_us) const { return bucket < first_not_over(now_us); }
  // Gets fresh rows; the other open ones are looked at with the look-backs.
  bool is_fresh(int64_t bucket) const {
    return !timed_ || bucket == newest_ || bucket == newest_ - 1;
  }
  // All of it lies before the time from which on rows are counted.
  bool is_before_start(int64_t bucket) const;
  // Where buckets are times: the first one that is not past its retention; for ever without one:
  // INT64_MIN.
  int64_t first_kept(int64_t now_us) const;
  bool is_past_retention(const LedgerEntry& entry, int64_t now_us) const;
  bool keeps_for_ever() const { return retention_us_ == 0; }
  // The day, since 1970 UTC, among whose frozen sums the slice is.
  int32_t day_of(const LedgerEntry& entry) const;
  // When the audits of a settled slice begin to count.
  int64_t audits_begin_us(const LedgerEntry& entry) const;

  // Where a poll, or a look-back, of an open slice begins that has been read up to `read`, which
  // is not beyond the clock.
  Position poll_from(Position read, int64_t now_us) const;
  Position look_back_from(Position read, int64_t now_us) const;
  // What reading up to `read` has reached: a row from a clock that runs ahead must not carry it
  // past rows that are still to come.
  Position reached(Position read, int64_t now_us) const;
  // Rows appear in the order of their positions: nothing at or before what was reached comes again.
  bool in_order() const { return !timed_; }

 private:
  EventSource& source_;
  const EngineOptions& options_;
  const RowClassifier& classifier_;
  bool timed_;
  int64_t retention_us_;
  int64_t newest_ = 0;
};

}  // namespace hirestream
