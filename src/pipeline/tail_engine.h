// Tail and follow: slices that fill up while they are read. A slice goes through these states:
//
//   (unknown) ── discovered, or its time has come ──> open ── closed ──> settled ── retention ──> frozen
//
// open:    polled from its position minus an overlap; rows not seen before are appended as deltas. Every few seconds a longer
//          look back. Already counted rows are known by their ids.
// settled: its bucket is over and the grace has passed; read whole, recounted, replaced. Audits recount it again later.
// pending: waits for a whole recount: found in the ledger as open at start, discovered, due to settle, due for an audit, or somebody
//          else replaced it.
//
// follow differs only in what a bucket is: a block of sequence numbers, closed as soon as a later one exists, whose rows become visible
// in the order of their numbers.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class TailEngine : public Engine {
 public:
  TailEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  Result<StepReport> step() override;

 private:
  struct OpenSlice {
    LedgerEntry entry;  // as in the ledger (revision 0: not there yet)
    RowIdSet seen;
    int64_t seen_from = INT64_MIN;  // `seen` is complete for rows at or after this position
    int64_t position = INT64_MIN;   // highest position counted, not beyond the clock
    int64_t looked_back =
        INT64_MIN;  // `position` at the last read that looked back, or read it whole
  };
  struct ClosedSlice {
    LedgerEntry entry;  // revision 0: empty, not in the ledger
    size_t audits_done = 0;
  };
  class PollSink;
  class BackfillSink;

  bool sequence() const { return ports_.source.description().strategy == Strategy::kFollow; }
  int64_t bucket_begin_us(int64_t bucket) const;
  bool is_closed(int64_t bucket, int64_t now_us) const;
  // Buckets before this one are over, their grace too.
  int64_t first_not_closed(int64_t now_us) const;
  // Begin of a settled slice's audits.
  int64_t audit_base_us(const ClosedSlice& slice) const;

  Result<void> load_state(int64_t now_us);
  Result<void> discover(int64_t now_us);
  void open_new_buckets(int64_t now_us);
  void open_slice(const SliceKey& key, int64_t now_us, std::vector<SliceKey>& over);
  void queue_first(const std::vector<SliceKey>& over);
  void queue_closed_slices(int64_t now_us);
  void queue_due_audits(int64_t now_us);
  void queue_waiting(int64_t now_us);
  // The clock was set back: what is due is due that much earlier.
  void move_timers(int64_t back_us);
  // The clock was set back, so it may have run ahead: buckets were settled that still fill up, audits were done before their time.
  void take_back_what_was_not_due(int64_t now_us);
  // How many audits its stamps prove.
  size_t audits_done(const ClosedSlice& slice, int64_t now_us) const;
  void schedule_audit(const ClosedSlice& slice);
  void close_slice(const LedgerEntry& entry, const SliceKey& key, int64_t now_us);

  Result<void> refresh_jobs(int64_t now_us);
  Result<void> poll(int64_t now_us);
  std::vector<SliceRead> poll_requests(int64_t now_us, bool look_back);
  // Where a look-back into the slice begins.
  int64_t look_back_from(const OpenSlice& slice, int64_t now_us) const;
  // False: somebody replaced a slice meanwhile and nothing was committed.
  Result<bool> commit_poll(PollSink& sink, std::span<const SliceRead> requests, int64_t now_us);
  Result<void> work_on_pending(int64_t now_us);
  // Many slices that the ledger does not know yet are read in storage order, part by part of the ring.
  Result<void> backfill(int64_t now_us);
  // What becomes of a slice that was recounted, if its commit succeeds.
  struct Settlement {
    SliceKey key;
    LedgerEntry entry;
    OpenSlice open;
    SliceState state;
  };
  Settlement settle(Recount&& recount, CommitPlan& plan, int64_t now_us);
  void hold(const Recount& recount, CommitPlan& plan, LedgerEntry& entry, int64_t now_us);
  Result<void> settle_batch(std::vector<Recount> recounts, int64_t now_us);
  Result<void> freeze_old_slices(int64_t now_us);
  std::vector<std::pair<int32_t, int64_t>> settled_marks(const std::set<SliceKey>& done,
                                                         int64_t now_us) const;
  void prune_seen(OpenSlice& slice, int64_t now_us) const;

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  std::map<SliceKey, OpenSlice> open_;
  std::map<SliceKey, ClosedSlice> closed_;
  std::set<std::pair<int64_t, SliceKey>> audits_;  // (when, slice) of closed_
  std::vector<std::pair<int32_t, int64_t>> last_marks_;
  std::deque<SliceKey> pending_;
  std::set<std::pair<int64_t, SliceKey>>
      waiting_;                       // (when, slice): to be counted again, could not be confirmed
  std::set<SliceKey> pending_set_;    // of both
  std::set<SliceKey> backfill_keys_;  // not in the ledger when the backfill began, not counted yet
  uint64_t backfill_place_ =
      kRingPlaces;  // where the next part begins; kRingPlaces: no backfill under way
  uint64_t backfill_width_ = 0;
  int64_t newest_bucket_ = 0;
  int64_t next_bucket_ = 0;  // buckets from here on have not been opened yet
  bool started_ = false;
  bool polled_ = false;
  size_t batch_limit_ = 0;  // slices per recount: follows their size, shrinks after a conflict
  int64_t last_step_us_ = 0;
  int64_t next_poll_us_ = 0;
  int64_t next_look_back_us_ = 0;
  int64_t next_discover_us_ = 0;
  int64_t next_jobs_us_ = 0;
  int64_t next_freeze_us_ = 0;
  int64_t recounted_ = 0;
  int64_t rows_counted_ = 0;
};

}  // namespace hirestream
