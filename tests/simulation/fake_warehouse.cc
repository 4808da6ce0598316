#include "simulation/fake_warehouse.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "aggregation/contribution_codec.h"
#include "pipeline/slice_ledger.h"
#include "ports/day_changes.h"
#include "ports/source_check.h"

namespace hirestream::simulation {
namespace {

tl::unexpected<Error> transient(std::string_view call, const std::string& message) {
  return fail(ErrorKind::kTransient, std::string(call), "warehouse", message);
}

std::string_view mode_name(ChangeMode mode) {
  switch (mode) {
    case ChangeMode::kAppend:
      return "append";
    case ChangeMode::kReplace:
      return "replace";
    case ChangeMode::kKeep:
      return "keep";
    case ChangeMode::kFreeze:
      return "freeze";
  }
  return "?";
}

std::string_view state_name(SliceState state) {
  return state == SliceState::kOpen ? "open" : "settled";
}

}  // namespace

// ---- the database

void WarehouseDatabase::watch(const std::string& source, Checks& checks) {
  auto& added = watched_[source] = std::make_unique<Watched>();
  added->checks = &checks;
  checks.look_at_frozen(added->frozen_slices,
                        [this, source](const SliceKey& key) { return is_frozen(key, source); });
  checks.look_at_released(added->released);
}

SourceId WarehouseDatabase::id_of(const std::string& source) const {
  const auto known = now_.sources.find(source);
  return source.empty() ? 1 : known == now_.sources.end() ? 0 : known->second.first;
}

WarehouseDatabase::Watched* WarehouseDatabase::watched(SourceId source) const {
  const auto found = std::find_if(watched_.begin(), watched_.end(), [&](const auto& candidate) {
    return id_of(candidate.first) == source;
  });
  return found == watched_.end() ? nullptr : found->second.get();
}

bool WarehouseDatabase::locks_overlap(const Commit& a, const Commit& b) const {
  const bool same_source = a.source == b.source;
  for (const WriterEpoch& x : a.writers) {
    for (const WriterEpoch& y : b.writers) {
      if (same_source && x.shard == y.shard) {
        return true;
      }
    }
  }
  for (const SliceChange& x : a.slices) {
    for (const SliceChange& y : b.slices) {
      if (same_source && x.entry.key == y.entry.key) {
        return true;
      }
    }
  }
  for (const CellChange& x : a.cells) {
    for (const CellChange& y : b.cells) {
      if (x.key == y.key) {
        return true;
      }
    }
  }
  return a.writers.empty() && b.writers.empty();  // both hold the count of changes
}

void WarehouseDatabase::end_orphans(bool all) {
  for (size_t i = 0; i < orphans_.size();) {
    if (!all && orphans_[i].end_us > world_.now_us()) {
      ++i;
      continue;
    }
    const Orphan orphan = std::move(orphans_[i]);
    orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(i));
    if (orphan.commits) {
      world_.trace("warehouse", "a transaction whose client is gone commits now");
      apply(orphan.commit, orphan.taken);
    }
  }
}

CommitOutcome WarehouseDatabase::check_guards(const Commit& commit) const {
  CommitOutcome outcome;
  if (commit.jobs_version && *commit.jobs_version != now_.jobs_version) {
    outcome.verdict = CommitVerdict::kJobsMoved;
    return outcome;
  }
  for (const WriterEpoch& writer : commit.writers) {
    const auto found = now_.writers.find({commit.source, writer.shard});
    if (found == now_.writers.end() || found->second.epoch != writer.epoch) {
      outcome.verdict = CommitVerdict::kFenced;
      return outcome;
    }
  }
  if (commit.based_on_changes && *commit.based_on_changes != now_.changes) {
    outcome.verdict = CommitVerdict::kConflict;
    return outcome;
  }
  for (const SliceChange& change : commit.slices) {
    const auto found = now_.slices.find({commit.source, change.entry.key});
    const int64_t revision = found == now_.slices.end() ? 0 : found->second.entry.revision;
    const bool below_mark = commit.writers.empty() && change.entry.revision == 0 &&
                            change.mode != ChangeMode::kFreeze &&
                            is_frozen(commit.source, change.entry.key);
    if (revision != change.entry.revision || below_mark) {
      outcome.verdict = CommitVerdict::kConflict;
      outcome.conflicts.push_back(change.entry.key);
      // "at least one, not necessarily all"
      if (world_.now_us() % 2 == 0) {
        return outcome;
      }
    }
  }
  return outcome;
}

void WarehouseDatabase::check_shape(const Commit& commit) const {
  for (size_t i = 0; i < commit.slices.size(); ++i) {
    const SliceChange& change = commit.slices[i];
    if (i > 0 && !(commit.slices[i - 1].entry.key < change.entry.key)) {
      violated("Contract", "the slices of a commit are not sorted or not unique");
    }
    if (!is_canonical(change.contribution)) {
      violated("Contract", "the contribution of a slice is not canonical");
    }
  }
  for (size_t i = 0; i < commit.cells.size(); ++i) {
    if (i > 0 && !(commit.cells[i - 1].key < commit.cells[i].key)) {
      violated("Contract", "the cells of a commit are not sorted or not unique");
    }
    if (commit.cells[i].delta.is_zero()) {
      violated("Contract", "a cell of a commit changes nothing");
    }
  }
  if (commit.token == 0) {
    violated("Contract", "a commit without token");
  }
}

void WarehouseDatabase::check_fence(const Commit& commit,
                                    const std::map<int32_t, int64_t>& taken) const {
  for (const SliceChange& change : commit.slices) {
    const auto own = taken.find(change.entry.key.shard);
    if (own == taken.end()) {
      continue;  // a repair: goes by revision alone
    }
    const auto writer = now_.writers.find({commit.source, change.entry.key.shard});
    if (writer->second.epoch != own->second) {
      violated("Fence",
               fmt::format("epoch {} committed slice {}/{} after epoch {} was taken", own->second,
                           change.entry.key.shard, change.entry.key.bucket, writer->second.epoch));
    }
  }
}

