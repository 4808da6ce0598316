#include "pipeline/scan_engine.h"

#include <algorithm>
#include <utility>

#include "model/floor_divide.h"

namespace hirestream {
namespace {

constexpr int64_t kCellsPerCommit = 100'000;

}  // namespace

ScanEngine::ScanEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports),
      options_(std::move(options)),
      ledger_(ports_, options_),
      book_(ledger_),
      clockwork_(ports_, options_, ledger_, {&scan_timer_, &full_scan_timer_}) {}

int64_t ScanEngine::width_us() const {
  return ports_.source.description().bucket_width.us();
}

int64_t ScanEngine::first_not_over(int64_t now_us) const {
  return floor_divide(now_us - options_.grace_us, width_us());
}

void ScanEngine::leave(const SliceKey& key) {
  if (key.bucket != kNoTimeBucket) {
    left_from_ = std::min(left_from_, key.bucket);
  }
}

Policy ScanEngine::policy_of(const SliceKey& key, int64_t now_us) const {
  const bool over = key.bucket != kNoTimeBucket && key.bucket < first_not_over(now_us);
  Policy policy;
  policy.state = over ? SliceState::kSettled : SliceState::kOpen;
  policy.allow_shrink = options_.allow_shrink;
  return policy;
}

Result<void> ScanEngine::start() {
  started_ = false;
  scanned_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  found_of_held_.clear();
  HIRESTREAM_TRY(book_.load());
  clockwork_.start();
  started_ = true;
  return {};
}

// After an outage the window reaches back from the last scan, and over what is not settled yet.
// Visitors' clocks run ahead: events of the near future count too.
ScanEngine::Bound ScanEngine::recent(int64_t now_us) const {
  const int64_t width = width_us();
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
  const int64_t rows_before = book_.rows_counted();
  if (full_scan_timer_.due(now_us)) {
    HIRESTREAM_TRY(scan({}, now_us));
    if (!again_) {
      full_scan_timer_.due_us =
          ports_.clock.now_us() +
          (unconfirmed_ ? options_.scan_interval_us : options_.full_scan_interval_us);
      scanned_ = scanned_ || !unconfirmed_;
    }
    scan_timer_.due_us = ports_.clock.now_us() + options_.scan_interval_us;
  } else if (scan_timer_.due(now_us)) {
    HIRESTREAM_TRY(scan(recent(now_us), now_us));
    scan_timer_.due_us = again_ ? now_us : ports_.clock.now_us() + options_.scan_interval_us;
  }
  StepReport report;
  report.rows_counted = book_.rows_counted() - rows_before;
  report.caught_up = scanned_;
  report.blocked = unconfirmed_;
  report.next_due_us = again_ ? now_us : std::min(scan_timer_.due_us, full_scan_timer_.due_us);
  return report;
}

Result<void> ScanEngine::scan(const Bound& bound, int64_t now_us) {
  again_ = false;
  unconfirmed_.reset();
  if (!bound) {
    // Somebody else may have replaced slices whose rows have not changed since.
    HIRESTREAM_TRY(book_.load());
  }
  HIRESTREAM_ASSIGN(ScanCount count,
                    count_scan(ports_, ledger_.classifier(), bound, ReadLevel::kConfigured));
  const Trust trust = ports_.source.description().replicas ? Trust::kConfigured : Trust::kStrongest;
  HIRESTREAM_ASSIGN(const size_t suspects,
                    commit_differences(std::move(count), bound, trust, now_us));
  if (suspects == 0) {
    return {};
  }
  // Guard Shrink: rows are missing. One more scan, as strongly as the source can; what is still
  // missing then is held.
  auto second = count_scan(ports_, ledger_.classifier(), bound, ReadLevel::kStrongest);
  if (!second && second.error().kind != ErrorKind::kTransient) {
    return forward(second.error());
  }
  if (!second) {
    ports_.observer.on_retry(second.error(), 1, 0);
    unconfirmed_ = second.error();
    return {};  // nothing is taken away; the next scan asks again
  }
  HIRESTREAM_TRY(commit_differences(std::move(*second), bound, Trust::kStrongest, now_us));
  return {};
}

std::vector<SliceKey> ScanEngine::candidates(const ScanCount& count, const Bound& bound,
                                             int64_t now_us) const {
  std::vector<SliceKey> keys;
  for (const auto& [key, tally] : count.slices) {
    const LedgerEntry* known = book_.find(key);
    const bool settles = known != nullptr && known->state == SliceState::kOpen &&
                         policy_of(key, now_us).state == SliceState::kSettled;
    if (known == nullptr || known->digest != tally.digest() || known->held || settles) {
      keys.push_back(key);
    }
  }
  const BucketWidth width = ports_.source.description().bucket_width;
  for (const auto& [key, entry] : book_.entries()) {
    if (is_in_bound(key, bound, width) && !count.slices.contains(key) && entry.digest.rows > 0) {
      keys.push_back(key);
    }
  }
  std::erase_if(keys, [&](const SliceKey& key) {
    const auto held = found_of_held_.find(key);
    return held != found_of_held_.end() && held->second == count.tally_of(key).digest();
  });
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<size_t> ScanEngine::commit_differences(ScanCount count, const Bound& bound, Trust trust,
                                              int64_t now_us) {
  const std::vector<SliceKey> keys = candidates(count, bound, now_us);
  left_from_ = INT64_MAX;
  size_t suspects = 0;
  for (size_t done = 0; done < keys.size();) {
    size_t size = 0;
    int64_t cells = 0;
    while (done + size < keys.size() && size < options_.slices_per_commit &&
           cells < kCellsPerCommit) {
      cells += count.tally_of(keys[done + size]).classes().counted / 4 + 1;
      ++size;
    }
    const std::span batch = std::span(keys).subspan(done, size);
    done += size;
    const int64_t next = done < keys.size() ? keys[done].bucket : INT64_MAX;
    HIRESTREAM_ASSIGN(const size_t waiting, commit_batch(batch, count, trust, now_us,
                                                         std::min(first_not_over(now_us), next)));
    suspects += waiting;
    ports_.observer.on_progress("slices", static_cast<int64_t>(done),
                                static_cast<int64_t>(keys.size()));
  }
  if (!again_) {
    swept_until_ = std::min(first_not_over(now_us), left_from_);
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

Result<size_t> ScanEngine::commit_batch(std::span<const SliceKey> keys, ScanCount& count,
                                        Trust trust, int64_t now_us, int64_t mark) {
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

}  // namespace hirestream
