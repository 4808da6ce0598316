#include "simulation/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/scan_bucket.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kScanMaxUs = 60 * kSecondUs;     // from the begin of a scan to its commits
constexpr int64_t kLongLifeUs = 3600 * kSecondUs;  // longer than any run takes to count a row

std::string slice_text(const SliceKey& key) {
  return fmt::format("slice {}/{}", key.shard, key.bucket);
}

Measures value_of(const CellMap& cells, const CellKey& key) {
  const auto found = cells.find(key);
  return found == cells.end() ? Measures{} : found->second;
}

int64_t first_visible_us(const RowVersion& version) {
  return std::min(version.visible_us[0], version.visible_us[1]);
}

void add_class(RowClasses& classes, Fate fate) {
  switch (fate) {
    case Fate::kCounted:
      ++classes.counted;
      break;
    case Fate::kUnattributed:
      ++classes.unattributed;
      break;
    case Fate::kOther:
      ++classes.other;
      break;
    case Fate::kRejected:
      ++classes.rejected;
      break;
    case Fate::kBeforeStart:
      break;
  }
}

std::string classes_text(const RowClasses& c) {
  return fmt::format("counted {} unattributed {} other {} rejected {} too late {}", c.counted,
                     c.unattributed, c.other, c.rejected, c.too_late);
}

Measures greater_of(const Measures& a, const Measures& b) {
  return {std::max(a.impressions, b.impressions), std::max(a.clicks, b.clicks),
          std::max(a.conversions, b.conversions), std::max(a.qualified, b.qualified),
          std::max(a.unqualified, b.unqualified), std::max(a.bid_micros, b.bid_micros)};
}

Measures total(const CellMap& cells) {
  Measures sum;
  for (const auto& [cell, measures] : cells) {
    sum += measures;
  }
  return sum;
}

}  // namespace

Checks::Checks(const World& world, const RawLog& log, Promptness promptness)
    : world_(world), log_(log), promptness_(promptness) {
  const Strategy strategy = log.description().strategy;
  for (size_t i = 0; i < log.rows().size(); ++i) {
    const RawRow& row = log.rows()[i];
    // What was there before the first start is history: it takes as long as it takes. A row that
    // comes back is found by an audit.
    if (row.versions.size() > 1 || row.comes_back() ||
        row.expires_us - row.everywhere_us() < kLongLifeUs ||
        row.versions.front().outcome.fate != Fate::kCounted ||
        row.everywhere_us() < world.now_us()) {
      continue;
    }
    // Scan: how late an event is shows in its own time; else in its arrival time. Numbers of a
    // sequence are never late.
    const int64_t base_us =
        strategy == Strategy::kScan ? row.versions.front().values.ts.meaning : row.arrival_us;
    const int64_t seen_us = row.everywhere_us();
    const bool clocks_are_right = row.arrival_us > promptness_.clocks_right_us;
    const int64_t lateness_max_us =
        promptness_.lateness_max_us + (clocks_are_right ? 2 * promptness_.clock_step_us : 0);
    if (strategy != Strategy::kFollow && seen_us - base_us > lateness_max_us) {
      continue;
    }
    const int64_t from_us =
        strategy == Strategy::kTail ? std::max(seen_us, row.arrival_us) : seen_us;
    prompt_queue_.emplace_back(from_us + promptness_.delay_max_us, i);
  }
  std::sort(prompt_queue_.begin(), prompt_queue_.end());
}

Checks::Expected Checks::at_most_now(const SliceKey& key) const {
  Expected out;
  for (const size_t index : log_.rows_of(key)) {
    CellMap best;
    bool visible = false;
    for (const RowVersion& version : log_.rows()[index].versions) {
      if (first_visible_us(version) > world_.now_us() ||
          version.outcome.fate == Fate::kBeforeStart) {
        continue;
      }
      visible = true;
      if (version.outcome.fate == Fate::kCounted) {
        Measures& measures = best[version.outcome.cell];
        measures = greater_of(measures, version.outcome.measures);
      }
    }
    out.rows += visible ? 1 : 0;
    for (const auto& [cell, measures] : best) {
      add_to(out.cells, cell, measures);
    }
  }
  return out;
}

