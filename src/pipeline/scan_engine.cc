#include "pipeline/scan_engine.h"

#include <algorithm>
#include <utility>

#include "model/floor_divide.h"

namespace hirestream {
namespace {

constexpr int64_t kCellsPerCommit = 100'000;

class ScanSink : public RowSink {
 public:
  ScanSink(EventSource& source, RowClassifier& classifier, const ScanBound& bound,
           Observer& observer)
      : source_(source),
        classifier_(classifier),
        bound_(bound),
        width_us_(source.description().bucket_width_us()),
        observer_(observer),
        requests_(source.statistics().requests) {}

  Result<void> on_rows(size_t, const TrackingBatch& batch) override {
    for (size_t row = 0; row < batch.rows(); ++row) {
      const int64_t bucket = scan_bucket(batch, row, width_us_);
      if (!bound_.complete && (bucket == kNoTimeBucket || bucket < bound_.from_us / width_us_ ||
                               bucket >= bound_.to_us / width_us_)) {
        continue;
      }
      if (!ids_.insert(batch.id(row))) {
        continue;
      }
      if (last_ == nullptr || bucket != last_bucket_) {
        last_ = &count.buckets[bucket];
        last_bucket_ = bucket;
      }
      last_->add(classifier_, batch, row);
    }
    count.rows += static_cast<int64_t>(batch.rows());
    observer_.on_progress("rows scanned", count.rows, -1);
    report(static_cast<int64_t>(batch.rows()));
    return {};
  }

  // Page by page: whoever watches sees that a scan of many minutes goes on.
  void report(int64_t rows) {
    const int64_t requests = source_.statistics().requests;
    observer_.on_read(rows, requests - requests_, 0);
    requests_ = requests;
  }

  ScanCount count;

 private:
  EventSource& source_;
  RowClassifier& classifier_;
  ScanBound bound_;
  int64_t width_us_;
  Observer& observer_;
  int64_t requests_;  // told already
  RowIdSet ids_;
  Tally* last_ = nullptr;
  int64_t last_bucket_ = 0;
};

const Tally& tally_of(const ScanCount& count, int64_t bucket) {
  static const Tally kEmpty;
  const auto found = count.buckets.find(bucket);
  return found == count.buckets.end() ? kEmpty : found->second;
}

}  // namespace

int64_t scan_bucket(const TrackingBatch& batch, size_t row, int64_t bucket_width_us) {
  return batch.status(Column::kTs, row) == CellStatus::kValue
             ? floor_divide(batch.ts_us(row), bucket_width_us)
             : kNoTimeBucket;
}

Result<ScanCount> count_scan(EventSource& source, RowClassifier& classifier, const ScanBound& bound,
                             Observer& observer) {
  ScanSink sink(source, classifier, bound, observer);
  HIRESTREAM_TRY(source.scan(bound, sink));
  sink.report(0);
  return std::move(sink.count);
}

ScanEngine::ScanEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports), options_(std::move(options)), ledger_(ports_, options_) {}

int64_t ScanEngine::width_us() const {
  return ports_.source.description().bucket_width_us();
}

int64_t ScanEngine::settled_bucket(int64_t now_us) const {
  return floor_divide(now_us - options_.grace_us, width_us());
}

bool ScanEngine::in_bound(int64_t bucket, const ScanBound& bound) const {
  return bound.complete || (bucket != kNoTimeBucket && bucket >= bound.from_us / width_us() &&
                            bucket < bound.to_us / width_us());
}

Result<void> ScanEngine::start() {
  started_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  held_.clear();
  HIRESTREAM_TRY(load_known());
  const int64_t now_us = ports_.clock.now_us();
  last_step_us_ = now_us;
  next_jobs_us_ = now_us;
  next_scan_us_ = now_us;
  next_full_scan_us_ = now_us;
  started_ = true;
  scanned_ = false;
  return {};
}

Result<void> ScanEngine::load_known() {
  HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
  known_.clear();
  for (const LedgerEntry& entry : entries) {
    known_.emplace(entry.key.bucket, entry);
  }
  return {};
}