// Whoever commits may be gone when a job moves: rows have the company of the moment of their
// commit.
void WarehouseDatabase::check_companies(const Commit& commit) const {
  for (const CellChange& cell : commit.cells) {
    const auto job = now_.jobs.find(cell.key.job_id);
    const int64_t want = job == now_.jobs.end() ? 0 : job->second.company_id;
    if (cell.company_id != want) {
      violated("Company", fmt::format("{}: a commit gives it company {}, its job has {}",
                                      describe(cell.key), cell.company_id, want));
    }
  }
}

void WarehouseDatabase::apply(const Commit& commit, const std::map<int32_t, int64_t>& taken) {
  check_shape(commit);
  Watched* const watch = watched(commit.source);
  if (watch != nullptr) {
    check_fence(commit, taken);
    check_companies(commit);
  }
  ++commits_;
  now_.changes += commit.writers.empty() ? 1 : 0;
  std::set<CellKey> touched;
  if (!commit.writers.empty() && (!commit.frozen_hours.empty() || !commit.frozen_days.empty())) {
    const CellMap history = history_of(commit);
    if (watch != nullptr) {
      check_frozen(commit, history);
    }
    for (const auto& [cell, measures] : history) {
      add_to(expected_events_, cell, measures);
      if (watch != nullptr) {
        add_to(watch->history, cell, measures);
      }
      touched.insert(cell);
    }
  }
  if (commit.writers.empty() && !commit.frozen_hours.empty()) {
    for (const CellChange& cell : commit.cells) {
      add_to(expected_events_, cell.key, cell.delta);
      touched.insert(cell.key);
    }
  }
  apply_frozen(commit);
  for (const auto& [shard, kinds] : commit.frozen_kinds) {
    freeze_kinds(commit.source, shard, kinds.all());
  }
  if (commit.fingerprint) {
    for (auto& [name, source] : now_.sources) {
      if (source.first == commit.source) {
        source.second.fingerprint = *commit.fingerprint;
      }
    }
  }
  for (const SliceChange& change : commit.slices) {
    apply_slice(commit, change, touched);
  }
  for (const CellChange& change : commit.cells) {
    apply_cell(now_.events, change, commit.now_us);
    touched.insert(change.key);
  }
  const std::vector<CellChange> days = days_of(commit).value();
  for (const CellChange& change : days) {
    apply_cell(now_.days, change, commit.now_us);
  }
  for (const WriterEpoch& writer : commit.writers) {
    now_.writers[{commit.source, writer.shard}].token = commit.token;
  }
  for (const auto& [shard, bucket] : commit.settled_until) {
    const auto [mark, fresh] = now_.settled_until[commit.source].emplace(shard, INT64_MIN);
    if (watch != nullptr) {
      watch->checks->check_settled(ledger_of(commit.source), shard, mark->second, bucket,
                                   watch->repaired);
    }
    mark->second = std::max(mark->second, bucket);
  }
  if (watch != nullptr) {
    check_cells(touched);
  }
}

// What a commit adds to `events` beyond the changes of its slices: history that goes straight into
// the frozen base.
CellMap WarehouseDatabase::history_of(const Commit& commit) const {
  CellMap beyond;
  for (const CellChange& cell : commit.cells) {
    add_to(beyond, cell.key, cell.delta);
  }
  for (const SliceChange& change : commit.slices) {
    if (change.mode == ChangeMode::kKeep || change.mode == ChangeMode::kFreeze) {
      continue;
    }
    for (const Cell& cell : change.contribution) {
      Measures minus;
      minus -= cell.measures;
      add_to(beyond, cell.key, minus);
    }
    const StoredSlice* before = stored_slice(commit.source, change.entry.key);
    for (const auto& [cell, measures] :
         before == nullptr || change.mode == ChangeMode::kAppend ? CellMap() : before->cells) {
      add_to(beyond, cell, measures);
    }
  }
  return beyond;
}

// The frozen sums of a commit are those of the slices that leave the ledger and of the history that
// never was in it.
void WarehouseDatabase::check_frozen(const Commit& commit, const CellMap& history) const {
  CellMap hours;
  FrozenDay sum;
  int64_t least = 0;
  for (const SliceChange& change : commit.slices) {
    const StoredSlice* slice = stored_slice(commit.source, change.entry.key);
    if (change.mode == ChangeMode::kFreeze && change.entry.revision == 0) {
      least += watched(commit.source)->checks->least_of_history(change.entry.key);
    }
    if (change.mode != ChangeMode::kFreeze || slice == nullptr) {
      continue;
    }
    for (const auto& [cell, measures] : slice->cells) {
      add_to(hours, CellKey{.local_hour = cell.local_hour}, measures);
    }
    sum.slices += 1;
    sum.digest += slice->entry.digest;
    sum.classes += slice->entry.classes;
  }
  Contribution counted;
  for (const auto& [cell, measures] : history) {
    add_to(hours, CellKey{.local_hour = cell.local_hour}, measures);
    counted.push_back({cell, measures});
  }
  if (hours != to_map(commit.frozen_hours)) {
    violated("Retention", "the frozen sums by hour are not what was frozen");
  }
  FrozenDay told;
  for (const FrozenDay& day : commit.frozen_days) {
    told += day;
  }
  if (told.classes.total() - told.classes.too_late != told.digest.rows) {
    violated("Accounted", "rows of frozen slices are in no class, or in two");
  }
  if (told.digest.rows - sum.digest.rows < least) {
    violated("History", fmt::format("{} rows of it are counted for good, but at least {} are there",
                                    told.digest.rows - sum.digest.rows, least));
  }
  // Slices that are cut anew leave nothing but the rows that have gone.
  if ((!commit.fingerprint && (told.slices < sum.slices || told.digest.rows < sum.digest.rows)) ||
      told.classes.counted - sum.classes.counted != rows_counted(counted)) {
    violated("Retention", "slices freeze and their rows are not what they were");
  }
}

