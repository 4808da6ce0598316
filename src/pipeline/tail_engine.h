// Tail and follow: slices that fill up while they are read. A slice goes through these states:
//
//   (unknown) ── discovered, or its time has come ──> open ── over ──> settled ── retention ──>
//   frozen
//
// open:    polled; new rows are appended as deltas (open_slices.h).
// settled: its bucket is over and the grace has passed; read whole, recounted, replaced. Audits
//          recount it again later. A slice without rows is in no ledger and is forgotten: if rows
//          come to it after all, discovery finds them.
// queued:  waits for a whole recount: found in the ledger as open at start, discovered, due to
//          settle, due for an audit, or somebody else replaced it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/audit_schedule.h"
#include "pipeline/backfill.h"
#include "pipeline/bucket_clock.h"
#include "pipeline/clockwork.h"
#include "pipeline/engine.h"
#include "pipeline/open_slices.h"
#include "pipeline/recount.h"
#include "pipeline/recount_queue.h"
#include "pipeline/slice_book.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class TailEngine : public Engine {
 public:
  TailEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  Result<StepReport> step() override;

 private:
  using Marks = std::vector<std::pair<int32_t, int64_t>>;
  static constexpr SliceKey kBeforeAll{INT32_MIN, INT64_MIN};

  Result<void> load_state(int64_t now_us);
  Result<void> load_book(int64_t now_us);
  // One part of what is under way; begins a new one if there is none. Nothing is queued before all
  // of it is known.
  Result<bool> list_more(int64_t now_us);
  Result<void> take_list(int64_t now_us);
  Result<void> go_on_discovering(int64_t now_us);
  void end_discovery(bool done, int64_t now_us);
  Result<void> take_listing(const std::deque<SliceKey>& listed, int64_t now_us);
  // Whether a discovery has nothing to do with it, now or later: of what is kept of years.
  bool is_known_for_good(const SliceKey& key) const;
  // Whether there is history that is to be counted now.
  Result<bool> mark_history(const std::deque<SliceKey>& listed, int64_t now_us);
  bool is_waiting(const SliceKey& key) const;
  // To be counted, and nobody does so yet.
  bool is_new(const SliceKey& key) const;
  // Settled when its time was over: what waits of it is an audit.
  bool is_settled(const SliceKey& key, int64_t now_us) const;
  void open_new_buckets(int64_t now_us);
  void queue_what_is_due(int64_t now_us);
  void read_late_notes(int64_t now_us);
  void queue_noted_anywhere(const LateNote& note, int64_t now_us);
  void queue_noted(const SliceKey& key, int64_t noted_us, int64_t now_us);
  // The clock was set back, so it may have run ahead: buckets were settled that still fill up,
  // audits were done before their time.
  void take_back_what_was_not_due(int64_t now_us);

  Result<void> poll(int64_t now_us);
  int64_t poll_pause(int64_t now_us) const;
  Result<void> backfill(int64_t now_us);
  Result<void> work_on_queue(int64_t now_us);
  Policy policy_of(const SliceKey& key, int64_t now_us) const;
  Result<void> commit_recounts(std::vector<Recount> recounts, int64_t now_us);
  Result<void> commit_marks(int64_t now_us);
  static Marks known_of(Marks marks);
  void adapt_batch(size_t slices, int64_t rows);
  // A slice that was counted whole, after the commit.
  struct Counted {
    SliceKey key;
    Position position_max;
    RowIdSet ids;
  };
  void file_counted(Counted&& slice, int64_t now_us);
  // Per shard: below it everything is settled, once the slices of `done` are.
  Marks settled_marks(const std::set<SliceKey>& done, int64_t now_us) const;
  Result<void> freeze(int64_t now_us);
  // The next ones that are settled by the shards' marks, and past their retention; at most a batch.
  std::vector<SliceKey> due_to_freeze(int64_t now_us);

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  SliceBook book_;
  BucketClock buckets_;
  Recounter recounter_;
  OpenSlices open_;
  AuditSchedule audits_;
  RecountQueue queue_;
  Backfill backfill_;
  Timer poll_timer_;
  Timer look_back_timer_;
  Timer discover_timer_;
  Timer freeze_timer_;
  Timer late_timer_;
  Clockwork clockwork_;
  // Under way, and what it has found so far.
  std::unique_ptr<Discovery> discovery_;
  // One has ended since the start.
  bool discovered_ = false;
  // Another one is due when the one under way ends.
  bool list_again_ = false;
  // Why the last one failed: another one follows.
  std::optional<Error> no_list_;
  // So far, without what is known for good; and how many there are, all in all.
  std::deque<SliceKey> listed_;
  size_t slices_there_ = 0;
  Marks last_marks_;
  // Buckets from here on have not been opened yet.
  int64_t next_bucket_ = 0;
  // Buckets from here on were passed over, for a discovery to find that begins from now on, or for
  // the one that is under way: no mark passes them before.
  int64_t passed_over_from_ = INT64_MAX;
  int64_t searched_from_ = INT64_MAX;
  // Slices per recount: follows their size, shrinks after a conflict.
  size_t batch_limit_ = 0;
  int64_t recounted_ = 0;
  // Slices up to it were frozen, or cannot be.
  SliceKey frozen_up_to_ = kBeforeAll;
  // What follows from a clock that was set back is still to be done: a failed step leaves it.
  bool clock_set_back_ = false;
  std::optional<int64_t> rows_came_us_;  // last
  int64_t started_us_ = 0;
  // Told once by the source, and not counted yet.
  std::set<SliceKey> noted_;
  std::optional<LateNote> noted_anywhere_;  // the newest, not queued yet
  bool started_ = false;
  bool polled_ = false;
};

}  // namespace hirestream
