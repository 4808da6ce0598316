// When settled slices are counted again: rows that became visible late are found so. Which audits a
// slice has had follows from the times stored with it, so nothing is remembered but what is due
// next. Not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "pipeline/bucket_clock.h"
#include "pipeline/slice_book.h"

namespace hirestream {

class AuditSchedule {
 public:
  AuditSchedule(const EngineOptions& options, const BucketClock& buckets)
      : options_(options), buckets_(buckets) {}

  // Its next audit, if there is one.
  void add(const LedgerEntry& entry, int64_t now_us);
  // One that was counted whole right now: its next audit, whatever it was counted for.
  void add_counted(const LedgerEntry& entry, int64_t now_us) { schedule_after(entry, now_us); }
  // Takes out what is due; its next audit is added when it was counted. One audit stands for all
  // that fell due, for example while the engine was down.
  std::vector<SliceKey> take_due(const SliceBook& book, int64_t now_us);
  void clear() { due_.clear(); }

 private:
  void schedule_after(const LedgerEntry& entry, int64_t last_us);

  const EngineOptions& options_;
  const BucketClock& buckets_;
  std::set<std::pair<int64_t, SliceKey>> due_;
};

}  // namespace hirestream
