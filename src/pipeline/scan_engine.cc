#include "pipeline/scan_engine.h"

#include <algorithm>
#include <utility>

#include "model/floor_divide.h"
#include "pipeline/scan_handover.h"

namespace hirestream {
namespace {

constexpr int64_t kCellsPerCommit = 100'000;
// Contributions held at a time.
constexpr size_t kFrozenPerCommit = 256;
constexpr int64_t kFullScanRetryUs = 60'000'000;

}  // namespace

ScanEngine::ScanEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports),
      options_(std::move(options)),
      slices_(ports_.source.description(), options_),
      ledger_(ports_, options_),
      book_(ledger_),
      clockwork_(ports_, options_, ledger_, {&scan_timer_, &full_scan_timer_}) {}

void ScanEngine::leave(const SliceKey& key) {
  if (const auto event = ScanClock::event_of(key)) {
    left_from_ = std::min(left_from_, *event);
  }
}

Policy ScanEngine::policy_of(const SliceKey& key, int64_t now_us) const {
  Policy policy;
  policy.state = slices_.is_over(key, now_us) ? SliceState::kSettled : SliceState::kOpen;
  policy.allow_shrink = options_.may_shrink(slices_.is_past_retention(key, now_us));
  return policy;
}

Result<void> ScanEngine::start() {
  started_ = false;
  scanned_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  found_of_held_.clear();
  full_unconfirmed_.reset();
  bounded_is_next_ = false;
  full_retry_us_ = 0;
  HIRESTREAM_TRY(book_.load());
  clockwork_.start();
  started_ = true;
  return {};
}

// After an outage the window reaches back from the last scan, and over what is not settled yet.
// Visitors' clocks run ahead: events of the near future count too.
ScanEngine::Bound ScanEngine::recent(int64_t now_us) const {
  const int64_t width = slices_.width_us();
  const int64_t window_from_us = std::min(now_us, last_scan_us_) - options_.scan_window_us;
  const int64_t to = floor_divide(now_us + options_.counting.future_max_us, width) + 1;
  return EventTimes{std::min(floor_divide(window_from_us, width), swept_until_) * width,
                    to * width};
}

Result<StepReport> ScanEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = clockwork_.tick();
  HIRESTREAM_TRY(clockwork_.do_chores());
  if (ledger_.knows_no_arrivals()) {
    HIRESTREAM_TRY(hand_over(ports_, options_, slices_, ledger_, now_us));
    HIRESTREAM_TRY(book_.load());
  }
  const int64_t rows_before = book_.rows_counted();
  if (full_scan_timer_.due(now_us) && !(bounded_is_next_ && scan_timer_.due(now_us))) {
    if (auto scanned = scan({}, now_us); !scanned) {
      // What is recent does not wait for it, once everything was seen.
      if (scanned_) {
        full_scan_timer_.due_us = ports_.clock.now_us() + kFullScanRetryUs;
        again_ = false;  // not before that
      }
      return forward(std::move(scanned).error());
    }
    if (!again_) {
      full_scan_timer_.due_us = ports_.clock.now_us() + pause_after_full_scan();
    }
    scan_timer_.due_us = ports_.clock.now_us() + options_.scan_interval_us;
  } else if (scan_timer_.due(now_us)) {
    HIRESTREAM_TRY(scan(recent(now_us), now_us));
    scan_timer_.due_us = again_ ? now_us : ports_.clock.now_us() + options_.scan_interval_us;
    bounded_is_next_ = false;
    if (history_waits_ && !full_unconfirmed_) {
      full_scan_timer_.due_us = now_us;
    }
  }
  StepReport report;
  report.rows_counted = book_.rows_counted() - rows_before;
  report.slices_held = book_.held();
  report.caught_up = scanned_;
  report.blocked = unconfirmed_ ? unconfirmed_ : full_unconfirmed_;
  report.next_due_us = again_ ? now_us : std::min(scan_timer_.due_us, full_scan_timer_.due_us);
  return report;
}

