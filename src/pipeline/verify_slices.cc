#include "pipeline/verify_slices.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pipeline/renamed_file.h"
#include "pipeline/ring_walk.h"
#include "pipeline/verify_report.h"

namespace hirestream {
namespace {

constexpr size_t kSlicesPerBatch = 128;
// A running engine changes slices while they are compared: each difference is looked at again
// before it is believed.
constexpr int kLooks = 5;
// And twice as long after each look: 4.5 s in all.
constexpr int64_t kFirstWaitUs = 150'000;

std::vector<std::span<const SliceKey>> batches_of(std::span<const SliceKey> keys,
                                                  size_t size = kSlicesPerBatch) {
  std::vector<std::span<const SliceKey>> batches;
  for (; !keys.empty(); keys = keys.subspan(std::min(size, keys.size()))) {
    batches.push_back(keys.first(std::min(size, keys.size())));
  }
  return batches;
}

}  // namespace

SliceVerifier::SliceVerifier(const EnginePorts& ports, const VerifyOptions& options,
                             SliceLedger& ledger, VerifyReport& report)
    : ports_(ports),
      options_(options),
      ledger_(ledger),
      report_(report),
      recounter_(ports_, ledger),
      buckets_(ports_.source, options_.engine, ledger.classifier()),
      noted_(ledger) {
  if (by_scan()) {
    scan_clock_.emplace(ports_.source.description(), options_.engine);
  }
}

Result<void> SliceVerifier::note_entries() {
  HIRESTREAM_TRY(noted_.load());
  for (const auto& [key, entry] : noted_.entries()) {
    labels_[key] = {entry.name, entry.tag};
  }
  HIRESTREAM_ASSIGN(const std::vector<FrozenDay> days, ledger_.load_frozen_days());
  for (const FrozenDay& day : days) {
    report_.slices_frozen += day.slices;
  }
  return {};
}

Result<void> SliceVerifier::note_listing() {
  HIRESTREAM_ASSIGN(const std::vector<SliceListing> found,
                    ports_.source.discover(ledger_.shards()));
  for (const SliceListing& slice : found) {
    there_.insert(slice.key);
    labels_[slice.key] = {slice.name, slice.tag};
  }
  if (is_files()) {
    rows_that_may_move_ =
        rows_of(noted_.entries(), [this](const LedgerEntry& known) { return is_another(known); });
  }
  return {};
}

Policy SliceVerifier::policy_of(const LedgerEntry& entry) const {
  Policy policy;
  // A slice new to the ledger is left open for the engine to settle, unless nobody appends to
  // slices of this source.
  policy.state = entry.revision != 0 ? entry.state
                 : is_files()        ? SliceState::kSettled
                                     : SliceState::kOpen;
  policy.allow_shrink = options_.engine.may_shrink(is_past_retention(entry));
  policy.replaces_damaged = true;
  policy.rows_may_go = is_files();
  return policy;
}

bool SliceVerifier::is_past_retention(const LedgerEntry& entry) const {
  if (is_files()) {
    return false;
  }
  const int64_t now_us = ports_.clock.now_us();
  return scan_clock_ ? scan_clock_->is_past_retention(entry.key, now_us)
                     : buckets_.is_past_retention(entry, now_us);
}

bool SliceVerifier::has_moved(const LedgerEntry& entry) const {
  return noted_.entry_of(entry.key).revision != entry.revision;
}

bool SliceVerifier::is_wanted(const SliceKey& key) const {
  if (!options_.arrived_us) {
    return true;
  }
  const auto& [from_us, to_us] = *options_.arrived_us;
  const int64_t width_us = ports_.source.description().bucket_width.us();
  return (key.bucket + 1) * width_us > from_us && key.bucket * width_us < to_us;
}

Result<void> SliceVerifier::check_all() {
  if (options_.arrived_us && ports_.source.description().strategy != Strategy::kTail) {
    return fail(ErrorKind::kConfig, "verify", options_.engine.source_name,
                "its slices are no times of arrival: a part of them cannot be named by --from and "
                "--to",
                "leave them out: all of it is verified");
  }
  HIRESTREAM_TRY(note_entries());
  if (by_scan()) {
    return check_scan();
  }
  HIRESTREAM_TRY(note_listing());
  std::set<SliceKey> keys = there_;
  std::erase_if(keys, [this](const SliceKey& key) { return noted_.is_frozen(key); });
  for (const auto& [key, entry] : noted_.entries()) {
    // A file that is gone keeps what it gave: there is nothing to compare it with.
    if (!is_files()) {
      keys.insert(key);
    }
  }
  std::erase_if(keys, [this](const SliceKey& key) { return !is_wanted(key); });
  total_ = static_cast<int64_t>(keys.size());
  // A part is read by its partitions.
  if (ports_.source.description().ring_reads && !options_.arrived_us) {
    HIRESTREAM_TRY(sweep_ring(keys));
    HIRESTREAM_TRY(note_late_rows());
  }
  std::vector<SliceKey> wanted(keys.begin(), keys.end());
  // New names first: what was renamed moves before another file under the old name is looked at.
  std::stable_partition(wanted.begin(), wanted.end(),
                        [this](const SliceKey& key) { return noted_.find(key) == nullptr; });
  return look_at(std::move(wanted));
}

Result<void> SliceVerifier::sweep_ring(std::set<SliceKey>& keys) {
  RingWalk walk(options_.engine.rows_per_commit);
  while (!walk.done()) {
    std::map<SliceKey, SliceCount> counts;
    int64_t rows = 0;
    HIRESTREAM_TRY(
        read_all(ports_, {walk.part(), ReadLevel::kConfigured}, [&](const SweepPage& page) {
          const SliceKey slice = page.slice.value();
          rows += static_cast<int64_t>(page.rows.rows());
          if (keys.contains(slice) || noted_.is_frozen(slice)) {
            counts[slice].add(ledger_.classifier(), page.rows);
          }
          return Result<void>();
        }));
    const uint64_t end = walk.part().end;
    HIRESTREAM_TRY(compare_part(std::move(counts), keys));
    walk.advance(end, rows);
  }
  return {};
}

Result<void> SliceVerifier::compare_part(std::map<SliceKey, SliceCount> counts,
                                         std::set<SliceKey>& keys) {
  std::vector<SliceKey> counted;
  for (const auto& [key, count] : counts) {
    if (keys.contains(key)) {
      counted.push_back(key);
      continue;
    }
    LedgerEntry entry;
    entry.key = key;
    frozen_rows_[{key.shard, buckets_.day_of(entry)}] += count.tally.digest().rows;
  }
  for (const auto batch : batches_of(counted)) {
    HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(batch));
    for (StoredContribution& slice : stored) {
      Recount recount;
      recount.stored = std::move(slice);
      const SliceKey key = recount.entry().key;
      recount.count = std::move(counts.at(key));
      HIRESTREAM_TRY(judge(recount, policy_of(recount.entry())));
      if (recount.same() && !recount.entry().held && !has_moved(recount.entry())) {
        count_checked(recount);
        keys.erase(key);
        ports_.observer.on_progress("slices verified", report_.slices_checked, total_);
      }
    }
  }
  return {};
}