// What a frozen slice gave is known to nobody any more: counted again it counts twice. A repair may
// put a slice into the ledger that never was there.
void WarehouseDatabase::check_not_frozen(const Commit& commit, const SliceChange& change) const {
  const SliceKey& key = change.entry.key;
  const Watched* const watch = watched(commit.source);
  if (watch != nullptr && change.mode != ChangeMode::kFreeze && is_frozen(commit.source, key) &&
      (watch->frozen_slices.contains(key) || !commit.writers.empty())) {
    violated("Retention",
             fmt::format("slice {}/{} is frozen, and counted again", key.shard, key.bucket));
  }
}

void WarehouseDatabase::apply_frozen(const Commit& commit) {
  for (const FrozenDay& change : commit.frozen_days) {
    FrozenDay& day = now_.frozen_days[{commit.source, change.shard, change.day}];
    day.shard = change.shard;
    day.day = change.day;
    day += change;
  }
  for (const Cell& cell : commit.frozen_hours) {
    add_to(now_.frozen, cell.key, cell.measures);
  }
  for (const FrozenMark& mark : commit.frozen_marks) {
    FrozenMark& stored = now_.frozen_marks[{commit.source, mark.shard}];
    if (mark.until < stored.until) {
      violated("Retention", "a frozen mark falls");
    }
    stored = mark;
  }
}

const StoredSlice* WarehouseDatabase::stored_slice(SourceId source, const SliceKey& key) const {
  const auto slices = now_.shadow.find(source);
  if (slices == now_.shadow.end()) {
    return nullptr;
  }
  const auto slice = slices->second.find(key);
  return slice == slices->second.end() ? nullptr : &slice->second;
}

bool WarehouseDatabase::is_frozen(SourceId source, const SliceKey& key) const {
  const auto mark = now_.frozen_marks.find({source, key.shard});
  return mark != now_.frozen_marks.end() && key.bucket < mark->second.until &&
         !ledger_of(source).contains(key);
}

FrozenDay WarehouseDatabase::frozen_sum() const {
  FrozenDay sum;
  for (const auto& [key, day] : now_.frozen_days) {
    sum.slices += day.slices;
    sum.digest += day.digest;
    sum.classes += day.classes;
  }
  return sum;
}

void WarehouseDatabase::check_cells(const std::set<CellKey>& touched) const {
  for (const CellKey& key : touched) {
    const auto want = expected_events_.find(key);
    const auto have = now_.events.find(key);
    const Measures expected = want == expected_events_.end() ? Measures{} : want->second;
    const Measures found = have == now_.events.end() ? Measures{} : have->second.measures;
    if (!(expected == found)) {
      violated("Atomic", fmt::format("{}: events {}, ledger {}", describe(key), describe(found),
                                     describe(expected)));
    }
  }
}

const std::map<SliceKey, StoredSlice>& WarehouseDatabase::ledger_of(SourceId source) const {
  static const std::map<SliceKey, StoredSlice> kNone;
  const auto slices = now_.shadow.find(source);
  return slices == now_.shadow.end() ? kNone : slices->second;
}

std::vector<StoredReject> WarehouseDatabase::rejects(const std::string& source) const {
  std::vector<StoredReject> out;
  for (const auto& [key, reject] : now_.rejects) {
    if (key.source == id_of(source)) {
      out.push_back(reject);
    }
  }
  return out;
}

void WarehouseDatabase::apply_slice(const Commit& commit, const SliceChange& change,
                                    std::set<CellKey>& touched) {
  const SliceKey& key = change.entry.key;
  check_not_frozen(commit, change);
  Watched* const watch = watched(commit.source);
  Slice& slice = now_.slices[{commit.source, key}];
  StoredSlice& shadow = now_.shadow[commit.source][key];
  const LedgerEntry before = shadow.entry;
  CellMap cells = shadow.cells;
  const bool was_damaged = damaged_.contains({commit.source, key});
  switch (change.mode) {
    case ChangeMode::kAppend:
      slice.deltas.push_back(encode_contribution(change.contribution));
      for (const Cell& cell : change.contribution) {
        add_to(cells, cell.key, cell.measures);
      }
      break;
    case ChangeMode::kReplace:
      slice.base = encode_contribution(change.contribution);
      slice.deltas.clear();
      cells = to_map(change.contribution);
      damaged_.erase({commit.source, key});
      // An engine that holds it hears of a repair at the next audit.
      if (watch != nullptr && !commit.writers.empty()) {
        watch->checks->exempt(key, false);
      }
      break;
    case ChangeMode::kKeep:
      break;
    case ChangeMode::kFreeze:
      if (before.held && watch != nullptr) {
        // What came while it was held was not counted, and is too late now.
        watch->checks->exempt(key, true);
      }
      break;
  }
  const LedgerEntry& now = change.entry;
  RowClasses counted_now = now.classes;
  counted_now.too_late = before.classes.too_late;  // these were not counted
  if ((change.mode == ChangeMode::kKeep || change.mode == ChangeMode::kFreeze) &&
      !(now.digest == before.digest && counted_now == before.classes)) {
    violated("Contract", "digest or classes change although the contribution stays");
  }
  apply_kinds(commit.source, change);
  if (change.mode == ChangeMode::kFreeze) {
    apply_rejects(commit.source, change, commit.now_us);
    last_frozen_us_ = world_.now_us();
    if (change.entry.revision != 0 && watch != nullptr) {
      watch->frozen_slices[key] = shadow;
    }
    if (watch != nullptr) {
      watch->repaired.erase(key);
      watch->released.erase(key);
    }
    now_.slices.erase({commit.source, key});
    now_.shadow[commit.source].erase(key);
    return;
  }
  slice.entry = now;
  slice.entry.revision += 1;
  slice.token = commit.token;
  apply_rejects(commit.source, change, commit.now_us);
  if (watch != nullptr) {
    if (commit.writers.empty()) {
      watch->repaired.insert(key);
      if (before.held && !now.held) {
        watch->released.insert(key);
      }
    } else {
      watch->repaired.erase(key);
      watch->released.erase(key);
    }
    watch->checks->check_slice(before, shadow.cells, now, cells);
    check_kinds(commit.source, now);
    if (!was_damaged) {
      watch->checks->check_totals(key, shadow.cells, cells);
    }
  }
  for (const auto& [cell, measures] : shadow.cells) {
    Measures minus;
    minus -= measures;
    add_to(expected_events_, cell, minus);
    touched.insert(cell);
  }
  for (const auto& [cell, measures] : cells) {
    add_to(expected_events_, cell, measures);
    touched.insert(cell);
  }
  shadow.entry = slice.entry;
  shadow.cells = std::move(cells);
}