// One that could not make sure may have taken hours: what is recent does not wait for the next one.
int64_t ScanEngine::pause_after_full_scan() {
  full_unconfirmed_ = unconfirmed_;
  bounded_is_next_ = unconfirmed_.has_value();
  if (!unconfirmed_) {
    scanned_ = true;
    full_retry_us_ = 0;
    return options_.full_scan_interval_us;
  }
  // Before everything was seen once there is more to wait for.
  const int64_t first_us =
      scanned_ ? std::max(kFullScanRetryUs, options_.scan_interval_us) : options_.scan_interval_us;
  full_retry_us_ = std::min(std::max(first_us, 2 * full_retry_us_), options_.full_scan_interval_us);
  return full_retry_us_;
}

Result<ScanCount> ScanEngine::count(const Bound& bound, ReadLevel level) {
  return count_scan(ports_, ledger_.classifier(), slices_, {bound, level},
                    [this](const SliceKey& key) { return book_.is_frozen(key); });
}

Result<void> ScanEngine::scan(const Bound& bound, int64_t now_us) {
  again_ = false;
  unconfirmed_.reset();
  if (!bound) {
    // Somebody else may have replaced slices whose rows have not changed since.
    HIRESTREAM_TRY(book_.load());
  }
  HIRESTREAM_ASSIGN(ScanCount counted, count(bound, ReadLevel::kConfigured));
  const Trust trust = ports_.source.description().replicas ? Trust::kConfigured : Trust::kStrongest;
  HIRESTREAM_ASSIGN(size_t suspects, commit_scan(std::move(counted), bound, trust, now_us));
  if (suspects > 0) {
    // Guard Shrink: rows are missing. One more scan, as strongly as the source can; what is still
    // missing then is held.
    auto second = count(bound, ReadLevel::kStrongest);
    if (!second && second.error().kind != ErrorKind::kTransient) {
      return forward(second.error());
    }
    if (!second) {
      ports_.observer.on_retry(second.error(), 1, 0);
      unconfirmed_ = second.error();
      // Nothing is taken away; the next scan asks again.
      return bound || again_ || history_waits_ ? Result<void>() : freeze(now_us);
    }
    HIRESTREAM_TRY(commit_scan(std::move(*second), bound, Trust::kStrongest, now_us));
  }
  return bound || again_ ? Result<void>() : freeze(now_us);
}

Result<size_t> ScanEngine::commit_scan(ScanCount count, const Bound& bound, Trust trust,
                                       int64_t now_us) {
  left_from_ = INT64_MAX;
  const std::vector<SliceKey> old = history(count, now_us);
  // Nobody looks at them again: only the strongest read of all will do.
  history_waits_ = !old.empty() && (bound || trust != Trust::kStrongest);
  if (history_waits_) {
    std::for_each(old.begin(), old.end(), [this](const SliceKey& key) { leave(key); });
  } else {
    HIRESTREAM_TRY(commit_history(old, count));
  }
  HIRESTREAM_ASSIGN(size_t waiting, commit_differences(count, bound, trust, now_us));
  if (bound || again_) {
    return waiting;
  }
  HIRESTREAM_TRY(note_late_rows(count.frozen_rows));
  return waiting + (history_waits_ ? old.size() : 0);
}

// Of what is past its retention only rows that were not counted are of interest: others are
// missing because they have expired, unless a stale replica hides them, and new ones with them.
bool ScanEngine::may_change(const SliceKey& key, const Tally& tally, Trust trust,
                            int64_t now_us) const {
  const LedgerEntry* known = book_.find(key);
  if (known == nullptr) {
    return !slices_.is_past_retention(key, now_us);
  }
  if (trust == Trust::kStrongest && tally.digest().rows < known->digest.rows &&
      slices_.is_past_retention(key, now_us) && !policy_of(key, now_us).allow_shrink) {
    return false;
  }
  const bool settles =
      known->state == SliceState::kOpen && policy_of(key, now_us).state == SliceState::kSettled;
  return known->digest != tally.digest() || known->held || settles;
}

