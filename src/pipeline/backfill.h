// History that nobody has counted yet, read in storage order, part by part of the ring, instead of
// slice by slice: slices that the ledger does not know, and whatever is older than the retention,
// of which only the sums are kept (frozen marks: warehouse.h). A few parts are one commit, with the
// place that they reached: after a crash it goes on from there. Not thread-safe.
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

  // Reads a few parts, which are one commit. Returns slices that it put into the ledger. What
  // somebody else was faster with, and what was not over yet, goes to the queue.
  Result<std::vector<SliceKey>> step(int64_t now_us, RecountQueue& queue);

 private:
  // What parts that lie one behind the other give: one commit.
  struct Batch {
    CommitPlan plan;
    // Of the plan, those that come into the ledger.
    std::vector<SliceKey> slices;
    int64_t rows = 0;
  };

  // The more of the history is one commit, the fewer rows of `events` and days are written more
  // than once.
  static constexpr int64_t kPartsMax = 4;

  bool is_full(const Batch& batch) const;
  // Up to the next place at which a shard's history begins to be new.
  RingPart next_part(const RingWalk& walk) const;
  // Frozen, and not counted yet.
  bool is_history(const SliceKey& key, const RingPart& part) const;
  // The walk's next part; on errors batch and walk are as they were.
  Result<void> read_part(RingWalk& walk, int64_t now_us, Batch& batch);
  void plan_frozen(const SliceKey& key, const Tally& tally, CommitPlan& plan) const;
  void plan_marks(CommitPlan& plan, uint64_t place) const;
  // Everything up to that place.
  Result<void> commit(Batch& batch, uint64_t place, RecountQueue& queue);

  EnginePorts ports_;
  const EngineOptions& options_;
  SliceLedger& ledger_;
  SliceBook& book_;
  const BucketClock& buckets_;
  // Not counted yet.
  std::set<SliceKey> slices_;
  RingWalk walk_;
  // Of EngineOptions::rows_per_commit each.
  int64_t parts_max_ = kPartsMax;
};

}  // namespace hirestream
