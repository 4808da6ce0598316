#include "pipeline/tail_engine.h"

#include <algorithm>
#include <utility>

#include "model/floor_divide.h"

namespace hirestream {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kGapBucketsMax =
    64;  // a longer pause is caught up by discovery instead of opening every bucket
constexpr size_t kSeenPruneMin = 4096;
constexpr size_t kFreshnessSampleMax = 256;
constexpr int64_t kFreezeIntervalUs = 60 * kSecondUs;
constexpr size_t kFirstBatch = 16;
// Fewer new slices than this are read one by one.
constexpr size_t kBackfillSlicesMin = 256;
constexpr uint64_t kBackfillFirstParts = 256;

}  // namespace

// Rows of a poll that were not seen before, by request.
class TailEngine::PollSink : public RowSink {
 public:
  PollSink(RowClassifier& classifier, std::vector<OpenSlice*> targets)
      : classifier_(classifier), targets_(std::move(targets)), counts_(targets_.size()) {}

  Result<void> on_rows(size_t index, const TrackingBatch& batch) override {
    HIRESTREAM_CHECK(index < targets_.size());
    const OpenSlice& slice = *targets_[index];
    for (size_t row = 0; row < batch.rows(); ++row) {
      const RowId& id = batch.id(row);
      ++rows_read;
      // Rows before seen_from may have been counted and forgotten: settling decides about them.
      if (batch.position(row) >= slice.seen_from && !slice.seen.contains(id)) {
        counts_[index].add(classifier_, batch, row);
        if (arrivals_us.size() < kFreshnessSampleMax && is_version_1(id)) {
          arrivals_us.push_back(arrival_time_us(id));
        }
      }
    }
    return {};
  }

  OpenSlice& target(size_t index) { return *targets_[index]; }
  SliceCount& count(size_t index) { return counts_[index]; }
  size_t size() const { return counts_.size(); }

  int64_t rows_read = 0;
  std::vector<int64_t> arrivals_us;

 private:
  RowClassifier& classifier_;
  std::vector<OpenSlice*> targets_;
  std::vector<SliceCount> counts_;
};

// Rows of slices that wait for their first count and are over; all others are read past.
class TailEngine::BackfillSink : public SliceSink {
 public:
  BackfillSink(TailEngine& engine, int64_t now_us) : engine_(engine), now_us_(now_us) {}

  Result<void> on_slice_rows(const SliceKey& slice, const TrackingBatch& batch) override {
    rows_read += static_cast<int64_t>(batch.rows());
    if (last_ == nullptr || slice != last_key_) {
      last_key_ = slice;
      const bool wanted =
          engine_.backfill_keys_.contains(slice) && engine_.is_closed(slice.bucket, now_us_);
      last_ = wanted ? &counts[slice] : &ignored_;
    }
    if (last_ != &ignored_) {
      for (size_t row = 0; row < batch.rows(); ++row) {
        last_->add(engine_.ledger_.classifier(), batch, row);
      }
    }
    return {};
  }

  std::map<SliceKey, SliceCount> counts;
  int64_t rows_read = 0;

 private:
  TailEngine& engine_;
  int64_t now_us_;
  SliceCount ignored_;
  SliceCount* last_ = nullptr;
  SliceKey last_key_;
};

TailEngine::TailEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports), options_(std::move(options)), ledger_(ports_, options_) {
  batch_limit_ = std::min(kFirstBatch, static_cast<size_t>(options_.slices_per_read));
}

int64_t TailEngine::bucket_begin_us(int64_t bucket) const {
  return bucket * ports_.source.description().bucket_width_us();
}

bool TailEngine::is_closed(int64_t bucket, int64_t now_us) const {
  return bucket < first_not_closed(now_us);
}

int64_t TailEngine::first_not_closed(int64_t now_us) const {
  return sequence() ? newest_bucket_
                    : floor_divide(now_us - options_.grace_us,
                                   ports_.source.description().bucket_width_us());
}