Result<void> SliceVerifier::check(const std::set<SliceKey>& keys) {
  HIRESTREAM_TRY(note_entries());
  if (by_scan()) {
    return check_scan();
  }
  std::set<SliceKey> readable;
  for (const auto& [key, entry] : noted_.entries()) {
    readable.insert(key);
  }
  if (is_files()) {
    HIRESTREAM_TRY(note_listing());
    readable = there_;
  }
  std::vector<SliceKey> wanted;
  std::set_intersection(keys.begin(), keys.end(), readable.begin(), readable.end(),
                        std::back_inserter(wanted));
  HIRESTREAM_TRY(look_at(wanted));
  if (damage_.plan.empty()) {
    return {};
  }
  std::vector<SliceKey> others;
  std::set_difference(readable.begin(), readable.end(), keys.begin(), keys.end(),
                      std::back_inserter(others));
  HIRESTREAM_ASSIGN(std::vector<SliceKey> damaged, damaged_of(others));
  return look_at(std::move(damaged));
}

Result<std::vector<SliceKey>> SliceVerifier::damaged_of(std::span<const SliceKey> keys) {
  std::vector<SliceKey> damaged;
  for (const auto batch : batches_of(keys)) {
    HIRESTREAM_ASSIGN(const std::vector<StoredContribution> stored,
                      ledger_.load_contributions(batch));
    for (const StoredContribution& slice : stored) {
      if (slice.damaged) {
        damaged.push_back(slice.entry.key);
      }
    }
  }
  return damaged;
}

