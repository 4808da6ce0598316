// History that nobody has counted yet, read in storage order, part by part of the ring, instead of
// slice by slice: slices that the ledger does not know, and whatever is older than the retention,
// of which only the sums are kept (frozen marks: warehouse.h). Each part is one commit, with the
// place that it reached: after a crash it goes on from there. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "pipeline/bucket_clock.h"
#include "pipeline/recount.h"
#include "pipeline/recount_queue.h"
#include "pipeline/ring_walk.h"
#include "pipeline/slice_book.h"

namespace hirestream {

class Backfill {
 public:
  Backfill(const EnginePorts& ports, const EngineOptions& options, SliceLedger& ledger,
           SliceBook& book, const BucketClock& buckets)
      : ports_(ports),
        options_(options),
        ledger_(ledger),
        book_(book),
        buckets_(buckets),
        walk_(options.rows_per_commit, kRingPlaces) {}

  // Whether so many new slices of so many that there are want one, and the source can be read so.
  bool pays(size_t fresh, size_t listed) const;
  // These slices are over, and not in the ledger; frozen history goes on where the book says.
  void start(std::set<SliceKey> slices);
  void clear();
  bool under_way() const { return !walk_.done(); }
  bool contains(const SliceKey& key) const { return slices_.contains(key); }
  // The shard's lowest bucket that is still to be counted, or `none`.
  int64_t lowest(int32_t shard, int64_t none) const;

  // Reads one part. Returns slices that it put into the ledger. What somebody else was faster with,
  // and what was not over yet, goes to the queue.
  Result<std::vector<SliceKey>> step(int64_t now_us, RecountQueue& queue);

 private:
  // Up to the next place at which a shard's history begins to be new.
  RingPart next_part() const;
  // Frozen, and not counted yet.
  bool is_history(const SliceKey& key, const RingPart& part) const;
  void plan_marks(CommitPlan& changes, const RingPart& part) const;
  Result<std::vector<SliceKey>> commit(std::map<SliceKey, SliceCount> counts, const RingPart& part,
                                       int64_t now_us, RecountQueue& queue);

  EnginePorts ports_;
  const EngineOptions& options_;
  SliceLedger& ledger_;
  SliceBook& book_;
  const BucketClock& buckets_;
  // Not counted yet.
  std::set<SliceKey> slices_;
  RingWalk walk_;
};

}  // namespace hirestream