void WarehouseDatabase::apply_cell(std::map<CellKey, EventRow>& table, const CellChange& change,
                                   int64_t now_us) {
  EventRow& row = table[change.key];
  row.measures += change.delta;
  row.updated_us = now_us;
  if (change.company_id != 0) {
    row.company_id = change.company_id;
  }
  if (row.measures.is_zero()) {
    table.erase(change.key);
  }
}

std::map<CellKey, WarehouseDatabase::EventRow> WarehouseDatabase::days_of_events() const {
  std::map<CellKey, EventRow> days;
  for (const auto& [key, row] : now_.events) {
    EventRow& day = days[day_of(key)];
    day.measures += row.measures;
    day.company_id = std::max(day.company_id, row.company_id);
  }
  return days;
}

void WarehouseDatabase::apply_rejects(SourceId source, const SliceChange& change, int64_t now_us) {
  std::map<RejectKey, StoredReject>& all = now_.rejects;
  if (change.mode == ChangeMode::kReplace) {
    const auto stays = [&](const RowId& id) {
      return std::any_of(change.rejects.begin(), change.rejects.end(),
                         [&](const RejectedRow& row) { return row.id == id; });
    };
    for (auto item = all.lower_bound({source, change.entry.key, RowId()});
         item != all.end() && item->first.source == source &&
         item->first.slice == change.entry.key;) {
      item = stays(item->first.row) ? std::next(item) : all.erase(item);
    }
  }
  for (const RejectedRow& row : change.rejects) {
    const auto [at, fresh] = all.emplace(RejectKey{source, change.entry.key, row.id},
                                         StoredReject{change.entry.key, row, now_us});
    at->second.row = row;
  }
}

void WarehouseDatabase::add_kinds(Kinds& kinds, std::span<const NotCounted> more) {
  for (const NotCounted& kind : more) {
    NotCounted& sum = kinds[{kind.why, kind.kind}];
    sum.why = kind.why;
    sum.kind = kind.kind;
    sum.add(kind.rows, kind.newest, kind.place);
  }
}

void WarehouseDatabase::freeze_kinds(SourceId source, int32_t shard,
                                     std::span<const NotCounted> more) {
  Kinds& frozen = now_.frozen_kinds[{source, shard}];
  add_kinds(frozen, more);
  std::vector<NotCounted> all;
  for (const auto& [key, kind] : frozen) {
    all.push_back(kind);
  }
  frozen.clear();
  add_kinds(frozen, most_frequent(std::move(all), kFrozenKindsMax));
}

void WarehouseDatabase::apply_kinds(SourceId source, const SliceChange& change) {
  const SliceKey& key = change.entry.key;
  Kinds& kinds = now_.kinds[{source, key}];
  if (change.mode == ChangeMode::kReplace) {
    kinds.clear();
  }
  add_kinds(kinds, change.not_counted);
  if (change.mode == ChangeMode::kFreeze) {
    std::vector<NotCounted> left;
    for (const auto& [name, kind] : kinds) {
      left.push_back(kind);
    }
    freeze_kinds(source, key.shard, left);
    now_.kinds.erase({source, key});
  }
}

// Accounted: the kinds of a slice are its rows that were not counted.
void WarehouseDatabase::check_kinds(SourceId source, const LedgerEntry& entry) const {
  int64_t other = 0;
  int64_t unattributed = 0;
  const auto kinds = now_.kinds.find({source, entry.key});
  for (const auto& [name, kind] : kinds == now_.kinds.end() ? Kinds() : kinds->second) {
    (kind.why == WhyNotCounted::kNoJob ? unattributed : other) += kind.rows;
  }
  if (other != entry.classes.other || unattributed != entry.classes.unattributed) {
    violated("Accounted",
             fmt::format("slice {}/{}: its kinds are {} other rows and {} without a job, its "
                         "classes {} and {}",
                         entry.key.shard, entry.key.bucket, other, unattributed,
                         entry.classes.other, entry.classes.unattributed));
  }
}

void WarehouseDatabase::check_all_kinds() const {
  std::map<SourceId, std::pair<int64_t, int64_t>> sums;  // other, unattributed
  const auto take = [&](SourceId source, const Kinds& kinds) {
    for (const auto& [name, kind] : kinds) {
      auto& [other, unattributed] = sums[source];
      (kind.why == WhyNotCounted::kNoJob ? unattributed : other) += kind.rows;
    }
  };
  const auto take_away = [&](SourceId source, const RowClasses& classes) {
    sums[source].first -= classes.other;
    sums[source].second -= classes.unattributed;
  };
  for (const auto& [slice, kinds] : now_.kinds) {
    take(slice.first, kinds);
  }
  for (const auto& [shard, kinds] : now_.frozen_kinds) {
    take(shard.first, kinds);
  }
  for (const auto& [slice, stored] : now_.slices) {
    take_away(slice.first, stored.entry.classes);
  }
  for (const auto& [day, stored] : now_.frozen_days) {
    take_away(std::get<0>(day), stored.classes);
  }
  for (const auto& [source, sum] : sums) {
    if (sum != std::pair<int64_t, int64_t>()) {
      violated("Accounted",
               fmt::format("source {}: its kinds are {} other rows and {} without a job more than "
                           "its classes",
                           source, sum.first, sum.second));
    }
  }
}