Checks::Expected Checks::exactly_now(const SliceKey& key) const {
  Expected out;
  for (const size_t index : log_.rows_of(key)) {
    const RowVersion* last = nullptr;
    for (const RowVersion& version : log_.rows()[index].versions) {
      last = first_visible_us(version) <= world_.now_us() ? &version : last;
    }
    if (last == nullptr || last->outcome.fate == Fate::kBeforeStart ||
        may_be_lost(log_.rows()[index])) {
      continue;
    }
    ++out.rows;
    add_class(out.classes, last->outcome.fate);
    if (last->outcome.fate == Fate::kCounted) {
      add_to(out.cells, last->outcome.cell, last->outcome.measures);
    }
  }
  return out;
}

void Checks::check_slice(const LedgerEntry& before, const CellMap& cells_before,
                         const LedgerEntry& after, const CellMap& cells_after) const {
  const SliceKey& key = after.key;
  if (after.classes.total() - after.classes.too_late != after.digest.rows) {
    violated("Accounted", fmt::format("{}: {} rows, but {}", slice_text(key), after.digest.rows,
                                      classes_text(after.classes)));
  }
  const auto gone = [this](size_t row) {
    return log_.rows()[row].was_gone_lately(world_.now_us());
  };
  const std::vector<size_t>& rows = log_.rows_of(key);
  const auto gone_or_overwritten = [&](size_t row) {
    return gone(row) || log_.rows()[row].versions.size() > 1;
  };
  if (after.held && !exempt_.contains(key) &&
      std::none_of(rows.begin(), rows.end(), gone_or_overwritten)) {
    violated("Shrink",
             fmt::format("{} is held, but no row is gone or overwritten", slice_text(key)));
  }
  const Expected bound = at_most_now(key);
  if (after.digest.rows > bound.rows) {
    violated("Sound", fmt::format("{}: {} rows counted, {} visible by now", slice_text(key),
                                  after.digest.rows, bound.rows));
  }
  const bool may_lose = std::any_of(rows.begin(), rows.end(),
                                    [this](size_t row) { return may_be_lost(log_.rows()[row]); });
  if (!may_lose && after.digest.rows < before.digest.rows) {
    violated("Sound", fmt::format("{}: {} rows counted before, {} now", slice_text(key),
                                  before.digest.rows, after.digest.rows));
  }
  for (const auto& [cell, measures] : cells_after) {
    if (!at_most(measures, value_of(bound.cells, cell))) {
      violated("Sound", fmt::format("{}: {} holds {}, visible by now are {}", slice_text(key),
                                    describe(cell), describe(measures),
                                    describe(value_of(bound.cells, cell))));
    }
  }
  std::set<CellKey> moved;  // cells of overwritten rows may lose what the old version gave
  for (const size_t index : log_.rows_of(key)) {
    if (log_.rows()[index].versions.size() > 1) {
      for (const RowVersion& version : log_.rows()[index].versions) {
        moved.insert(version.outcome.cell);
      }
    }
  }
  // Rows that go while as many others come, which were not counted yet, cannot be told from
  // overwritten ones.
  const bool exchanged =
      after.digest.rows >= before.digest.rows &&
      std::any_of(rows.begin(), rows.end(), [&](size_t row) { return gone(row); });
  for (const auto& [cell, measures] : cells_before) {
    if (!may_lose && !exchanged && !moved.contains(cell) &&
        !at_most(measures, value_of(cells_after, cell))) {
      violated("Sound", fmt::format("{}: counted rows were taken away from {}: {} before, {} now",
                                    slice_text(key), describe(cell), describe(measures),
                                    describe(value_of(cells_after, cell))));
    }
  }
  if (!moved.empty() || after.digest.rows != bound.rows) {
    return;
  }
  const Expected exact = exactly_now(key);
  if (exact.cells != cells_after) {
    violated("Sound", fmt::format("{}: all {} rows are counted, but the sums are wrong",
                                  slice_text(key), bound.rows));
  }
  if (!(exact.classes == after.classes)) {
    violated("Accounted", fmt::format("{}: {}, expected {}", slice_text(key),
                                      classes_text(after.classes), classes_text(exact.classes)));
  }
}

void Checks::check_totals(const SliceKey& key, const CellMap& before, const CellMap& after) const {
  if (!shrink_allowed_ && !at_most(total(before), total(after))) {
    violated("Shrink", fmt::format("{}: counted {} in all before, {} now", slice_text(key),
                                   describe(total(before)), describe(total(after))));
  }
}