// Of files one at a time: one that cannot be read does not keep the others from being compared.
Result<std::vector<Recount>> SliceVerifier::recount(std::span<const SliceKey> keys) {
  auto recounts = recounter_.recount(
      keys, [this](const LedgerEntry& entry) { return policy_of(entry); }, rows_that_may_move_);
  if (!recounts && is_files() &&
      (recounts.error().kind == ErrorKind::kRejected ||
       recounts.error().kind == ErrorKind::kConfig)) {
    report_.unreadable.push_back(of_file(recounts.error(), labels_[keys.front()].name));
    return std::vector<Recount>();
  }
  return recounts;
}

Result<void> SliceVerifier::look_at(std::vector<SliceKey> keys) {
  const size_t size = is_files() ? 1 : kSlicesPerBatch;
  std::vector<SliceKey> waiting;
  for (int look = 1; look <= kLooks && !keys.empty(); ++look) {
    std::vector<SliceKey> again;
    filling_ = false;
    for (const auto batch : batches_of(keys, size)) {
      HIRESTREAM_ASSIGN(std::vector<Recount> recounts, recount(batch));
      for (Recount& recount : recounts) {
        if (look == kLooks && waits_for_others(recount)) {
          waiting.push_back(recount.entry().key);
          continue;
        }
        HIRESTREAM_TRY(take_look(std::move(recount), look == kLooks, again));
      }
      ports_.observer.on_progress("slices verified", report_.slices_checked, total_);
    }
    keys = std::move(again);
    if (!keys.empty() && look < kLooks && filling_ && options_.wait) {
      options_.wait(kFirstWaitUs << look);  // an engine that fills them commits meanwhile
    }
  }
  return look_at_waiting(std::move(waiting));
}

// Files that were rotated take one another's rows, in any order.
Result<void> SliceVerifier::look_at_waiting(std::vector<SliceKey> keys) {
  bool last = false;
  while (!keys.empty()) {
    std::vector<SliceKey> still;
    for (const SliceKey& key : keys) {
      HIRESTREAM_ASSIGN(std::vector<Recount> recounts, recount(std::span(&key, 1)));
      for (Recount& recount : recounts) {
        if (!last && waits_for_others(recount)) {
          still.push_back(key);
        } else {
          HIRESTREAM_TRY(take_look(std::move(recount), true, still));
        }
      }
    }
    last = still.size() == keys.size();
    keys = std::move(still);
  }
  return {};
}

bool SliceVerifier::waits_for_others(const Recount& recount) const {
  return is_files() && options_.repair &&
         (recount.action == Action::kHold || recount.action == Action::kWait);
}

Result<void> SliceVerifier::take_look(Recount&& recount, bool last, std::vector<SliceKey>& again) {
  const LedgerEntry& entry = recount.entry();
  const SliceKey key = entry.key;
  if (entry.revision == 0 && noted_.find(key) != nullptr) {
    ++report_.slices_frozen;  // by an engine, after we began
    return {};
  }
  const auto before = revisions_.find(key);
  const bool moved = before != revisions_.end() && before->second != entry.revision;
  revisions_[key] = entry.revision;
  if (!recount.same() && !last) {
    filling_ = filling_ || entry.state == SliceState::kOpen;
    again.push_back(key);
    return {};
  }
  count_checked(recount);
  if (!recount.same() && moved && entry.state == SliceState::kOpen) {
    return {};  // an open slice that an engine is filling right now: what it lacks is on its way
  }
  return conclude(std::move(recount));
}