StoredContribution WarehouseDatabase::load(const State& state, SourceId source,
                                           const SliceKey& key) const {
  StoredContribution out;
  out.entry.key = key;
  const auto found = state.slices.find({source, key});
  if (found == state.slices.end()) {
    return out;
  }
  const Slice& slice = found->second;
  out.entry = slice.entry;
  std::vector<std::string> blobs = slice.deltas;
  if (!slice.base.empty()) {
    blobs.push_back(slice.base);
  }
  for (const std::string& blob : blobs) {
    auto decoded = decode_contribution(blob);
    if (!decoded) {
      out.damaged = true;
      out.contribution.clear();
      return out;
    }
    out.contribution = merge(out.contribution, *decoded);
  }
  if (!damaged_.contains({source, key}) &&
      to_map(out.contribution) != state.shadow.at(source).at(key).cells) {
    violated("Codec", "a contribution does not come back as it was stored");
  }
  return out;
}

bool WarehouseDatabase::is_atomic() const {
  CellMap have;
  for (const auto& [key, row] : now_.events) {
    have.emplace(key, row.measures);
  }
  return have == expected_events_;
}

void WarehouseDatabase::check_atomic() const {
  if (!is_atomic()) {
    violated("Atomic", "events is not the frozen base plus the sum of the ledger");
  }
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.measures == b.second.measures;
  };
  const std::map<CellKey, EventRow> days = days_of_events();
  if (!std::equal(days.begin(), days.end(), now_.days.begin(), now_.days.end(), same)) {
    violated("Days", "the roll-up by day is not the sum of events");
  }
  check_all_kinds();
}

void WarehouseDatabase::damage_a_blob() {
  std::vector<SliceId> candidates;
  for (const auto& [id, slice] : now_.slices) {
    // What damaged slices of two sources gave can be told by neither's repair (docs/guarantees.md).
    const bool other = !damaged_.empty() && damaged_.begin()->first != id.first;
    if (!slice.base.empty() && !other) {
      candidates.push_back(id);
    }
  }
  if (candidates.empty()) {
    return;
  }
  const SliceId& id = world_.random.pick(candidates);
  std::string& blob = now_.slices.at(id).base;
  blob[world_.random.below(blob.size())] ^= 0x10;
  damaged_.insert(id);
  if (const Watched* const watch = watched(id.first)) {
    watch->checks->exempt(id.second, true);
  }
  world_.count_fault("damaged blob");
  world_.trace("warehouse",
               fmt::format("blob of slice {}/{} is damaged", id.second.shard, id.second.bucket));
}

void WarehouseDatabase::lose_blobs(const SliceKey& key) {
  for (auto& [id, slice] : now_.slices) {
    if (id.second == key) {
      slice.base.clear();
      slice.deltas.clear();
      damaged_.insert(id);
      if (const Watched* const watch = watched(id.first)) {
        watch->checks->exempt(key, true);
      }
    }
  }
}

void WarehouseDatabase::damage_all_blobs() {
  for (auto& [id, slice] : now_.slices) {
    damaged_.insert(id);
    for (std::string* blob : {&slice.base, slice.deltas.empty() ? nullptr : &slice.deltas.back()}) {
      if (blob != nullptr && !blob->empty()) {
        blob->back() ^= 0x10;
      }
    }
  }
}

void WarehouseDatabase::empty_events() {
  now_.events.clear();
  now_.days.clear();
}

void WarehouseDatabase::forget_row_hashes() {
  for (auto& [id, slice] : now_.slices) {
    slice.entry.digest.hash = 0;
    ++slice.entry.revision;
    now_.shadow[id.first].at(id.second).entry = slice.entry;
  }
  for (auto& [key, writer] : now_.writers) {
    ++writer.epoch;
  }
}

void WarehouseDatabase::forget_ledger() {
  now_.slices.clear();
  now_.shadow.clear();
  now_.writers.clear();
  now_.sources.clear();
}

bool WarehouseDatabase::add_to_a_row(bool of_days, uint64_t choice, int64_t amount) {
  std::map<CellKey, EventRow>& table = of_days ? now_.days : now_.events;
  if (table.empty()) {
    return false;
  }
  const auto row = std::next(table.begin(), static_cast<std::ptrdiff_t>(choice % table.size()));
  Measures& measures = row->second.measures;
  int64_t* const all[] = {&measures.impressions, &measures.clicks,      &measures.conversions,
                          &measures.qualified,   &measures.unqualified, &measures.bid_micros};
  *all[choice / table.size() % std::size(all)] += amount;
  return true;
}

void WarehouseDatabase::spoil_days() {
  now_.days.begin()->second.measures.clicks += 1;
  now_.days.erase(std::prev(now_.days.end()));
}

void WarehouseDatabase::set_company(int64_t job_id, int64_t company_id) {
  for (auto* table : {&now_.events, &now_.days}) {
    for (auto& [key, row] : *table) {
      row.company_id = key.job_id == job_id ? company_id : row.company_id;
    }
  }
}

// ---- the port

Result<void> FakeWarehouse::begin(std::string_view call) {
  if (!snapshot_) {
    world_.port_call(process_, call);
    database_.end_orphans(false);
  }
  if (world_.warehouse_is_down()) {
    world_.count_fault("warehouse down");
    return transient(call, "connection refused");
  }
  const bool writes = call == "commit" || call == "store jobs" || call == "take epochs" ||
                      call == "register" || call == "expire rejects";
  if (writes && world_.warehouse_is_full()) {
    world_.count_fault("warehouse full");
    return transient(call, "no space left on device");
  }
  if (call != "commit" && world_.fault(world_.rates.warehouse_error, "warehouse error")) {
    return transient(call, "connection lost");
  }
  return {};
}