void Checks::check_promptness(const std::map<SliceKey, StoredSlice>& ledger, int64_t disturbed_us) {
  const int64_t now_us = world_.now_us();
  for (; prompt_next_ < prompt_queue_.size() && prompt_queue_[prompt_next_].first <= now_us;
       ++prompt_next_) {
    const RawRow& row = log_.rows()[prompt_queue_[prompt_next_].second];
    add_to(prompt_cells_[row.slice], row.versions.front().outcome.cell,
           row.versions.front().outcome.measures);
    prompt_dirty_.insert(row.slice);
  }
  if (now_us <
      std::max(world_.disturbed_us(), disturbed_us) + promptness_.delay_max_us + 3 * kSecondUs) {
    return;
  }
  std::set<SliceKey> later;
  for (const SliceKey& key : prompt_dirty_) {
    const auto found = ledger.find(key);
    if (is_released(key) || (found != ledger.end() && found->second.entry.held)) {
      later.insert(key);  // nothing is counted while rows are missing
      continue;
    }
    // What went with its table while nobody could read it cannot be counted any more.
    const auto is_lost = [&](size_t row) {
      return log_.rows()[row].lost && log_.rows()[row].is_gone(now_us);
    };
    if (exempt_.contains(key) || is_frozen_(key) ||
        std::ranges::any_of(log_.rows_of(key), is_lost)) {
      continue;
    }
    static const CellMap kNone;
    const CellMap& have = found == ledger.end() ? kNone : found->second.cells;
    for (const auto& [cell, measures] : prompt_cells_[key]) {
      if (!at_most(measures, value_of(have, cell))) {
        violated("Prompt",
                 fmt::format("{} ({}): {} holds {}, rows that came in time are {}", slice_text(key),
                             found == ledger.end() ? "not in the ledger" : "in the ledger",
                             describe(cell), describe(value_of(have, cell)), describe(measures)));
      }
    }
  }
  prompt_dirty_ = std::move(later);
}

void Checks::check_settled(const std::map<SliceKey, StoredSlice>& ledger, int32_t shard,
                           int64_t mark_before, int64_t mark,
                           const std::set<SliceKey>& repaired) const {
  const SourceDescription& source = log_.description();
  const bool follow = source.strategy == Strategy::kFollow;
  const int64_t width_us = follow ? 0 : source.bucket_width.us();
  const bool over =
      follow ? mark <= log_.newest_sequence(world_.now_us()) / source.bucket_width.number()
             : mark * width_us + promptness_.grace_us <=
                   world_.now_us() + promptness_.clock_error_max_us;
  if (!over) {
    violated(
        "Settled",
        fmt::format("shard {}: settled until {}, which is over only {:.1f} s from now", shard, mark,
                    static_cast<double>(mark * width_us + promptness_.grace_us -
                                        promptness_.clock_error_max_us - world_.now_us()) /
                        static_cast<double>(kSecondUs)));
  }
  const bool scan = source.strategy == Strategy::kScan;
  // Of a scan the mark is one of event times; slices without one are never below it.
  const auto place_of = [scan](const SliceKey& key) {
    return scan ? ScanBucket::of(key.bucket).event.value_or(INT64_MAX) : key.bucket;
  };
  for (const auto& [key, slice] : ledger) {
    // A scan raises its mark over slices that it is going to scan once more: not asked of it.
    if (!scan && key.shard == shard && key.bucket < mark &&
        slice.entry.state == SliceState::kOpen && !slice.entry.held && !repaired.contains(key)) {
      violated("Settled", fmt::format("{} is open, but settled until {}", slice_text(key), mark));
    }
  }
  for (const auto& [key, rows] : log_.slices()) {
    if (key.shard != shard || place_of(key) < mark_before || place_of(key) >= mark) {
      continue;
    }
    if (is_frozen_(key) && !frozen_slices_->contains(key)) {
      continue;  // history
    }
    const std::map<SliceKey, StoredSlice>& where = is_frozen_(key) ? *frozen_slices_ : ledger;
    const auto found = where.find(key);
    int64_t in_time_us = follow ? world_.now_us()
                                : (place_of(key) + 1) * width_us + promptness_.grace_us -
                                      2 * promptness_.clock_error_max_us;
    if (scan && is_frozen_(key)) {
      in_time_us = std::min(in_time_us, scan_retention_end_us(key) -
                                            2 * promptness_.clock_error_max_us - 4 * kSecondUs);
    }
    check_counted_by(key, found == where.end() ? StoredSlice{} : found->second, in_time_us,
                     Invariant::kSettled);
  }
}