int64_t TailEngine::audit_base_us(const ClosedSlice& slice) const {
  return sequence() ? slice.entry.settled_at_us
                    : bucket_begin_us(slice.entry.key.bucket + 1) + options_.grace_us;
}

Result<void> TailEngine::start() {
  started_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  const int64_t now_us = ports_.clock.now_us();
  last_step_us_ = now_us;
  next_jobs_us_ = now_us;
  next_poll_us_ = now_us;
  next_look_back_us_ = now_us;
  next_freeze_us_ = now_us + kFreezeIntervalUs;
  HIRESTREAM_TRY(load_state(now_us));
  started_ = true;
  polled_ = false;
  return {};
}

Result<void> TailEngine::load_state(int64_t now_us) {
  open_.clear();
  closed_.clear();
  audits_.clear();
  pending_.clear();
  waiting_.clear();
  pending_set_.clear();
  backfill_keys_.clear();
  backfill_place_ = kRingPlaces;
  HIRESTREAM_ASSIGN(newest_bucket_, ports_.source.newest_bucket(now_us));
  HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
  for (const LedgerEntry& entry : entries) {
    // Settled, but not over: by a clock that ran ahead.
    const bool settled_too_early =
        entry.state == SliceState::kSettled && !is_closed(entry.key.bucket, now_us);
    if (entry.state == SliceState::kOpen || settled_too_early) {
      // What was appended is known only by its sums: count it whole, which also gives the ids seen.
      pending_.push_back(entry.key);
      pending_set_.insert(entry.key);
    } else {
      close_slice(entry, entry.key, now_us);
    }
  }
  const int64_t grace_buckets =
      sequence() ? 0
                 : options_.grace_us / kSecondUs / ports_.source.description().bucket_width_s + 1;
  next_bucket_ = newest_bucket_ - grace_buckets;
  HIRESTREAM_TRY(discover(now_us));
  open_new_buckets(now_us);
  return {};
}

void TailEngine::close_slice(const LedgerEntry& entry, const SliceKey& key, int64_t now_us) {
  ClosedSlice closed;
  closed.entry = entry;
  closed.entry.key = key;
  closed.audits_done = audits_done(closed, now_us);
  schedule_audit(closed);
  closed_.insert_or_assign(key, std::move(closed));
}

size_t TailEngine::audits_done(const ClosedSlice& slice, int64_t now_us) const {
  const LedgerEntry& entry = slice.entry;
  const int64_t audited_us = std::max(entry.audited_at_us, entry.settled_at_us);
  if (entry.revision != 0 && audited_us > now_us) {
    return 0;  // stamped by a clock that ran ahead: nobody knows when that was
  }
  const int64_t last_us = entry.revision == 0 ? now_us : audited_us;
  size_t done = 0;
  while (done < options_.audit_delays_us.size() &&
         audit_base_us(slice) + options_.audit_delays_us[done] <= last_us) {
    ++done;
  }
  return done;
}

void TailEngine::schedule_audit(const ClosedSlice& slice) {
  if (slice.entry.state != SliceState::kFrozen &&
      slice.audits_done < options_.audit_delays_us.size()) {
    audits_.emplace(audit_base_us(slice) + options_.audit_delays_us[slice.audits_done],
                    slice.entry.key);
  }
}

Result<void> TailEngine::discover(int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<SliceListing> listed,
                    ports_.source.discover(ledger_.shards()));
  std::set<SliceKey>
      fresh;  // not in the ledger, and over: what still fills up must not wait for the rest
  for (const SliceListing& slice : listed) {
    const bool too_early = options_.start_at_us && !sequence() &&
                           bucket_begin_us(slice.key.bucket) < *options_.start_at_us;
    const auto closed = closed_.find(slice.key);
    const bool counted = closed != closed_.end() && closed->second.entry.revision != 0;
    // Far in the future: a writer's clock is wrong, or the bucket is. It is counted like any other; it stays open until its time comes.
    if (!too_early && !counted && !open_.contains(slice.key) &&
        pending_set_.insert(slice.key).second) {
      pending_.push_back(slice.key);
      if (is_closed(slice.key.bucket, now_us)) {
        fresh.insert(slice.key);
      }
    }
  }
  const bool many = fresh.size() >= kBackfillSlicesMin && fresh.size() * 4 >= listed.size();
  if (ports_.source.description().ring_reads && many && backfill_place_ == kRingPlaces) {
    backfill_keys_ = std::move(fresh);
    backfill_place_ = 0;
    backfill_width_ = kRingPlaces / kBackfillFirstParts;
  }
  next_discover_us_ = now_us + options_.discover_interval_us;
  return {};
}

