// Slices that fill up (tail, follow): each poll reads what is new behind the last position minus an
// overlap, every few seconds it looks further back, and rows that were not counted yet are appended
// as deltas. Counted rows are known by their ids. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "pipeline/bucket_clock.h"
#include "pipeline/recount.h"
#include "pipeline/recount_queue.h"
#include "pipeline/slice_book.h"

namespace hirestream {

class OpenSlices {
 public:
  OpenSlices(const EnginePorts& ports, SliceLedger& ledger, SliceBook& book,
             const BucketClock& buckets)
      : ports_(ports), ledger_(ledger), book_(book), buckets_(buckets) {}

  bool contains(const SliceKey& key) const { return open_.contains(key); }
  // The shard's lowest open bucket, or `none`.
  int64_t lowest(int32_t shard, int64_t none) const;
  void clear() { open_.clear(); }
  // One of which nothing has been read.
  void open(const SliceKey& key);
  // One that was just counted whole: the ids of its rows, and their highest position.
  void open(const SliceKey& key, RowIdSet ids, Position read, int64_t now_us);
  void close(const SliceKey& key) { open_.erase(key); }
  // Closes those whose time is over and returns them.
  std::vector<SliceKey> close_over(int64_t now_us);

  // Reads all that gets fresh rows (look_back: all) but those in the queue, and commits what is
  // new. False: somebody replaced slices meanwhile, nothing was committed; those are closed and
  // stand first in the queue. Rows from before `started_us` say nothing of how soon rows are
  // counted.
  Result<bool> poll(bool look_back, int64_t now_us, int64_t started_us, RecountQueue& queue);

 private:
  struct OpenSlice {
    // Of the ledger, whose rows `seen` has.
    int64_t revision = 0;
    RowIdSet seen;
    // `seen` is complete for rows at or behind it.
    Position seen_from;
    // Highest position counted, not beyond the clock.
    Position position;
  };
  struct Poll {
    OpenSlice* slice = nullptr;
    SliceCount fresh;
  };
  using Polls = std::map<SliceKey, Poll>;

  // Closes those that the book has in another revision, and returns them: somebody else counted
  // them, which a conflict told, or a load.
  std::vector<SliceKey> close_replaced();
  std::vector<SliceRead> requests(bool look_back, int64_t now_us, const RecountQueue& queue,
                                  Polls& polls);
  Result<void> read(std::vector<SliceRead> requests, int64_t started_us, Polls& polls,
                    CommitPlan& plan);
  Result<void> plan_appends(const Polls& polls, CommitPlan& plan) const;
  void prune(OpenSlice& slice, int64_t now_us) const;

  EnginePorts ports_;
  SliceLedger& ledger_;
  SliceBook& book_;
  const BucketClock& buckets_;
  std::map<SliceKey, OpenSlice> open_;
};

}  // namespace hirestream