std::vector<SliceKey> ScanEngine::candidates(const ScanCount& count, const Bound& bound,
                                             Trust trust, int64_t now_us) const {
  std::vector<SliceKey> keys;
  for (const auto& [key, tally] : count.slices) {
    if (may_change(key, tally, trust, now_us)) {
      keys.push_back(key);
    }
  }
  for (const auto& [key, entry] : book_.entries()) {
    if (slices_.is_in_bound(key, bound) && !count.slices.contains(key) && entry.digest.rows > 0 &&
        may_change(key, Tally(), trust, now_us)) {
      keys.push_back(key);
    }
  }
  std::erase_if(keys, [&](const SliceKey& key) {
    const LedgerEntry* known = book_.find(key);
    const auto held = found_of_held_.find(key);
    // Unless a repair has released it, which read a stale replica.
    return known != nullptr && known->held && held != found_of_held_.end() &&
           held->second == count.tally_of(key).digest();
  });
  // Those without an event time last: no mark says anything of them.
  const auto place = [](const SliceKey& key) {
    return std::pair(ScanClock::event_of(key).value_or(INT64_MAX), key);
  };
  std::ranges::sort(keys, {}, place);
  return keys;
}

Result<size_t> ScanEngine::commit_differences(ScanCount& count, const Bound& bound, Trust trust,
                                              int64_t now_us) {
  const std::vector<SliceKey> keys = candidates(count, bound, trust, now_us);
  size_t suspects = 0;
  for (size_t done = 0; done < keys.size();) {
    size_t size = 0;
    int64_t cells = 0;
    while (done + size < keys.size() && size < options_.slices_per_commit &&
           cells < kCellsPerCommit) {
      cells += count.tally_of(keys[done + size]).classes().counted / 4 + 1;
      ++size;
    }
    const auto first = keys.begin() + static_cast<ptrdiff_t>(done);
    std::vector<SliceKey> batch(first, first + static_cast<ptrdiff_t>(size));
    done += size;
    const auto next = done < keys.size() ? ScanClock::event_of(keys[done]) : std::nullopt;
    const int64_t mark = std::min(slices_.first_not_over(now_us), next.value_or(INT64_MAX));
    HIRESTREAM_ASSIGN(const size_t waiting,
                      commit_batch(std::move(batch), count, trust, now_us, mark));
    suspects += waiting;
    ports_.observer.on_progress("slices", static_cast<int64_t>(done),
                                static_cast<int64_t>(keys.size()));
  }
  if (!again_) {
    swept_until_ = std::min(slices_.first_not_over(now_us), left_from_);
    last_scan_us_ = now_us;
  }
  return suspects;
}

// Nothing: the slice is not as it was when the scan began, so this count says nothing of it.
Result<std::optional<Recount>> ScanEngine::recount(StoredContribution&& stored, ScanCount& count,
                                                   Trust trust, int64_t now_us) {
  const SliceKey key = stored.entry.key;
  if (stored.entry.revision != book_.entry_of(key).revision) {
    again_ = true;
    leave(key);
    HIRESTREAM_TRY(book_.reload(std::span(&key, 1)));
    return std::optional<Recount>();
  }
  Recount recount;
  recount.stored = std::move(stored);
  recount.trust = trust;
  if (const auto slice = count.slices.find(key); slice != count.slices.end()) {
    recount.count.tally = std::move(slice->second);
  }
  HIRESTREAM_TRY(judge(recount, policy_of(key, now_us)));
  return std::optional<Recount>(std::move(recount));
}

Result<size_t> ScanEngine::commit_batch(std::vector<SliceKey> keys, ScanCount& count, Trust trust,
                                        int64_t now_us, int64_t mark) {
  std::sort(keys.begin(), keys.end());
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  CommitPlan changes;
  size_t waiting = 0;
  std::vector<std::pair<SliceKey, RowDigest>> held;
  for (StoredContribution& slice : stored) {
    HIRESTREAM_ASSIGN(std::optional<Recount> recounted,
                      recount(std::move(slice), count, trust, now_us));
    if (!recounted) {
      continue;
    }
    const SliceKey key = recounted->entry().key;
    found_of_held_.erase(key);
    switch (recounted->action) {
      case Action::kWait:
        ++waiting;
        leave(key);
        break;
      case Action::kHold:
        leave(key);
        held.emplace_back(key, recounted->found());
        [[fallthrough]];
      case Action::kReplace:
      case Action::kRelease:
        plan_action(changes, std::move(*recounted), policy_of(key, now_us).state, {}, now_us);
        break;
      default:
        break;  // every scan is an audit: it is not noted
    }
  }
  if (!changes.empty()) {
    changes.settled_until.emplace_back(0, std::min(mark, left_from_));
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(changes)));
    if (!replaced.empty()) {
      again_ = true;
      std::for_each(keys.begin(), keys.end(), [this](const SliceKey& key) { leave(key); });
      return waiting;
    }
  }
  found_of_held_.insert(held.begin(), held.end());
  return waiting;
}