void TailEngine::open_slice(const SliceKey& key, int64_t now_us, std::vector<SliceKey>& over) {
  const bool too_early =
      options_.start_at_us && !sequence() && bucket_begin_us(key.bucket) < *options_.start_at_us;
  if (too_early || open_.contains(key) || pending_set_.contains(key)) {
    return;
  }
  if (const auto closed = closed_.find(key); closed != closed_.end()) {
    return;
  }
  if (is_closed(key.bucket, now_us)) {
    over.push_back(key);
    return;
  }
  OpenSlice slice;
  slice.entry.key = key;
  open_.emplace(key, std::move(slice));
  ports_.observer.on_slice(SliceEvent::kOpened, key, "");
}

void TailEngine::open_new_buckets(int64_t now_us) {
  // One bucket ahead: writers whose clocks run ahead.
  const int64_t end = newest_bucket_ + (sequence() ? 1 : 2);
  if (end - next_bucket_ > kGapBucketsMax) {
    next_discover_us_ = now_us;
    next_bucket_ = end - kGapBucketsMax;
  }
  std::vector<SliceKey> over;
  for (; next_bucket_ < end; ++next_bucket_) {
    for (const int32_t shard : ledger_.shards()) {
      open_slice({shard, next_bucket_}, now_us, over);
    }
  }
  queue_first(over);
}

// Before all others: their rows, or the last of them, are not counted yet, and audits of a long pause may be many.
void TailEngine::queue_first(const std::vector<SliceKey>& over) {
  pending_set_.insert(over.begin(), over.end());
  pending_.insert(pending_.begin(), over.begin(), over.end());
}

void TailEngine::queue_closed_slices(int64_t now_us) {
  std::vector<SliceKey> over;
  for (auto slice = open_.begin(); slice != open_.end();) {
    if (is_closed(slice->first.bucket, now_us)) {
      if (!pending_set_.contains(slice->first)) {
        over.push_back(slice->first);
      }
      slice = open_.erase(slice);
    } else {
      ++slice;
    }
  }
  queue_first(over);
}

void TailEngine::queue_due_audits(int64_t now_us) {
  while (!audits_.empty() && audits_.begin()->first <= now_us) {
    const SliceKey key = audits_.begin()->second;
    audits_.erase(audits_.begin());
    ClosedSlice& slice = closed_.at(key);
    if (slice.entry.state == SliceState::kFrozen) {
      continue;
    }
    // One audit stands for all that fell due, for example while the engine was down.
    while (slice.audits_done < options_.audit_delays_us.size() &&
           audit_base_us(slice) + options_.audit_delays_us[slice.audits_done] <= now_us) {
      ++slice.audits_done;
    }
    schedule_audit(slice);
    if (pending_set_.insert(key).second) {
      pending_.push_back(key);
    }
  }
}