Result<StepReport> ScanEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = ports_.clock.now_us();
  if (now_us < last_step_us_) {  // the clock was set back
    for (int64_t* timer : {&next_jobs_us_, &next_scan_us_, &next_full_scan_us_}) {
      *timer -= last_step_us_ - now_us;
    }
  }
  last_step_us_ = now_us;
  if (now_us >= next_jobs_us_) {
    next_jobs_us_ = now_us + options_.jobs_interval_us;
    HIRESTREAM_TRY(ledger_.companies().refresh());
  }
  const int64_t rows_before = rows_counted_;
  if (now_us >= next_full_scan_us_) {
    HIRESTREAM_TRY(scan(ScanBound{}, now_us));
    if (!again_) {
      next_full_scan_us_ =
          now_us + (unconfirmed_ ? options_.scan_interval_us : options_.full_scan_interval_us);
      scanned_ = scanned_ || !unconfirmed_;
    }
    next_scan_us_ = ports_.clock.now_us() + options_.scan_interval_us;
  } else if (now_us >= next_scan_us_) {
    ScanBound bound;
    bound.complete = false;
    // After an outage the window reaches back from the last scan, and over what is not settled yet.
    bound.from_us = std::min(floor_divide(std::min(now_us, last_scan_us_) - options_.scan_window_us,
                                          width_us()),
                             swept_until_) *
                    width_us();
    // Visitors' clocks run ahead: events of the near future count too.
    bound.to_us = floor_divide(now_us + options_.counting.future_max_us, width_us()) * width_us() +
                  width_us();
    HIRESTREAM_TRY(scan(bound, now_us));
    next_scan_us_ = again_ ? now_us : ports_.clock.now_us() + options_.scan_interval_us;
  }
  HIRESTREAM_TRY(ledger_.expire_rejects(now_us));
  StepReport report;
  report.rows_counted = rows_counted_ - rows_before;
  report.caught_up = scanned_;
  report.blocked = unconfirmed_;
  report.next_due_us = again_ ? now_us : std::min(next_scan_us_, next_full_scan_us_);
  return report;
}

Result<void> ScanEngine::scan(const ScanBound& bound, int64_t now_us) {
  again_ = false;
  unconfirmed_.reset();
  if (bound.complete) {
    HIRESTREAM_TRY(
        load_known());  // somebody else may have replaced slices whose rows have not changed since
  }
  HIRESTREAM_ASSIGN(ScanCount count,
                    count_scan(ports_.source, ledger_.classifier(), bound, ports_.observer));
  return commit_differences(std::move(count), bound, false, now_us);
}

Result<void> ScanEngine::commit_differences(ScanCount count, const ScanBound& bound, bool strongest,
                                            int64_t now_us) {
  std::vector<int64_t> changed;
  for (const auto& [bucket, tally] : count.buckets) {
    const auto known = known_.find(bucket);
    const bool closes = known != known_.end() && known->second.state == SliceState::kOpen &&
                        bucket != kNoTimeBucket &&
                        (bucket + 1) * width_us() + options_.grace_us <= now_us;
    const bool returned = known != known_.end() && known->second.held;
    if (known == known_.end() || known->second.digest != tally.digest() || closes || returned) {
      changed.push_back(bucket);
    }
  }
  for (const auto& [bucket, entry] : known_) {
    if (in_bound(bucket, bound) && !count.buckets.contains(bucket) && entry.digest.rows > 0) {
      changed.push_back(bucket);
    }
  }
  std::erase_if(changed, [&](int64_t bucket) {
    const auto held = held_.find(bucket);
    return held != held_.end() && held->second == tally_of(count, bucket).digest();
  });
  std::sort(changed.begin(), changed.end());
  bool shrunk = false;
  size_t done = 0;
  int64_t left_from =
      INT64_MAX;  // the earliest minute that this scan has not settled what it could
  while (done < changed.size()) {
    size_t size = 0;
    int64_t cells = 0;
    while (done + size < changed.size() && size < options_.slices_per_commit &&
           cells < kCellsPerCommit) {
      cells += tally_of(count, changed[done + size]).classes().counted / 4 + 1;
      ++size;
    }
    const int64_t next = done + size < changed.size() ? changed[done + size] : INT64_MAX;
    HIRESTREAM_ASSIGN(const bool suspicious,
                      commit_batch(std::span(changed).subspan(done, size), count, strongest, now_us,
                                   next, left_from));
    shrunk = shrunk || suspicious;
    done += size;
    ports_.observer.on_progress("slices", static_cast<int64_t>(done),
                                static_cast<int64_t>(changed.size()));
  }
  if (!again_) {
    swept_until_ = std::min(settled_bucket(now_us), left_from);
    last_scan_us_ = now_us;
  }
  if (!shrunk || strongest) {
    return {};
  }
  // Guard Shrink: rows are missing. One more scan, as strongly as the source can; what is still missing then is held.
  ScanBound strong = bound;
  strong.level = ReadLevel::kStrongest;
  auto second = count_scan(ports_.source, ledger_.classifier(), strong, ports_.observer);
  if (!second && second.error().kind != ErrorKind::kTransient) {
    return forward(second.error());
  }
  if (!second) {
    ports_.observer.on_retry(second.error(), 1, 0);
    unconfirmed_ = second.error();
    return {};  // nothing is taken away; the next scan asks again
  }
  return commit_differences(std::move(*second), bound, true, now_us);
}

