// The first half of verify: each unfrozen slice is counted again and compared with what the ledger
// has of it; with repair, differing ones are replaced by the same decision as an engine's
// (decision.h), by revision, without epochs: a running engine may go on. The common way is a sweep
// over the raw log; what differs is looked at again, slice by slice, before it is believed. Memory:
// one part of the ring (tail), one file, or the cells of the whole table (scan). Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/bucket_clock.h"
#include "pipeline/late_rows.h"
#include "pipeline/recount.h"
#include "pipeline/scan_clock.h"
#include "pipeline/scan_count.h"
#include "pipeline/slice_book.h"
#include "pipeline/verify.h"

namespace hirestream {

// Recounts that shall replace damaged slices of which nobody knows what they gave: only together
// with a correction of `events`, in one transaction. One without the other would leave numbers that
// nothing explains any more.
struct UnknownDamage {
  CommitPlan plan;
  // Of each slice: rows counted before, less those that replace them.
  std::map<SliceKey, int64_t> rows;
};

class SliceVerifier {
 public:
  // All outlive it; what it finds goes into the report.
  SliceVerifier(const EnginePorts& ports, const VerifyOptions& options, SliceLedger& ledger,
                VerifyReport& report);

  Result<void> check_all();
  // These alone, as far as they can be read, and if one of them is damaged, all other damaged ones:
  // what `events` must be is known only when none is left.
  Result<void> check(const std::set<SliceKey>& keys);
  UnknownDamage& unknown_damage() { return damage_; }

 private:
  // What the ledger had when the verification began.
  Result<void> note_entries();
  Result<void> note_listing();
  bool is_wanted(const SliceKey& key) const;
  bool by_scan() const { return !ports_.source.description().slice_reads; }
  bool is_files() const { return ports_.source.description().strategy == Strategy::kFiles; }

  // Counts the ring part by part; takes the slices that are as the ledger says out of `keys`, and
  // adds up rows of frozen ones.
  Result<void> sweep_ring(std::set<SliceKey>& keys);
  Result<void> compare_part(std::map<SliceKey, SliceCount> counts, std::set<SliceKey>& keys);
  Result<void> look_at(std::vector<SliceKey> keys);
  Result<std::vector<Recount>> recount(std::span<const SliceKey> keys);
  Result<void> take_look(Recount&& recount, bool last, std::vector<SliceKey>& again);
  // Once all others are repaired.
  Result<void> look_at_waiting(std::vector<SliceKey> keys);
  // Of a file that lacks rows which were counted: another file may be found to hold them.
  bool waits_for_others(const Recount& recount) const;

  Result<ScanCount> count_scanned(ReadLevel level);
  Result<void> check_scan();
  // Of counts by a scan; returns slices to be counted again at the strongest level.
  Result<std::vector<SliceKey>> compare_scanned(std::span<const SliceKey> keys, ScanCount& count,
                                                Trust trust);

  Policy policy_of(const LedgerEntry& entry) const;
  // Its rows may be missing because they have expired.
  bool is_past_retention(const LedgerEntry& entry) const;
  bool has_moved(const LedgerEntry& entry) const;
  void count_checked(const Recount& recount);
  // Reports what the recount's action says, and with repair does it.
  Result<void> conclude(Recount&& recount);
  // The file whose rows a file holds that is to be counted anew; see renamed_file.h.
  Result<std::optional<Recount>> renamed_to(const Recount& recount);
  // Of a file: it is gone, or not what it was when it was counted.
  bool is_another(const LedgerEntry& known);
  // Its rows are those that were counted: that is noted.
  Result<void> release(Recount&& recount);
  // `moved`: what it takes its rows from.
  Result<void> replace(Recount&& recount, std::optional<Recount> moved = {});
  Result<bool> commit(CommitPlan plan);
  // Rows of frozen slices that are in the raw log but were never counted, of days all of which the
  // sweep has met.
  Result<void> note_late_rows();
  Result<std::vector<SliceKey>> damaged_of(std::span<const SliceKey> keys);

  EnginePorts ports_;
  const VerifyOptions& options_;
  SliceLedger& ledger_;
  VerifyReport& report_;
  Recounter recounter_;
  BucketClock buckets_;
  // Only of a scan.
  std::optional<ScanClock> scan_clock_;
  // As the ledger was when the verification began.
  SliceBook noted_;
  std::map<SliceKey, SliceLabel> labels_;
  // That are in the raw log now.
  FrozenRows frozen_rows_;
  // Slices of the listing.
  std::set<SliceKey> there_;
  // Of files: numbers of rows of slices for which is_another().
  std::vector<int64_t> rows_that_may_move_;
  // Revisions at the last look.
  std::map<SliceKey, int64_t> revisions_;
  UnknownDamage damage_;
  // A slice that differed at this look may be one that is filled right now.
  bool filling_ = false;
  int64_t total_ = -1;
};

}  // namespace hirestream