int64_t Checks::scan_retention_end_us(const SliceKey& key) const {
  const auto arrival = ScanBucket::of(key.bucket).arrival;
  const int64_t width_us = log_.description().arrival_width.us();
  return arrival ? *arrival * width_us +
                       std::max(promptness_.retention_us, width_us + promptness_.grace_us)
                 : INT64_MAX / 2;
}

bool Checks::missed_rows_after(const SliceKey& key, int64_t time_us) const {
  const std::vector<size_t>& rows = log_.rows_of(key);
  return std::any_of(rows.begin(), rows.end(), [&](size_t index) {
    const RawRow& row = log_.rows()[index];
    return row.lost || (row.comes_back() && row.gone_until_us >= time_us);
  });
}

void Checks::check_counted_by(const SliceKey& key, const StoredSlice& slice, int64_t visible_us,
                              Invariant invariant) const {
  const bool just_released = invariant == Invariant::kSettled && is_released(key);
  if (exempt_.contains(key) || slice.entry.held || just_released) {
    return;
  }
  CellMap want;
  for (const size_t index : log_.rows_of(key)) {
    const RawRow& row = log_.rows()[index];
    const bool unseen = row.comes_back() && invariant == Invariant::kSettled;  // when it was read
    if (row.versions.size() == 1 && !unseen && row.everywhere_by(visible_us) &&
        !row.has_expired(world_.now_us()) && row.versions.front().outcome.fate == Fate::kCounted) {
      add_to(want, row.versions.front().outcome.cell, row.versions.front().outcome.measures);
    }
  }
  for (const auto& [cell, measures] : want) {
    if (!at_most(measures, value_of(slice.cells, cell))) {
      violated(invariant == Invariant::kSettled ? "Settled" : "Late",
               fmt::format("{}: {} holds {}, expected at least {}", slice_text(key), describe(cell),
                           describe(value_of(slice.cells, cell)), describe(measures)));
    }
  }
}

// Rows that are back, new ones and overwritten ones at once cannot be told from an exchange: that
// is for somebody to decide.
bool Checks::may_be_held(const SliceKey& key, int64_t back_us) const {
  const std::vector<size_t>& rows = log_.rows_of(key);
  return std::any_of(rows.begin(), rows.end(), [&](size_t index) {
    const RawRow& row = log_.rows()[index];
    return row.expires_us <= world_.now_us() || row.versions.size() > 1 ||
           (row.comes_back() && row.gone_until_us > back_us);
  });
}

void Checks::check_released(const SliceKey& key, const StoredSlice& slice, int64_t back_us) const {
  if (slice.entry.held && !exempt_.contains(key) && !may_be_held(key, back_us)) {
    violated("Shrink", fmt::format("{} is still held, but all its rows are back", slice_text(key)));
  }
}

bool Checks::gives_less_now(const SliceKey& key, const StoredSlice& slice) const {
  const std::vector<size_t>& rows = log_.rows_of(key);
  return std::any_of(rows.begin(), rows.end(),
                     [&](size_t row) { return log_.rows()[row].versions.size() > 1; }) &&
         !at_most(total(slice.cells), total(exactly_now(key).cells));
}

void Checks::check_truth(const std::map<SliceKey, StoredSlice>& ledger) const {
  std::set<SliceKey> keys;
  for (const auto& [key, rows] : log_.slices()) {
    keys.insert(key);
  }
  for (const auto& [key, slice] : ledger) {
    keys.insert(key);
  }
  for (const SliceKey& key : keys) {
    const auto found = ledger.find(key);
    const StoredSlice slice = found == ledger.end() ? StoredSlice{} : found->second;
    // Damaged ones are replaced together or not at all.
    const bool undecided =
        slice.entry.held && (exempt_.contains(key) || may_be_held(key, world_.now_us()));
    if (!is_frozen_(key) && !has_expired_rows(key) && !undecided && !gives_less_now(key, slice)) {
      check_exact(key, slice);
    }
  }
}

