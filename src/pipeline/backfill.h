// History that nobody has counted yet: many slices that the ledger does not know are read in storage order, part by part of the ring,
// instead of one by one. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "pipeline/recount.h"
#include "pipeline/recount_queue.h"
#include "pipeline/ring_walk.h"
#include "pipeline/slice_book.h"

namespace hirestream {

class Backfill {
 public:
  Backfill(const EnginePorts& ports, const EngineOptions& options, SliceLedger& ledger,
           SliceBook& book)
      : ports_(ports),
        options_(options),
        ledger_(ledger),
        book_(book),
        walk_(options.rows_per_commit) {}

  // Whether so many new slices of so many that there are want one, and the source can be read so.
  bool pays(size_t fresh, size_t listed) const;
  // These slices are over, and not in the ledger.
  void start(std::set<SliceKey> slices);
  void clear() { start({}); }
  bool under_way() const { return !slices_.empty(); }
  bool contains(const SliceKey& key) const { return slices_.contains(key); }
  // The shard's lowest bucket that is still to be counted, or `none`.
  int64_t lowest(int32_t shard, int64_t none) const;

  // One part of the ring, one commit. Returns what it counted, which is in the book now. What somebody else was faster with, or was not
  // over yet, goes to the queue.
  Result<std::vector<SliceKey>> step(int64_t first_not_over, int64_t now_us, RecountQueue& queue);

 private:
  Result<std::vector<SliceKey>> commit(std::map<SliceKey, SliceCount> counts, int64_t now_us,
                                       RecountQueue& queue);

  EnginePorts ports_;
  const EngineOptions& options_;
  SliceLedger& ledger_;
  SliceBook& book_;
  // Not counted yet.
  std::set<SliceKey> slices_;
  RingWalk walk_;
};

}  // namespace hirestream