void TailEngine::queue_waiting(int64_t now_us) {
  while (!waiting_.empty() && waiting_.begin()->first <= now_us) {
    pending_.push_back(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
}

void TailEngine::move_timers(int64_t back_us) {
  for (int64_t* timer : {&next_poll_us_, &next_look_back_us_, &next_discover_us_, &next_jobs_us_,
                         &next_freeze_us_}) {
    *timer -= back_us;
  }
  queue_waiting(INT64_MAX);
}

void TailEngine::take_back_what_was_not_due(int64_t now_us) {
  for (auto closed = closed_.begin(); closed != closed_.end();) {
    const auto& [key, slice] = *closed;
    if (is_closed(key.bucket, now_us) || slice.entry.state == SliceState::kFrozen) {
      ++closed;
      continue;
    }
    // Empty ones are opened anew by open_new_buckets().
    if (slice.entry.revision != 0 && pending_set_.insert(key).second) {
      pending_.push_back(key);
    }
    closed = closed_.erase(closed);
  }
  audits_.clear();
  for (auto& [key, slice] : closed_) {
    slice.audits_done = audits_done(slice, now_us);
    schedule_audit(slice);
  }
  const int64_t width_us = ports_.source.description().bucket_width_us();
  next_bucket_ = std::min(next_bucket_, newest_bucket_ - options_.grace_us / width_us - 1);
}

Result<StepReport> TailEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = ports_.clock.now_us();
  const bool set_back = now_us < last_step_us_;
  if (set_back) {
    move_timers(last_step_us_ - now_us);
  }
  last_step_us_ = now_us;
  HIRESTREAM_TRY(refresh_jobs(now_us));
  HIRESTREAM_ASSIGN(newest_bucket_, ports_.source.newest_bucket(now_us));
  if (set_back && !sequence()) {
    take_back_what_was_not_due(now_us);
  }
  if (now_us >= next_discover_us_) {
    HIRESTREAM_TRY(discover(now_us));
  }
  open_new_buckets(now_us);
  queue_closed_slices(now_us);
  queue_due_audits(now_us);
  queue_waiting(now_us);
  const int64_t rows_before = rows_counted_;
  if (now_us >= next_poll_us_) {
    HIRESTREAM_TRY(poll(now_us));
    next_poll_us_ = now_us + options_.poll_interval_us;
    polled_ = true;
  }
  if (backfill_place_ < kRingPlaces) {
    HIRESTREAM_TRY(backfill(now_us));
  }
  if (!pending_.empty()) {
    HIRESTREAM_TRY(work_on_pending(now_us));
  }
  if (now_us >= next_freeze_us_) {
    HIRESTREAM_TRY(freeze_old_slices(now_us));
    HIRESTREAM_TRY(
        ports_.warehouse.expire_rejects(now_us - options_.rejects_keep_us, options_.rejects_cap));
    next_freeze_us_ = now_us + kFreezeIntervalUs;
  }
  StepReport report;
  report.rows_counted = rows_counted_ - rows_before;
  report.caught_up = polled_ && pending_.empty() && waiting_.empty();
  if (pending_.empty() && !waiting_.empty()) {
    report.blocked = ledger_.unconfirmed();
  }
  report.next_due_us = pending_.empty() ? next_poll_us_ : now_us;
  return report;
}

Result<void> TailEngine::refresh_jobs(int64_t now_us) {
  if (now_us < next_jobs_us_) {
    return {};
  }
  next_jobs_us_ = now_us + options_.jobs_interval_us;
  return ledger_.companies().refresh();
}

int64_t TailEngine::look_back_from(const OpenSlice& slice, int64_t now_us) const {
  // A row that the last look-back could not see yet, and that is late by no more than is tolerated, lies after where that look-back
  // stood minus the tolerance, however long ago it was.
  const int64_t tolerance_us = options_.look_back_us - options_.look_back_interval_us;
  return std::min(std::min(slice.position, now_us) - options_.look_back_us,
                  slice.looked_back - tolerance_us);
}

std::vector<SliceRead> TailEngine::poll_requests(int64_t now_us, bool look_back) {
  std::vector<SliceRead> requests;
  for (auto& [key, slice] : open_) {
    if (pending_set_.contains(key)) {
      continue;
    }
    // Only the two newest buckets get fresh rows; the others are looked at with the look-backs.
    const bool fast =
        sequence() || key.bucket == newest_bucket_ || key.bucket == newest_bucket_ - 1;
    if (!fast && !look_back) {
      continue;
    }
    SliceRead read;
    read.slice = key;
    if (slice.position != INT64_MIN && ports_.source.description().range_reads) {
      const int64_t from = sequence()  ? slice.position + 1
                           : look_back ? look_back_from(slice, now_us)
                                       : std::min(slice.position, now_us) - options_.overlap_us;
      read.from_position = std::max(from, slice.seen_from);
    }
    requests.push_back(read);
  }
  return requests;
}

Result<void> TailEngine::poll(int64_t now_us) {
  const bool look_back = now_us >= next_look_back_us_;
  const std::vector<SliceRead> requests = poll_requests(now_us, look_back);
  if (requests.empty()) {
    return {};
  }
  std::vector<OpenSlice*> targets;
  targets.reserve(requests.size());
  for (const SliceRead& request : requests) {
    targets.push_back(&open_.at(request.slice));
  }
  PollSink sink(ledger_.classifier(), std::move(targets));
  const int64_t requests_before = ports_.source.statistics().requests;
  HIRESTREAM_TRY(ports_.source.read(requests, sink));
  ports_.observer.on_read(sink.rows_read, ports_.source.statistics().requests - requests_before,
                          ports_.clock.now_us() - now_us);
  HIRESTREAM_ASSIGN(const bool committed, commit_poll(sink, requests, now_us));
  if (!committed) {
    return {};  // a look-back is repeated with the next poll: its rows were not counted
  }
  for (const SliceRead& request : requests) {
    OpenSlice& slice = open_.at(request.slice);
    if (look_back || !request.from_position) {
      slice.looked_back = slice.position;
    }
    prune_seen(slice, now_us);
  }
  if (look_back) {
    next_look_back_us_ = now_us + options_.look_back_interval_us;
  }
  return {};
}

Result<bool> TailEngine::commit_poll(PollSink& sink, std::span<const SliceRead> requests,
                                     int64_t now_us) {
  CommitPlan plan;
  plan.arrivals_us = std::move(sink.arrivals_us);
  for (size_t i = 0; i < sink.size(); ++i) {
    const Tally& tally = sink.count(i).tally;
    if (tally.empty()) {
      continue;
    }
    SliceChange change;
    change.entry = sink.target(i).entry;
    change.entry.digest += tally.digest();
    change.entry.classes += tally.classes();
    change.mode = ChangeMode::kAppend;
    change.contribution = tally.contribution();
    change.rejects = tally.rejects();
    plan.cells.insert(plan.cells.end(), change.contribution.begin(), change.contribution.end());
    plan.rows += tally.digest().rows;
    plan.new_rows += tally.digest().rows;
    plan.rejected += tally.classes().rejected;
    plan.slices.push_back(std::move(change));
  }
  if (plan.empty()) {
    return true;
  }
  const int64_t rows = plan.rows;
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  if (outcome.verdict == CommitVerdict::kConflict) {
    // Somebody replaced these slices: count them whole. The others were not committed either and come again with the next poll.
    for (const SliceKey& key : outcome.conflicts) {
      open_.erase(key);
      if (pending_set_.insert(key).second) {
        pending_.push_front(key);
      }
    }
    return false;
  }
  rows_counted_ += rows;
  for (size_t i = 0; i < sink.size(); ++i) {
    const SliceCount& count = sink.count(i);
    if (count.tally.empty()) {
      continue;
    }
    OpenSlice& slice = open_.at(requests[i].slice);
    slice.entry.revision += 1;
    slice.entry.digest += count.tally.digest();
    slice.entry.classes += count.tally.classes();
    count.ids.for_each([&slice](const RowId& id) { slice.seen.insert(id); });
    // A row from a clock that runs ahead must not carry the position past rows that are still to come.
    const int64_t reached = sequence() ? count.position_max : std::min(count.position_max, now_us);
    slice.position = std::max(slice.position, reached);
  }
  return true;
}

void TailEngine::prune_seen(OpenSlice& slice, int64_t now_us) const {
  if (slice.seen.size() < kSeenPruneMin || !ports_.source.description().range_reads) {
    return;
  }
  if (sequence()) {
    // Rows appear in the order of their numbers: nothing at or before the position comes again.
    slice.seen.clear();
    slice.seen_from = slice.position + 1;
    return;
  }
  // Later polls never ask for less: position only grows, and seen_from bounds them if the clock steps back.
  const int64_t from = look_back_from(slice, now_us);
  if (from <= slice.seen_from) {
    return;
  }
  slice.seen_from = from;
  slice.seen.retain(
      [from](const RowId& id) { return !is_version_1(id) || arrival_time_us(id) >= from; });
}

Result<void> TailEngine::backfill(int64_t now_us) {
  const uint64_t end = std::min(kRingPlaces, backfill_place_ + backfill_width_);
  const int64_t requests_before = ports_.source.statistics().requests;
  BackfillSink sink(*this, now_us);
  HIRESTREAM_TRY(ports_.source.read_ring(backfill_place_, end, sink));
  ports_.observer.on_read(sink.rows_read, ports_.source.statistics().requests - requests_before,
                          ports_.clock.now_us() - now_us);
  CommitPlan plan;
  for (auto& [key, count] : sink.counts) {
    Recount recount;
    recount.stored.entry.key = key;  // revision 0: if somebody else was faster, the commit says so
    recount.count = std::move(count);
    ledger_.judge(recount);
    ledger_.plan_replace(plan, std::move(recount), SliceState::kSettled, "", "", now_us);
  }
  std::vector<LedgerEntry> entries;
  for (const SliceChange& change : plan.slices) {
    entries.push_back(change.entry);
  }
  if (!plan.empty()) {
    const int64_t rows = plan.rows;
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
    if (outcome.verdict == CommitVerdict::kConflict) {
      entries.clear();  // they stay pending and are counted one by one
    } else {
      rows_counted_ += rows;
    }
  }
  for (LedgerEntry& entry : entries) {
    entry.revision += 1;
    close_slice(entry, entry.key, now_us);
    pending_set_.erase(entry.key);
    backfill_keys_.erase(entry.key);
  }
  const auto wanted = static_cast<double>(options_.rows_per_commit);
  // An empty part says nothing of the others but that they may be larger.
  const double scale = sink.rows_read == 0 ? 4.0 : wanted / static_cast<double>(sink.rows_read);
  const double width = static_cast<double>(backfill_width_) * std::clamp(scale, 0.25, 4.0);
  backfill_width_ = static_cast<uint64_t>(std::clamp(width, 1.0, static_cast<double>(kRingPlaces)));
  backfill_place_ = end;
  ports_.observer.on_progress("history", static_cast<int64_t>(end),
                              static_cast<int64_t>(kRingPlaces));
  if (backfill_place_ == kRingPlaces) {
    backfill_keys_.clear();
  }
  std::erase_if(pending_, [this](const SliceKey& key) { return !pending_set_.contains(key); });
  return {};
}

Result<void> TailEngine::work_on_pending(int64_t now_us) {
  std::vector<SliceKey> batch;
  for (const SliceKey& key : pending_) {
    // What a backfill is about to count can wait; open slices, settling and audits cannot.
    if (!backfill_keys_.contains(key)) {
      batch.push_back(key);
    }
    if (batch.size() == batch_limit_) {
      break;
    }
  }
  if (batch.empty()) {
    return {};
  }
  HIRESTREAM_ASSIGN(std::vector<Recount> recounts, ledger_.recount(batch));
  HIRESTREAM_TRY(settle_batch(std::move(recounts), now_us));
  const auto total = recounted_ + static_cast<int64_t>(pending_.size());
  ports_.observer.on_progress("slices", recounted_, total);
  if (pending_.empty()) {
    recounted_ = 0;
  }
  return {};
}

std::vector<std::pair<int32_t, int64_t>> TailEngine::settled_marks(const std::set<SliceKey>& done,
                                                                   int64_t now_us) const {
  std::vector<std::pair<int32_t, int64_t>> marks;
  for (const int32_t shard : ledger_.shards()) {
    const SliceKey from{shard, INT64_MIN};
    // A damaged slice is held before its bucket is over: no mark passes what is not.
    int64_t mark = std::min(newest_bucket_, first_not_closed(now_us));
    if (const auto open = open_.lower_bound(from);
        open != open_.end() && open->first.shard == shard) {
      mark = std::min(mark, open->first.bucket);
    }
    for (auto key = pending_set_.lower_bound(from);
         key != pending_set_.end() && key->shard == shard; ++key) {
      const bool audit = closed_.contains(*key);
      if (!audit && !(done.contains(*key) && is_closed(key->bucket, now_us))) {
        mark = std::min(mark, key->bucket);
        break;
      }
    }
    marks.emplace_back(shard, mark);
  }
  return marks;
}

// What a recount shows cannot be believed, or must not be taken away: the slice keeps what it has.
void TailEngine::hold(const Recount& recount, CommitPlan& plan, LedgerEntry& entry,
                      int64_t now_us) {
  ports_.observer.on_slice(SliceEvent::kHeld, entry.key, SliceLedger::why_held(recount));
  if (entry.held && entry.state == SliceState::kSettled) {
    return;
  }
  entry.held = true;
  entry.state = SliceState::kSettled;
  entry.settled_at_us = entry.settled_at_us == 0 ? now_us : entry.settled_at_us;
  entry.audited_at_us = now_us;
  SliceLedger::plan_keep(plan, entry);
  entry.revision += 1;
}

TailEngine::Settlement TailEngine::settle(Recount&& recount, CommitPlan& plan, int64_t now_us) {
  const SliceKey key = recount.stored.entry.key;
  const bool was_settled = recount.stored.entry.state == SliceState::kSettled;
  Settlement after{key, recount.stored.entry, {}, SliceState::kOpen};
  after.state = is_closed(key.bucket, now_us) ? SliceState::kSettled : SliceState::kOpen;
  if (recount.stored.entry.state == SliceState::kFrozen) {
    after.state = SliceState::kFrozen;
    return after;
  }
  if (recount.count.tally.empty() && recount.stored.entry.revision == 0) {
    return after;
  }
  if (recount.verdict == RecountVerdict::kDamaged ||
      (recount.verdict == RecountVerdict::kShrunk && !options_.allow_shrink)) {
    hold(recount, plan, after.entry, now_us);
    after.state = SliceState::kSettled;
    return after;
  }
  after.open.position = recount.count.position_max;
  if (!sequence()) {
    after.open.position = std::min(after.open.position, now_us);
  }
  after.open.looked_back = after.open.position;
  const bool corrected = was_settled && recount.verdict == RecountVerdict::kChanged;
  const RowDigest digest = recount.count.tally.digest();
  rows_counted_ += std::max<int64_t>(0, digest.rows - recount.stored.entry.digest.rows);
  if (recount.verdict == RecountVerdict::kSame && recount.stored.entry.state == after.state) {
    if (was_settled) {
      after.entry.audited_at_us = now_us;
      after.entry.held = false;
      SliceLedger::plan_keep(plan, after.entry);
      after.entry.revision += 1;
      ports_.observer.on_slice(SliceEvent::kAudited, key, "");
    }
    after.open.seen = std::move(recount.count.ids);
    return after;
  }
  after.open.seen = recount.count.ids;
  ledger_.plan_replace(plan, std::move(recount), after.state, "", "", now_us);
  after.entry = plan.slices.back().entry;
  after.entry.revision += 1;
  if (corrected) {
    ports_.observer.on_slice(SliceEvent::kCorrected, key, std::to_string(digest.rows) + " rows");
  }
  return after;
}

Result<void> TailEngine::settle_batch(std::vector<Recount> recounts, int64_t now_us) {
  std::vector<Settlement> afterwards;
  std::set<SliceKey> done;
  std::vector<SliceKey> unconfirmed;
  CommitPlan plan;
  int64_t rows = 0;
  for (Recount& recount : recounts) {
    rows += recount.count.tally.digest().rows;
    const SliceKey key = recount.stored.entry.key;
    if (recount.verdict == RecountVerdict::kUnconfirmed && !options_.allow_shrink) {
      unconfirmed.push_back(key);
      continue;
    }
    done.insert(key);
    afterwards.push_back(settle(std::move(recount), plan, now_us));
  }
  plan.settled_until = settled_marks(done, now_us);
  const auto marks = plan.settled_until;
  if (!plan.empty() || marks != last_marks_) {
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
    if (outcome.verdict == CommitVerdict::kConflict) {
      batch_limit_ = std::max<size_t>(1, batch_limit_ / 8);
      return {};  // all of the batch stays pending and is counted again
    }
    last_marks_ = marks;
  }
  // As many slices as make a commit of the wanted size, judged by this batch.
  const int64_t rows_per_slice =
      std::max<int64_t>(1, rows / std::max<int64_t>(1, static_cast<int64_t>(afterwards.size())));
  batch_limit_ = static_cast<size_t>(
      std::clamp<int64_t>(options_.rows_per_commit / rows_per_slice, 1, options_.slices_per_read));
  recounted_ += static_cast<int64_t>(afterwards.size());
  for (Settlement& after : afterwards) {
    pending_set_.erase(after.key);
    if (after.state == SliceState::kOpen) {
      after.open.entry = after.entry;
      open_.insert_or_assign(after.key, std::move(after.open));
      continue;
    }
    const auto known = closed_.find(after.key);
    if (known == closed_.end()) {
      close_slice(after.entry, after.key, now_us);
      ports_.observer.on_slice(SliceEvent::kSettled, after.key, "");
    } else {
      known->second.entry = after.entry;
    }
  }
  for (const SliceKey& key : unconfirmed) {
    waiting_.emplace(now_us + options_.look_back_interval_us, key);
  }
  std::erase_if(pending_, [&](const SliceKey& key) {
    return !pending_set_.contains(key) ||
           std::find(unconfirmed.begin(), unconfirmed.end(), key) != unconfirmed.end();
  });
  return {};
}

Result<void> TailEngine::freeze_old_slices(int64_t now_us) {
  if (options_.retention_us == 0) {
    return {};
  }
  std::vector<SliceKey> keys;
  for (const auto& [key, slice] : closed_) {
    const bool old = audit_base_us(slice) + options_.retention_us <= now_us;
    if (old && slice.entry.state == SliceState::kSettled && slice.entry.revision != 0 &&
        !pending_set_.contains(key) && keys.size() < batch_limit_) {
      keys.push_back(key);
    }
  }
  if (keys.empty()) {
    return {};
  }
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  CommitPlan plan;
  for (StoredContribution& slice : stored) {
    if (slice.damaged || slice.entry.state != SliceState::kSettled) {
      continue;  // repaired or replaced first
    }
    SliceChange change;
    change.entry = slice.entry;
    change.entry.state = SliceState::kFrozen;
    change.entry.held = false;  // nobody waits for its rows any more
    change.mode = ChangeMode::kFreeze;
    change.contribution = std::move(slice.contribution);
    plan.slices.push_back(std::move(change));
  }
  if (plan.empty()) {
    return {};
  }
  std::vector<LedgerEntry> entries;
  for (const SliceChange& change : plan.slices) {
    entries.push_back(change.entry);
  }
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  if (outcome.verdict == CommitVerdict::kCommitted) {
    for (LedgerEntry& entry : entries) {
      entry.revision += 1;
      ports_.observer.on_slice(SliceEvent::kFrozen, entry.key, "");
      closed_.at(entry.key).entry = entry;
    }
  }
  return {};
}

}  // namespace hirestream