Result<ScanCount> SliceVerifier::count_scanned(ReadLevel level) {
  return count_scan(ports_, ledger_.classifier(), *scan_clock_, {{}, level},
                    [this](const SliceKey& key) { return noted_.is_frozen(key); });
}

Result<void> SliceVerifier::check_scan() {
  HIRESTREAM_ASSIGN(ScanCount count, count_scanned(ReadLevel::kConfigured));
  frozen_rows_ = count.frozen_rows;
  std::set<SliceKey> keys;
  for (const auto& [key, entry] : noted_.entries()) {
    keys.insert(key);
  }
  for (const auto& [key, tally] : count.slices) {
    keys.insert(key);
  }
  const std::vector<SliceKey> all(keys.begin(), keys.end());
  const bool replicas = ports_.source.description().replicas;
  HIRESTREAM_ASSIGN(const std::vector<SliceKey> suspects,
                    compare_scanned(all, count, replicas ? Trust::kConfigured : Trust::kStrongest));
  if (suspects.empty()) {
    return note_late_rows();
  }
  // Guard Shrink: a stale replica answers with fewer rows; ask again as strongly as the source can.
  auto strong = count_scanned(ReadLevel::kStrongest);
  if (!strong && strong.error().kind != ErrorKind::kTransient) {
    return forward(strong.error());
  }
  if (!strong) {
    ports_.observer.on_retry(strong.error(), 1, 0);
    ports_.observer.on_note(
        "warning",
        std::to_string(suspects.size()) +
            " slices seem to lack rows, but the table could not be read at its strongest "
            "consistency to confirm it; verify again");
  }
  HIRESTREAM_TRY(compare_scanned(suspects, strong ? *strong : count,
                                 strong ? Trust::kStrongest : Trust::kUnconfirmed));
  return note_late_rows();
}

Result<std::vector<SliceKey>> SliceVerifier::compare_scanned(std::span<const SliceKey> keys,
                                                             ScanCount& count, Trust trust) {
  std::vector<SliceKey> suspects;
  for (const auto batch : batches_of(keys)) {
    HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(batch));
    for (StoredContribution& slice : stored) {
      Recount recount;
      recount.stored = std::move(slice);
      recount.trust = trust;
      const SliceKey key = recount.entry().key;
      const auto counted = count.slices.find(key);
      if (counted != count.slices.end()) {
        recount.count.tally = std::move(counted->second);
      }
      HIRESTREAM_TRY(judge(recount, policy_of(recount.entry())));
      if (has_moved(recount.entry())) {
        // By a running engine after the scan began: its numbers are newer than ours.
        count_checked(recount);
      } else if (recount.action == Action::kWait && trust == Trust::kConfigured) {
        if (counted != count.slices.end()) {
          // What is to be believed if nobody confirms it.
          counted->second = std::move(recount.count.tally);
        }
        suspects.push_back(key);
      } else {
        count_checked(recount);
        HIRESTREAM_TRY(conclude(std::move(recount)));
      }
    }
  }
  return suspects;
}

void SliceVerifier::count_checked(const Recount& recount) {
  ++report_.slices_checked;
  report_.rows_read += recount.found().rows;
  report_.classes += recount.count.tally.classes();
}

Result<std::optional<Recount>> SliceVerifier::renamed_to(const Recount& recount) {
  if (!is_files() || recount.action != Action::kReplace || recount.stored.damaged ||
      recount.entry().digest.may_be(recount.found())) {
    return std::nullopt;
  }
  const FileRows rows{recount.entry().key, recount.found(), recount.count.tally.classes(),
                      recount.whole, recount.count.first_rows};
  return find_renamed(ledger_, noted_.entries(), rows,
                      [this](const LedgerEntry& known) { return is_another(known); });
}

bool SliceVerifier::is_another(const LedgerEntry& known) {
  return !there_.contains(known.key) || labels_[known.key].tag != known.tag;
}

