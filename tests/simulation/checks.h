// The invariants of the ledger protocol, checked against the raw log by recounting it the slow way.
//   at every commit   Atomic, Fence, Sound, Accounted, Settled, Retention (called by the fake
//                     warehouse)
//   at every second   Prompt
//   at the end        Truth, Accounted, Company, Late, History, Retention, Verify
// A violation is thrown (InvariantViolation).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ports/warehouse.h"
#include "simulation/fake_raw_log.h"
#include "simulation/raw_rows.h"
#include "simulation/world.h"

namespace hirestream::simulation {

// One slice as the warehouse holds it.
struct StoredSlice {
  LedgerEntry entry;
  CellMap cells;  // decoded
};

// How late a row may come and still be counted at once, how long "at once" is, and when a slice is
// over.
struct Promptness {
  int64_t retention_us = 0;
  int64_t lateness_max_us = 0;
  int64_t delay_max_us = 0;
  int64_t grace_us = 0;
  int64_t clock_error_max_us = 0;
  // Of that, how far clocks step that go wrong, and when they are right again.
  int64_t clock_step_us = 0;
  int64_t clocks_right_us = 0;
};

class Checks {
 public:
  Checks(const World& world, const RawLog& log, Promptness promptness);

  // What has left the ledger: slices as they were then, and which have.
  void look_at_frozen(const std::map<SliceKey, StoredSlice>& slices,
                      std::function<bool(const SliceKey&)> is_frozen) {
    frozen_slices_ = &slices;
    is_frozen_ = std::move(is_frozen);
  }
  // Slices that a repair released: whoever counts them hears of it at the next audit.
  void look_at_released(const std::set<SliceKey>& slices) { released_ = &slices; }
  // Sound and Accounted of a slice whose entry was just replaced.
  void check_slice(const LedgerEntry& before, const CellMap& cells_before, const LedgerEntry& after,
                   const CellMap& cells_after) const;

  // Rows whose time to be counted has come are in, unless the engines, or those of this source,
  // were disturbed a short while ago. Call again and again.
  void check_promptness(const std::map<SliceKey, StoredSlice>& ledger, int64_t disturbed_us);
  // The ledger holds exactly the rows visible now; frozen slices aside, of which `events` must
  // still hold what they gave, and those that wait for somebody to decide.
  void check_truth(const std::map<SliceKey, StoredSlice>& ledger) const;
  // Truth without anybody's help: a slice all of whose rows, overwritten ones too, were visible
  // everywhere by then is exact.
  void check_truth_of_old(const SliceKey& key, const StoredSlice& slice, int64_t seen_us) const;
  // Settled: below `mark` every bucket of the shard is over, no slice of the ledger is open, and
  // what was visible everywhere in time is counted. Slices that a repair has touched wait for the
  // engine to hear of them.
  void check_settled(const std::map<SliceKey, StoredSlice>& ledger, int32_t shard,
                     int64_t mark_before, int64_t mark, const std::set<SliceKey>& repaired) const;
  // Shrink: a slice is held only while it lacks rows; those that had them all back by then are not
  // held any more, unless rows of them were overwritten.
  void check_released(const SliceKey& key, const StoredSlice& slice, int64_t back_us) const;
  enum class Invariant { kSettled, kLate };
  // Of a slice of a scan: when it may freeze.
  int64_t scan_retention_end_us(const SliceKey& key) const;
  // Whether rows of it were missing everywhere at that time or later, or went with their table: new
  // ones that came meanwhile cannot be told from an exchange.
  bool missed_rows_after(const SliceKey& key, int64_t time_us) const;
  // History that was counted straight into the frozen base: every row that was visible everywhere
  // before the first start is in it, and none twice.
  void check_history(const std::map<SliceKey, StoredSlice>& ledger, const CellMap& history,
                     int64_t start_us) const;
  // Rows that whoever counts a slice of a scan once and for ever must have: some replica has shown
  // them for long.
  int64_t least_of_history(const SliceKey& key) const;
  // Rows of frozen slices that some replica shows or has shown.
  int64_t rows_frozen_at_most() const;
  // Accounted: which rows a slice holds is known, of an older version's too.
  void check_row_hash(const SliceKey& key, const StoredSlice& slice) const;
  // Every slice holds at least the rows that were visible everywhere by then.
  void check_counted_by(const SliceKey& key, const StoredSlice& slice, int64_t visible_us,
                        Invariant invariant) const;

  // Slices whose stored contribution is damaged wait for a repair: neither Prompt nor Late is asked
  // of them.
  // Shrink: what a slice gives to all cells together never gets less, unless that is allowed.
  void check_totals(const SliceKey& key, const CellMap& before, const CellMap& after) const;
  // Somebody lets slices give less from now on, or no longer.
  void allow_shrink(bool allowed) { shrink_allowed_ = allowed; }
  // Somebody lets rows go that were lost when their table was made anew.
  void allow_loss() { loss_allowed_ = true; }
  void exempt(const SliceKey& key, bool on) {
    if (on) {
      exempt_.insert(key);
    } else {
      exempt_.erase(key);
    }
  }

 private:
  struct Expected {
    CellMap cells;
    RowClasses classes;
    int64_t rows = 0;
  };
  // Upper bound: any version of any row that some replica shows or has shown.
  Expected at_most_now(const SliceKey& key) const;
  Expected exactly_now(const SliceKey& key) const;
  // But for those whose loss was allowed.
  bool has_expired_rows(const SliceKey& key) const;
  bool may_be_lost(const RawRow& row) const {
    return loss_allowed_ && row.lost && row.has_expired(world_.now_us());
  }
  bool may_be_held(const SliceKey& key, int64_t back_us) const;
  bool is_released(const SliceKey& key) const {
    return released_ != nullptr && released_->contains(key);
  }
  void check_exact(const SliceKey& key, const StoredSlice& slice) const;

  const World& world_;
  const RawLog& log_;
  Promptness promptness_;
  const std::map<SliceKey, StoredSlice>* frozen_slices_ = nullptr;
  const std::set<SliceKey>* released_ = nullptr;
  std::function<bool(const SliceKey&)> is_frozen_ = [](const SliceKey&) { return false; };
  // Rows were overwritten so that they give less: that is for somebody to decide.
  bool gives_less_now(const SliceKey& key, const StoredSlice& slice) const;

  std::set<SliceKey> exempt_;
  bool shrink_allowed_ = false;
  bool loss_allowed_ = false;
  // (earliest time to ask for it, row), rising
  std::vector<std::pair<int64_t, size_t>> prompt_queue_;
  size_t prompt_next_ = 0;
  std::map<SliceKey, CellMap> prompt_cells_;  // what must be in by now
  std::set<SliceKey> prompt_dirty_;           // asked for, not yet found
};

}  // namespace hirestream::simulation