Result<Migration> FakeWarehouse::migrate(int64_t, std::optional<int32_t>) {
  return fail(ErrorKind::kConfig, "migrate", "warehouse", "nothing to migrate");
}

Result<std::optional<MigratedHours>> FakeWarehouse::migrated_hours() {
  HIRESTREAM_TRY(begin("migrated hours"));
  return state().migrated;
}

Result<EventsTableState> FakeWarehouse::events_table() {
  HIRESTREAM_TRY(begin("events table"));
  return database_.now_.initialized ? EventsTableState::kReady : EventsTableState::kMissing;
}

Result<void> FakeWarehouse::init() {
  HIRESTREAM_TRY(begin("init"));
  database_.now_.initialized = true;
  end("init done");
  return {};
}

Result<SourceId> FakeWarehouse::register_source(const SourceRegistration& registration) {
  HIRESTREAM_TRY(begin("register"));
  WarehouseDatabase::State& now = database_.now_;
  const auto found = now.sources.find(registration.name);
  const bool any_counted = std::any_of(now.slices.begin(), now.slices.end(), [](const auto& item) {
    return item.second.entry.classes.counted > 0;
  });
  if (found != now.sources.end()) {
    HIRESTREAM_TRY(check_known_source(found->second.second, registration));
    found->second.second.fingerprint = registration.fingerprint;
  } else {
    std::vector<SourceRegistration> known;
    for (const auto& [name, source] : now.sources) {
      known.push_back(source.second);
    }
    HIRESTREAM_TRY(check_new_source(known, registration));
    if (now.migrated) {
      HIRESTREAM_TRY(check_hand_over(*now.migrated, registration));
    }
    if (known.empty() && !now.events.empty() && now.frozen.empty()) {
      return forward(refuse_rows_without_ledger(registration).error());
    }
  }
  if (now.events.empty() && any_counted) {
    return forward(refuse_ledger_without_rows(registration).error());
  }
  const auto id = static_cast<SourceId>(now.sources.size() + 1);
  const SourceId given =
      now.sources.emplace(registration.name, std::pair{id, registration}).first->second.first;
  end("register done");
  return given;
}

Result<std::vector<SourceStatus>> FakeWarehouse::sources() {
  HIRESTREAM_TRY(begin("sources"));
  std::vector<SourceStatus> out;
  for (const auto& [name, source] : state().sources) {
    SourceStatus status;
    status.id = source.first;
    status.name = name;
    status.kind = source.second.kind;
    status.fingerprint = source.second.fingerprint;
    for (const auto& [id, slice] : state().slices) {
      if (id.first != source.first) {
        continue;
      }
      status.classes += slice.entry.classes;
      status.slices_open += slice.entry.state == SliceState::kOpen ? 1 : 0;
      status.slices_settled += slice.entry.state == SliceState::kSettled ? 1 : 0;
      status.slices_held += slice.entry.held ? 1 : 0;
    }
    for (const auto& [key, day] : state().frozen_days) {
      if (std::get<0>(key) == source.first) {
        status.classes += day.classes;
        status.slices_frozen += day.slices;
      }
    }
    if (const auto marks = state().settled_until.find(source.first);
        marks != state().settled_until.end()) {
      status.settled_until = marks->second;
    }
    out.push_back(std::move(status));
  }
  std::sort(out.begin(), out.end(),
            [](const SourceStatus& a, const SourceStatus& b) { return a.id < b.id; });
  return out;
}

Result<std::vector<WriterEpoch>> FakeWarehouse::take_epochs(SourceId source,
                                                            std::span<const int32_t> shards,
                                                            const std::string&) {
  HIRESTREAM_TRY(begin("take epochs"));
  if (fenced_ && !database_.watched_.empty()) {
    violated("Fence", "an engine whose shards another one has taken takes them back");
  }
  if (!database_.epochs_do_not_wait) {
    Commit lock;
    lock.source = source;
    for (const int32_t shard : shards) {
      lock.writers.push_back({shard, 0});
    }
    const bool waits = std::any_of(
        database_.orphans_.begin(), database_.orphans_.end(),
        [&](const auto& orphan) { return database_.locks_overlap(orphan.commit, lock); });
    if (waits && world_.random.chance(0.3)) {
      return transient("take epochs", "lock wait timeout exceeded");
    }
    if (waits) {
      database_.end_orphans(true);
    }
  }
  std::vector<WriterEpoch> out;
  std::string text;
  for (const int32_t shard : shards) {
    const int64_t epoch = ++database_.now_.writers[{source, shard}].epoch;
    database_.last_takers_[{source, shard}] = process_;
    out.push_back({shard, epoch});
    text += fmt::format(" {}:{}", shard, epoch);
  }
  world_.trace(process_, "takes epochs" + text);
  if (world_.fault(world_.rates.lost_epoch_answer, "epochs taken, answer lost")) {
    return transient("take epochs", "connection lost");
  }
  for (const WriterEpoch& writer : out) {
    taken_[writer.shard] = writer.epoch;
  }
  end("take epochs done");
  return out;
}

Result<std::vector<LedgerEntry>> FakeWarehouse::load_ledger(SourceId source,
                                                            std::span<const int32_t> shards,
                                                            int64_t from_bucket) {
  HIRESTREAM_TRY(begin("load ledger"));
  std::vector<LedgerEntry> out;
  for (const auto& [id, slice] : state().slices) {
    const bool wanted =
        shards.empty() || std::find(shards.begin(), shards.end(), id.second.shard) != shards.end();
    if (id.first == source && wanted && id.second.bucket >= from_bucket) {
      out.push_back(slice.entry);
    }
  }
  end("load ledger done");
  return out;
}