Result<bool> ScanEngine::commit_batch(std::span<const int64_t> buckets, ScanCount& count,
                                      bool strongest, int64_t now_us, int64_t next,
                                      int64_t& left_from) {
  const auto leave = [&left_from](int64_t bucket) {
    left_from = bucket == kNoTimeBucket ? left_from : std::min(left_from, bucket);
  };
  std::vector<SliceKey> keys;
  for (const int64_t bucket : buckets) {
    keys.push_back({0, bucket});
  }
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  CommitPlan plan;
  bool suspicious = false;
  for (size_t i = 0; i < keys.size(); ++i) {
    const int64_t bucket = keys[i].bucket;
    Recount recount;
    recount.stored = std::move(stored[i]);
    const auto known = known_.find(bucket);
    // The revision must be the one noted before the scan began.
    const int64_t noted = known == known_.end() ? 0 : known->second.revision;
    if (recount.stored.entry.revision != noted) {
      known_[bucket] = recount.stored.entry;
      again_ = true;
      leave(bucket);
      continue;
    }
    if (recount.stored.entry.state == SliceState::kFrozen) {
      continue;
    }
    if (const auto found = count.buckets.find(bucket); found != count.buckets.end()) {
      recount.count.tally = std::move(found->second);
    }
    ledger_.judge(recount);
    const RowDigest digest = recount.count.tally.digest();
    if (recount.verdict == RecountVerdict::kDamaged ||
        (recount.verdict == RecountVerdict::kShrunk &&
         !(strongest && (options_.allow_shrink || recount.only_overwritten())))) {
      suspicious = true;
      leave(bucket);
      if (strongest || recount.verdict == RecountVerdict::kDamaged) {
        held_[bucket] = digest;
        ports_.observer.on_slice(SliceEvent::kHeld, keys[i], SliceLedger::why_held(recount));
        if (!recount.stored.entry.held) {
          LedgerEntry held = recount.stored.entry;
          held.held = true;
          SliceLedger::plan_keep(plan, held);
        }
      }
      continue;
    }
    held_.erase(bucket);
    const bool closed =
        bucket != kNoTimeBucket && (bucket + 1) * width_us() + options_.grace_us <= now_us;
    const SliceState state = closed ? SliceState::kSettled : SliceState::kOpen;
    if (recount.verdict == RecountVerdict::kSame && recount.stored.entry.state == state) {
      if (recount.stored.entry.held) {  // the rows that were missing are back
        LedgerEntry released = recount.stored.entry;
        released.held = false;
        SliceLedger::plan_keep(plan, released);
      }
      continue;
    }
    ledger_.plan_replace(plan, std::move(recount), state, "", "", now_us);
  }
  if (!plan.empty()) {
    HIRESTREAM_ASSIGN(
        const bool committed,
        commit_plan(std::move(plan), std::min({settled_bucket(now_us), next, left_from})));
    if (!committed) {
      std::for_each(buckets.begin(), buckets.end(), leave);
    }
  }
  return suspicious;
}

Result<bool> ScanEngine::commit_plan(CommitPlan plan, int64_t settled_until) {
  plan.settled_until.emplace_back(0, settled_until);
  std::vector<LedgerEntry> entries;
  for (const SliceChange& change : plan.slices) {
    entries.push_back(change.entry);
  }
  const int64_t new_rows = plan.new_rows;
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  if (outcome.verdict == CommitVerdict::kConflict) {
    again_ = true;
    HIRESTREAM_ASSIGN(const std::vector<StoredContribution> moved,
                      ledger_.load_contributions(outcome.conflicts));
    for (const StoredContribution& slice : moved) {
      known_[slice.entry.key.bucket] = slice.entry;
    }
    return false;
  }
  rows_counted_ += new_rows;
  for (LedgerEntry& entry : entries) {
    entry.revision += 1;
    known_[entry.key.bucket] = entry;
  }
  return true;
}

}  // namespace hirestream
