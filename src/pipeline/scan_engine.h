// Scan: a table that can only be read as a whole (create_time alone is the key). A scan counts all
// slices, and each one that differs from the ledger is replaced. A bounded scan looks at recent
// event times, a complete one, on a schedule, at everything: rows without ts and old rows too. The
// cost of a scan is the size of the table.
//
// Slices whose rows are about to expire leave the ledger after a complete scan: what they gave
// stays. Those that old when they are first met are counted straight into the frozen sums.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "pipeline/clockwork.h"
#include "pipeline/engine.h"
#include "pipeline/recount.h"
#include "pipeline/scan_clock.h"
#include "pipeline/scan_count.h"
#include "pipeline/slice_book.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class ScanEngine : public Engine {
 public:
  ScanEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  Result<StepReport> step() override;

 private:
  using Bound = std::optional<EventTimes>;

  Bound recent(int64_t now_us) const;
  Result<ScanCount> count(const Bound& bound, ReadLevel level);
  Result<void> scan(const Bound& bound, int64_t now_us);
  // After a complete scan, until the next one.
  int64_t pause_after_full_scan();
  // Commits what the scan found. Returns how many slices wait to be read at the strongest level.
  Result<size_t> commit_scan(ScanCount count, const Bound& bound, Trust trust, int64_t now_us);
  // Replaces what differs.
  Result<size_t> commit_differences(ScanCount& count, const Bound& bound, Trust trust,
                                    int64_t now_us);
  // In the order of their event times: slices whose entry may have to change.
  std::vector<SliceKey> candidates(const ScanCount& count, const Bound& bound, Trust trust,
                                   int64_t now_us) const;
  bool may_change(const SliceKey& key, const Tally& tally, Trust trust, int64_t now_us) const;
  Result<size_t> commit_batch(std::vector<SliceKey> keys, ScanCount& count, Trust trust,
                              int64_t now_us, int64_t mark);
  Result<std::optional<Recount>> recount(StoredContribution&& stored, ScanCount& count, Trust trust,
                                         int64_t now_us);
  // In their order: slices that were never counted and are past their retention already.
  std::vector<SliceKey> history(const ScanCount& count, int64_t now_us) const;
  Result<void> commit_history(std::span<const SliceKey> keys, const ScanCount& count);
  Result<void> freeze(int64_t now_us);
  // Slices that leave the ledger with one commit.
  size_t freeze_batch() const;
  Result<void> note_late_rows(const FrozenRows& met);
  Policy policy_of(const SliceKey& key, int64_t now_us) const;
  // This scan has not settled the slice.
  void leave(const SliceKey& key);

  EnginePorts ports_;
  EngineOptions options_;
  ScanClock slices_;
  SliceLedger ledger_;
  SliceBook book_;
  Timer scan_timer_;
  Timer full_scan_timer_;
  Clockwork clockwork_;
  // What was found of slices that are held; not looked at again as long as it is the same.
  std::map<SliceKey, RowDigest> found_of_held_;
  bool started_ = false;
  bool scanned_ = false;
  // Rows seem to be missing, and this kept the last scan from making sure.
  std::optional<Error> unconfirmed_;
  std::optional<Error> full_unconfirmed_;  // the last complete scan
  // Since that no bounded one has run.
  bool bounded_is_next_ = false;
  int64_t full_retry_us_ = 0;
  // Slices of the last scan are to be counted once and for ever, by a complete one at the strongest
  // level.
  bool history_waits_ = false;
  // Somebody else replaced slices during the scan: scan once more.
  bool again_ = false;
  // The earliest bucket of event times that the scan under way has not settled though it could be.
  int64_t left_from_ = INT64_MAX;
  // Those before it were scanned after their time was over.
  int64_t swept_until_ = INT64_MAX;
  int64_t last_scan_us_ = INT64_MAX;
};

}  // namespace hirestream