Result<std::vector<StoredContribution>> FakeWarehouse::load_contributions(
    SourceId source, std::span<const SliceKey> keys) {
  HIRESTREAM_TRY(begin("load contributions"));
  std::vector<StoredContribution> out;
  out.reserve(keys.size());
  for (const SliceKey& key : keys) {
    out.push_back(database_.load(state(), source, key));
  }
  end("load contributions done");
  return out;
}

std::string FakeWarehouse::text_of(const Commit& commit) const {
  std::string text;
  for (const SliceChange& change : commit.slices) {
    text += fmt::format(" {}/{} {} {} rev {} rows {}{};", change.entry.key.shard,
                        change.entry.key.bucket, mode_name(change.mode),
                        state_name(change.entry.state), change.entry.revision,
                        change.entry.digest.rows, change.entry.held ? " held" : "");
  }
  return text;
}

Result<CommitOutcome> FakeWarehouse::commit(const Commit& commit) {
  HIRESTREAM_TRY(begin("commit"));
  auto outcome = commit_now(commit);
  if (world_.tracing()) {
    static constexpr std::string_view kVerdicts[] = {"committed", "CONFLICT", "FENCED", "UNKNOWN",
                                                     "JOBS MOVED"};
    const std::string what = outcome ? std::string(kVerdicts[static_cast<size_t>(outcome->verdict)])
                                     : outcome.error().message;
    world_.trace(process_, fmt::format("commit {}:{}", what, text_of(commit)));
  }
  end("commit done");
  return outcome;
}

Result<CommitOutcome> FakeWarehouse::commit_now(const Commit& commit) {
  const FaultRates& rates = world_.rates;
  if (world_.fault(rates.deadlock, "deadlock")) {
    return transient("commit", "deadlock found");
  }
  const bool waits = std::any_of(
      database_.orphans_.begin(), database_.orphans_.end(),
      [&](const auto& orphan) { return database_.locks_overlap(orphan.commit, commit); });
  if (waits && world_.random.chance(0.3)) {
    return transient("commit", "lock wait timeout exceeded");
  }
  if (waits) {
    database_.end_orphans(true);
  }
  CommitOutcome unknown{CommitVerdict::kUnknown, {}};
  if (world_.fault(rates.lost_before_commit, "lost before COMMIT")) {
    lose_server(commit);
    return unknown;
  }
  CommitOutcome guards = database_.check_guards(commit);
  if (guards.verdict == CommitVerdict::kConflict) {
    world_.disturb();  // the slice must be recounted first
  }
  fenced_ = fenced_ || guards.verdict == CommitVerdict::kFenced;
  if (guards.verdict != CommitVerdict::kCommitted) {
    return guards;
  }
  if (world_.fault(rates.delayed_commit, "delayed COMMIT")) {
    database_.orphans_.push_back({commit, taken_,
                                  world_.now_us() + world_.random.between(0, 20 * kSecondUs),
                                  world_.random.chance(0.7)});
    if (world_.fault(0.3, "crash")) {
      world_.trace(process_, "commit: KILLED while the transaction goes on");
      world_.count_crash("commit, which goes on");
      throw SimulatedCrash{};
    }
    return unknown;
  }
  database_.apply(commit, taken_);
  if (world_.fault(rates.lost_after_commit, "lost after COMMIT")) {
    lose_server(commit);
    return unknown;
  }
  return CommitOutcome{};
}

// Sometimes it was the server that went: for a while nobody can ask for the outcome.
// Drawn from the token: other seeds stay what they were.
void FakeWarehouse::lose_server(const Commit& commit) {
  if (world_.rates.server_goes && commit.token % 4 == 0) {
    const auto away_us = static_cast<int64_t>(commit.token / 4 % 10) * kSecondUs;
    world_.warehouse_outages.emplace_back(world_.now_us(), world_.now_us() + away_us);
  }
}

Result<bool> FakeWarehouse::resolve(const Commit& commit) {
  HIRESTREAM_TRY(begin("resolve"));
  const bool waits = std::any_of(
      database_.orphans_.begin(), database_.orphans_.end(),
      [&](const auto& orphan) { return database_.locks_overlap(orphan.commit, commit); });
  if (waits && world_.random.chance(0.3)) {
    return transient("resolve", "lock wait timeout exceeded");
  }
  if (waits) {
    database_.end_orphans(true);
  }
  bool found = false;
  for (const WriterEpoch& writer : commit.writers) {
    found = found || database_.now_.writers[{commit.source, writer.shard}].token == commit.token;
  }
  for (const SliceChange& change : commit.slices) {
    const auto slice = database_.now_.slices.find({commit.source, change.entry.key});
    found = found || (slice != database_.now_.slices.end() && slice->second.token == commit.token);
  }
  world_.trace(process_, found ? "resolve: it was committed" : "resolve: it was not committed");
  end("resolve done");
  return found;
}

Result<std::vector<Job>> FakeWarehouse::load_jobs() {
  HIRESTREAM_TRY(begin("load jobs"));
  std::vector<Job> out;
  for (const auto& [id, job] : state().jobs) {
    out.push_back(job);
  }
  end("load jobs done");
  return out;
}

Result<int64_t> FakeWarehouse::jobs_version() {
  HIRESTREAM_TRY(begin("jobs version"));
  const int64_t version = state().jobs_version;
  end("jobs version done");
  return version;
}