size_t ScanEngine::freeze_batch() const {
  return std::min(kFrozenPerCommit, options_.slices_per_commit);
}

std::vector<SliceKey> ScanEngine::history(const ScanCount& count, int64_t now_us) const {
  std::vector<SliceKey> keys;
  for (const auto& [key, tally] : count.slices) {
    if (slices_.is_past_retention(key, now_us) && book_.find(key) == nullptr && !tally.empty()) {
      keys.push_back(key);
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// The mark rises with each part: what lies below it and is not in the ledger was counted.
Result<void> ScanEngine::commit_history(std::span<const SliceKey> keys, const ScanCount& count) {
  for (size_t done = 0; done < keys.size();) {
    CommitPlan changes;
    while (done < keys.size() && changes.slices.size() < freeze_batch() &&
           changes.cells.size() < static_cast<size_t>(kCellsPerCommit)) {
      const SliceKey& key = keys[done++];
      HIRESTREAM_TRY(check_sums(key, count.tally_of(key)));
      plan_history(changes, key, slices_.day_of(key), count.tally_of(key));
    }
    changes.frozen_marks.push_back({0, keys[done - 1].bucket + 1, FrozenMark::kAllHistory});
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> there, book_.commit(std::move(changes)));
    if (!there.empty()) {
      again_ = true;  // a repair has put them into the ledger
      std::for_each(keys.begin(), keys.end(), [this](const SliceKey& key) { leave(key); });
      return {};
    }
    ports_.observer.on_progress("history", static_cast<int64_t>(done),
                                static_cast<int64_t>(keys.size()));
  }
  return {};
}

// After a complete scan whose differences are committed: whatever else arrived as long ago is
// counted.
Result<void> ScanEngine::freeze(int64_t now_us) {
  std::vector<SliceKey> due;
  for (const auto& [key, entry] : book_.entries()) {
    if (slices_.is_past_retention(key, now_us)) {
      due.push_back(key);
    }
  }
  for (std::span<const SliceKey> keys = due; !keys.empty();) {
    const auto batch = keys.first(std::min(freeze_batch(), keys.size()));
    keys = keys.subspan(batch.size());
    HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(batch));
    CommitPlan changes;
    for (StoredContribution& slice : stored) {
      // An open one lost rows to their age before a scan could settle it.
      slice.entry.state = SliceState::kSettled;
      if (!may_freeze(slice.entry, slice.damaged) || slice.entry.revision == 0) {
        continue;  // a damaged one stays until it is repaired
      }
      const SliceKey key = slice.entry.key;
      found_of_held_.erase(key);
      plan_freeze(changes, std::move(slice), slices_.day_of(key));
    }
    const int64_t until = batch.back().bucket + 1;
    if (until > book_.frozen_marks().at(0).until) {
      changes.frozen_marks.push_back({0, until, FrozenMark::kAllHistory});
    }
    if (changes.empty()) {
      continue;
    }
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(changes)));
    if (!replaced.empty()) {
      return {};  // by somebody else, just now: the next complete scan looks at all of it
    }
  }
  return {};
}

Result<void> ScanEngine::note_late_rows(const FrozenRows& met) {
  if (met.empty()) {
    return {};
  }
  HIRESTREAM_ASSIGN(const std::vector<FrozenDay> days, ledger_.load_frozen_days());
  LateRows late = find_late_rows(met, days);
  if (late.news.empty()) {
    return {};
  }
  CommitPlan changes;
  changes.frozen_days = std::move(late.news);
  HIRESTREAM_TRY(book_.commit(std::move(changes)));
  ports_.observer.on_note("warning", std::to_string(late.rows) +
                                         " rows arrived when their slices were frozen already, "
                                         "and are not counted: is --retention too short?");
  return {};
}

}  // namespace hirestream