void Checks::check_history(const std::map<SliceKey, StoredSlice>& ledger, const CellMap& history,
                           int64_t start_us) const {
  CellMap least;
  CellMap most;
  for (const auto& [key, rows] : log_.slices()) {
    if (!is_frozen_(key) || frozen_slices_->contains(key) || ledger.contains(key)) {
      continue;
    }
    for (const auto& [cell, measures] : at_most_now(key).cells) {
      add_to(most, cell, measures);
    }
    for (const size_t index : rows) {
      const RawRow& row = log_.rows()[index];
      if (row.versions.size() == 1 && !row.comes_back() && row.everywhere_by(start_us) &&
          row.expires_us == INT64_MAX && row.versions.front().outcome.fate == Fate::kCounted) {
        add_to(least, row.versions.front().outcome.cell, row.versions.front().outcome.measures);
      }
    }
  }
  CellMap cells = least;
  cells.insert(history.begin(), history.end());
  for (const auto& [cell, unused] : cells) {
    const Measures have = value_of(history, cell);
    if (!at_most(value_of(least, cell), have) || !at_most(have, value_of(most, cell))) {
      violated("History", fmt::format("{}: {} was counted of it, expected {} to {}", describe(cell),
                                      describe(have), describe(value_of(least, cell)),
                                      describe(value_of(most, cell))));
    }
  }
}

int64_t Checks::least_of_history(const SliceKey& key) const {
  if (log_.description().strategy != Strategy::kScan) {
    return 0;
  }
  const std::vector<size_t>& rows = log_.rows_of(key);
  return std::count_if(rows.begin(), rows.end(), [this](size_t index) {
    const RawRow& row = log_.rows()[index];
    return row.versions.front().outcome.fate != Fate::kBeforeStart &&
           first_visible_us(row.versions.front()) + kScanMaxUs <= world_.now_us() &&
           !row.was_gone_lately(world_.now_us());
  });
}

int64_t Checks::rows_frozen_at_most() const {
  int64_t rows = 0;
  for (const auto& [key, unused] : log_.slices()) {
    rows += is_frozen_(key) ? at_most_now(key).rows : 0;
  }
  return rows;
}

void Checks::check_row_hash(const SliceKey& key, const StoredSlice& slice) const {
  if (!slice.entry.digest.hash_known() && !slice.entry.held && !exempt_.contains(key)) {
    violated("Accounted", fmt::format("{}: nobody has counted it since the upgrade, so which rows "
                                      "it holds is not known",
                                      slice_text(key)));
  }
}

void Checks::check_truth_of_old(const SliceKey& key, const StoredSlice& slice,
                                int64_t seen_us) const {
  const std::vector<size_t>& rows = log_.rows_of(key);
  const bool quiet = std::all_of(rows.begin(), rows.end(), [&](size_t index) {
    const RawRow& row = log_.rows()[index];
    return !row.comes_back() &&
           std::all_of(row.versions.begin(), row.versions.end(), [&](const RowVersion& version) {
             return version.visible_us[0] <= seen_us && version.visible_us[1] <= seen_us;
           });
  });
  if (quiet && !exempt_.contains(key) && !slice.entry.held && !is_frozen_(key) &&
      !has_expired_rows(key)) {
    check_exact(key, slice);
  }
}

bool Checks::has_expired_rows(const SliceKey& key) const {
  const std::vector<size_t>& rows = log_.rows_of(key);
  return std::any_of(rows.begin(), rows.end(), [this](size_t index) {
    const RawRow& row = log_.rows()[index];
    return row.has_expired(world_.now_us()) && !may_be_lost(row);
  });
}

void Checks::check_exact(const SliceKey& key, const StoredSlice& slice) const {
  const Expected exact = exactly_now(key);
  if (exact.rows != slice.entry.digest.rows) {
    violated("Truth",
             fmt::format("{}: {} rows counted, {} in the raw log{}", slice_text(key),
                         slice.entry.digest.rows, exact.rows, slice.entry.held ? ", held" : ""));
  }
  CellMap both = exact.cells;
  both.insert(slice.cells.begin(), slice.cells.end());
  for (const auto& [cell, unused] : both) {
    if (!(value_of(exact.cells, cell) == value_of(slice.cells, cell))) {
      violated("Truth", fmt::format("{}: {} holds {}, a recount gives {}", slice_text(key),
                                    describe(cell), describe(value_of(slice.cells, cell)),
                                    describe(value_of(exact.cells, cell))));
    }
  }
  if (!(exact.classes == slice.entry.classes)) {
    violated("Accounted",
             fmt::format("{}: {}, a recount gives {}", slice_text(key),
                         classes_text(slice.entry.classes), classes_text(exact.classes)));
  }
}

}  // namespace hirestream::simulation