Result<void> SliceVerifier::conclude(Recount&& recount) {
  LedgerEntry entry = recount.entry();
  if (entry.name.empty()) {
    entry.name = labels_[entry.key].name;
  }
  switch (recount.action) {
    case Action::kKeep:
    case Action::kAudit:
      return {};
    case Action::kRelease:
      return options_.repair ? release(std::move(recount)) : Result<void>();
    case Action::kReplace:
      if (recount.same()) {
        // Of an older version: which rows they are was not known.
        return options_.repair ? release(std::move(recount)) : Result<void>();
      }
      break;
    case Action::kHold:
    case Action::kWait:
      break;
  }
  HIRESTREAM_ASSIGN(std::optional<Recount> moved, renamed_to(recount));
  if (moved) {
    // What it gave is in `events`, under the old name.
    ports_.observer.on_note("info", note_of_renamed(moved->entry().name, entry.name));
    return options_.repair ? replace(std::move(recount), std::move(moved)) : Result<void>();
  }
  name_slice(report_, entry);
  if (recount.stored.damaged) {
    ++report_.slices_damaged;
  } else {
    ++report_.slices_different;
    note_differences(report_, recount.whole, recount.stored.contribution, slice_name(entry));
  }
  if (recount.action != Action::kReplace) {
    ++report_.slices_held;
    return {};
  }
  return options_.repair ? replace(std::move(recount)) : Result<void>();
}

Result<void> SliceVerifier::release(Recount&& recount) {
  const LedgerEntry entry = recount.entry();
  CommitPlan changes;
  plan_action(changes, std::move(recount), entry.state, labels_[entry.key], ports_.clock.now_us());
  HIRESTREAM_ASSIGN(const bool committed, commit(std::move(changes)));
  report_.slices_released += committed && entry.held ? 1 : 0;
  return {};
}

Result<void> SliceVerifier::replace(Recount&& recount, std::optional<Recount> moved) {
  const LedgerEntry entry = recount.entry();
  const bool damaged = recount.stored.damaged;
  const bool unknown = recount.change_is_unknown();
  const int64_t counted = recount.count.tally.classes().counted;
  CommitPlan once;
  plan_replacement(unknown ? damage_.plan : once, std::move(recount), policy_of(entry).state,
                   labels_[entry.key], ports_.clock.now_us());
  if (unknown) {
    damage_.rows[entry.key] = entry.classes.counted - counted;
    return {};
  }
  const bool is_new_name = moved.has_value();
  if (moved) {
    plan_emptied(once, std::move(*moved), ports_.clock.now_us());
  }
  HIRESTREAM_ASSIGN(const bool committed, commit(std::move(once)));
  if (is_new_name) {
    // Somebody else has changed one of the two meanwhile.
    report_.slices_different += committed ? 0 : 1;
  } else if (committed) {
    --(damaged ? report_.slices_damaged : report_.slices_different);
    ++report_.slices_repaired;
  }
  return {};
}

Result<bool> SliceVerifier::commit(CommitPlan plan) {
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  return outcome.verdict == CommitVerdict::kCommitted;
}

Result<void> SliceVerifier::note_late_rows() {
  const auto counting = [](const auto& mark) {
    return mark.second.history_place != FrozenMark::kAllHistory;
  };
  const auto& marks = noted_.frozen_marks();
  if (std::any_of(marks.begin(), marks.end(), counting)) {
    return {};  // an engine is still at it
  }
  HIRESTREAM_ASSIGN(const int64_t changes, ports_.warehouse.changes());
  HIRESTREAM_ASSIGN(const std::vector<FrozenDay> days, ledger_.load_frozen_days());
  LateRows late = find_late_rows(frozen_rows_, days);
  report_.rows_too_late += late.rows;
  CommitPlan plan;
  plan.based_on_changes = changes;
  plan.frozen_days = std::move(late.news);
  if (options_.repair && !plan.empty()) {
    HIRESTREAM_ASSIGN(const bool noted, commit(std::move(plan)));
    if (!noted) {
      ports_.observer.on_note("warning",
                              "rows too late to be counted are not noted in the ledger: somebody "
                              "else changed it meanwhile; verify again");
    }
  }
  return {};
}

}  // namespace hirestream