Result<StoredJobs> FakeWarehouse::store_jobs(std::span<const Job> changed, int64_t now_us) {
  HIRESTREAM_TRY(begin("store jobs"));
  // Commits hold the count of stored jobs.
  if (!database_.orphans_.empty()) {
    database_.end_orphans(true);
  }
  std::map<int64_t, int64_t> companies;
  for (const Job& job : changed) {
    database_.now_.jobs[job.job_id] = job;
    companies[job.job_id] = job.company_id;
  }
  ++database_.now_.changes;
  StoredJobs stored;
  stored.version = ++database_.now_.jobs_version;
  for (auto* table : {&database_.now_.events, &database_.now_.days}) {
    for (auto& [key, row] : *table) {
      const auto company = companies.find(key.job_id);
      if (company != companies.end() && row.company_id != company->second) {
        row.company_id = company->second;
        row.updated_us = now_us;
        stored.rewritten += table == &database_.now_.events ? 1 : 0;
      }
    }
  }
  world_.trace(process_,
               fmt::format("stores {} jobs, {} rows rewritten", changed.size(), stored.rewritten));
  if (world_.fault(world_.rates.warehouse_error, "jobs stored, answer lost")) {
    return transient("store jobs", "connection lost");
  }
  end("store jobs done");
  return stored;
}

Result<void> FakeWarehouse::read_events(
    const std::function<Result<void>(const EventsRow&)>& visit) {
  HIRESTREAM_TRY(begin("read events"));
  // One statement: one snapshot. A large table takes its time.
  const auto snapshot = state().events;
  if (!snapshot_) {
    world_.advance_to(world_.now_us() + world_.random.between(0, 400'000));
  }
  for (const auto& [key, row] : snapshot) {
    HIRESTREAM_TRY(visit({key, row.measures, row.company_id}));
  }
  end("read events done");
  return {};
}

Result<void> FakeWarehouse::read_hour(int32_t local_hour,
                                      const std::function<Result<void>(const EventsRow&)>& visit) {
  HIRESTREAM_TRY(begin("read hour"));
  const auto snapshot = state().events;
  for (auto row = snapshot.lower_bound({.local_hour = local_hour, .job_id = INT64_MIN});
       row != snapshot.end() && row->first.local_hour == local_hour; ++row) {
    HIRESTREAM_TRY(visit({row->first, row->second.measures, row->second.company_id}));
  }
  end("read hour done");
  return {};
}

Result<void> FakeWarehouse::read_days(const std::function<Result<void>(const EventsRow&)>& visit) {
  HIRESTREAM_TRY(begin("read days"));
  const auto snapshot = state().days;
  for (const auto& [key, row] : snapshot) {
    HIRESTREAM_TRY(visit({key, row.measures, row.company_id}));
  }
  end("read days done");
  return {};
}

Result<void> FakeWarehouse::begin_snapshot() {
  HIRESTREAM_TRY(begin("begin snapshot"));
  snapshot_ = database_.now_;
  return {};
}

Result<int64_t> FakeWarehouse::now_us() {
  HIRESTREAM_TRY(begin("now"));
  return world_.now_us();
}

Result<int64_t> FakeWarehouse::changes() {
  HIRESTREAM_TRY(begin("changes"));
  return state().changes;
}

Result<Contribution> FakeWarehouse::frozen_totals() {
  HIRESTREAM_TRY(begin("frozen totals"));
  Contribution out;
  for (const auto& [key, measures] : state().frozen) {
    out.push_back({key, measures});
  }
  return out;
}

Result<std::vector<FrozenMark>> FakeWarehouse::load_frozen_marks(SourceId source,
                                                                 std::span<const int32_t> shards) {
  HIRESTREAM_TRY(begin("load frozen marks"));
  std::vector<FrozenMark> out;
  for (const int32_t shard : shards) {
    const auto mark = state().frozen_marks.find({source, shard});
    out.push_back(mark == state().frozen_marks.end() ? FrozenMark{.shard = shard} : mark->second);
  }
  return out;
}

Result<std::vector<FrozenDay>> FakeWarehouse::load_frozen_days(SourceId source) {
  HIRESTREAM_TRY(begin("load frozen days"));
  std::vector<FrozenDay> out;
  for (const auto& [key, day] : state().frozen_days) {
    if (std::get<0>(key) == source) {
      out.push_back(day);
    }
  }
  return out;
}

Result<std::vector<StoredReject>> FakeWarehouse::load_rejects(SourceId source, size_t limit) {
  HIRESTREAM_TRY(begin("load rejects"));
  std::multimap<int64_t, const StoredReject*, std::greater<>> newest_first;
  for (const auto& [key, reject] : state().rejects) {
    if (key.source == source) {
      newest_first.emplace(reject.first_seen_us, &reject);
    }
  }
  std::vector<StoredReject> out;
  for (const auto& [seen_us, reject] : newest_first) {
    if (out.size() == limit) {
      break;
    }
    out.push_back(*reject);
  }
  return out;
}

Result<std::vector<NotCounted>> FakeWarehouse::load_not_counted(SourceId source, size_t limit) {
  HIRESTREAM_TRY(begin("load kinds"));
  WarehouseDatabase::Kinds sums;
  const auto add = [&](const WarehouseDatabase::Kinds& kinds) {
    for (const auto& [name, kind] : kinds) {
      WarehouseDatabase::add_kinds(sums, std::span(&kind, 1));
    }
  };
  for (const auto& [key, kinds] : state().kinds) {
    if (key.first == source) {
      add(kinds);
    }
  }
  for (const auto& [key, kinds] : state().frozen_kinds) {
    if (key.first == source) {
      add(kinds);
    }
  }
  std::vector<NotCounted> all;
  for (const auto& [name, kind] : sums) {
    all.push_back(kind);
  }
  return most_frequent(std::move(all), limit);
}

Result<void> FakeWarehouse::expire_rejects(int64_t before_us, int64_t cap) {
  HIRESTREAM_TRY(begin("expire rejects"));
  auto& rejects = database_.now_.rejects;
  std::erase_if(rejects,
                [before_us](const auto& item) { return item.second.first_seen_us < before_us; });
  while (static_cast<int64_t>(rejects.size()) > cap) {
    rejects.erase(
        std::min_element(rejects.begin(), rejects.end(), [](const auto& a, const auto& b) {
          return a.second.first_seen_us < b.second.first_seen_us;
        }));
  }
  return {};
}

}  // namespace hirestream::simulation
