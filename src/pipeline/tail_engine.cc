#include "pipeline/tail_engine.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace hirestream {
namespace {

// So many buckets whose time was over in a pause are counted at once; discovery finds older ones.
constexpr int64_t kGapBucketsMax = 64;
constexpr int64_t kFreezeIntervalUs = 60'000'000;
// Contributions held at a time.
constexpr size_t kFreezeBatch = 64;
constexpr size_t kFirstBatch = 16;
constexpr int64_t kLateNotesIntervalUs = 5'000'000;
constexpr int64_t kLateNotesRetryUs = 60'000'000;
constexpr int64_t kDiscoverRetryUs = 60'000'000;
constexpr int64_t kFirstDiscoverRetryUs = 1'000'000;
// By so much a writer's clock may be behind an engine's.
constexpr int64_t kLateClocksUs = 300'000'000;
// For so long after new rows more of them are expected at any moment.
constexpr int64_t kBusyAfterRowsUs = 1'000'000;
// While they are, polls take at most one part in so many of the engine's time.
constexpr int64_t kPollShareMin = 3;

}  // namespace

TailEngine::TailEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports),
      options_(std::move(options)),
      ledger_(ports_, options_),
      book_(ledger_),
      buckets_(ports_.source, options_, ledger_.classifier()),
      recounter_(ports_, ledger_),
      open_(ports_, ledger_, book_, buckets_),
      audits_(options_, buckets_),
      backfill_(ports_, options_, ledger_, book_, buckets_),
      clockwork_(ports_, options_, ledger_,
                 {&poll_timer_, &look_back_timer_, &discover_timer_, &freeze_timer_, &late_timer_}),
      batch_limit_(std::min(kFirstBatch, static_cast<size_t>(options_.slices_per_read))) {}

Result<void> TailEngine::start() {
  started_ = false;
  polled_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  const int64_t now_us = clockwork_.start();
  freeze_timer_.due_us = now_us + kFreezeIntervalUs;
  HIRESTREAM_TRY(load_state(now_us));
  started_ = true;
  started_us_ = now_us;
  return {};
}

Result<void> TailEngine::load_state(int64_t now_us) {
  open_.clear();
  audits_.clear();
  queue_.clear();
  backfill_.clear();
  HIRESTREAM_TRY(buckets_.advance(now_us));
  HIRESTREAM_TRY(load_book(now_us));
  backfill_.start({});
  next_bucket_ = buckets_.oldest_open();
  // Which slices there are is found out beside the polls: of a long history the list is long.
  passed_over_from_ = INT64_MIN;
  searched_from_ = INT64_MAX;
  discovered_ = false;
  discovery_.reset();
  no_list_.reset();
  discover_timer_.due_us = now_us;
  // Of an older version: which rows they hold is not known. Nothing that fills up waits for it.
  for (const auto& [key, entry] : book_.entries()) {
    if (!entry.digest.hash_known()) {
      queue_.push_back(key);
    }
  }
  // Those that a new mark, or another engine, has frozen are history: counted with it, or for good.
  std::erase_if(noted_, [this](const SliceKey& key) {
    return book_.is_frozen(key) || backfill_.contains(key);
  });
  std::ranges::for_each(noted_, [this](const SliceKey& key) { queue_.push_back(key); });
  open_new_buckets(now_us);
  return {};
}

// What the ledger has waits for an audit, or is counted again before it is polled.
Result<void> TailEngine::load_book(int64_t now_us) {
  HIRESTREAM_TRY(book_.load());
  for (const auto& [key, entry] : book_.entries()) {
    // Open: what was appended is known only by its sums; counted whole, its ids are known, too.
    // Settled, but not over: by a clock that ran ahead.
    if (is_settled(key, now_us)) {
      audits_.add(entry, now_us);
    } else if (!open_.contains(key)) {
      queue_.push_back(key);
    }
  }
  return {};
}

bool TailEngine::is_waiting(const SliceKey& key) const {
  return queue_.contains(key) || backfill_.contains(key);
}

// What the ledger has is not: its rows would be counted twice.
bool TailEngine::is_new(const SliceKey& key) const {
  return book_.find(key) == nullptr && !open_.contains(key) && !is_waiting(key) &&
         !book_.is_frozen(key) && !buckets_.is_before_start(key.bucket);
}

bool TailEngine::is_known_for_good(const SliceKey& key) const {
  return book_.find(key) != nullptr || book_.is_frozen(key) || buckets_.is_before_start(key.bucket);
}

bool TailEngine::is_settled(const SliceKey& key, int64_t now_us) const {
  const LedgerEntry* entry = book_.find(key);
  return entry != nullptr && entry->state == SliceState::kSettled &&
         buckets_.is_over(key.bucket, now_us);
}

// Whether there is more.
Result<bool> TailEngine::list_more(int64_t now_us) {
  if (discovery_ == nullptr) {
    listed_.clear();
    slices_there_ = 0;
    list_again_ = false;
    HIRESTREAM_ASSIGN(discovery_, ports_.source.begin_discovery(ledger_.shards()));
    searched_from_ = std::exchange(passed_over_from_, INT64_MAX);
  }
  std::vector<SliceListing> part;
  auto more = discovery_->next(part);
  if (!more) {
    end_discovery(false, now_us);
    return more;
  }
  slices_there_ += part.size();
  for (const SliceListing& slice : part) {
    if (!is_known_for_good(slice.key)) {
      listed_.push_back(slice.key);
    }
  }
  return more;
}

Result<void> TailEngine::take_list(int64_t now_us) {
  std::ranges::sort(listed_);
  if (!discovered_) {
    searched_from_ = INT64_MAX;  // all are known: the marks tell what is history
  }
  if (auto taken = take_listing(std::exchange(listed_, {}), now_us); !taken) {
    // A first mark may be there, and what it makes history not be known yet: all is loaded anew.
    started_ = false;
    return taken;
  }
  end_discovery(true, now_us);
  return {};
}

// Counting does not wait for a list that cannot be had: what is polled may well be readable.
Result<void> TailEngine::go_on_discovering(int64_t now_us) {
  const auto more = list_more(now_us);
  if (!more && more.error().kind != ErrorKind::kTransient) {
    return forward(more.error());
  }
  if (!more) {
    no_list_ = more.error();
    discover_timer_.due_us = now_us + (discovered_ ? kDiscoverRetryUs : kFirstDiscoverRetryUs);
    ports_.observer.on_retry(*no_list_, 1, 0);
    return {};
  }
  return *more ? Result<void>() : take_list(now_us);
}

void TailEngine::end_discovery(bool done, int64_t now_us) {
  discovery_.reset();
  const int64_t searched_from = std::exchange(searched_from_, INT64_MAX);
  if (!done) {
    passed_over_from_ = std::min(passed_over_from_, searched_from);
    return;
  }
  discovered_ = true;
  no_list_.reset();
  if (passed_over_from_ == INT64_MAX && !list_again_) {
    discover_timer_.due_us = now_us + options_.discover_interval_us;
  }
}

Result<void> TailEngine::take_listing(const std::deque<SliceKey>& listed, int64_t now_us) {
  HIRESTREAM_ASSIGN(const bool history, mark_history(listed, now_us));
  std::vector<SliceKey> fresh;
  std::set<SliceKey> over;
  for (const SliceKey& key : listed) {
    if (!is_new(key)) {
      continue;
    }
    // Far in the future: a writer's clock is wrong, or the bucket is. It is counted like any other;
    // it stays open until its time comes.
    if (buckets_.is_over(key.bucket, now_us)) {
      over.insert(key);
    } else {
      fresh.push_back(key);
    }
  }
  // What still fills up must not wait for the rest.
  queue_.push_front(fresh);
  if (!backfill_.pays(over.size(), slices_there_)) {
    // The newest first: what came in an outage does not wait for what was there before, which may
    // be long and count for nothing (--start-at).
    std::vector<SliceKey> newest_first(over.begin(), over.end());
    std::ranges::sort(newest_first, std::greater<>(), &SliceKey::bucket);
    std::ranges::for_each(newest_first, [this](const SliceKey& key) { queue_.push_back(key); });
    over.clear();
  }
  if (history || !over.empty()) {
    backfill_.start(std::move(over));
  }
  return {};
}

// What is older than the retention when it is first met is counted for good, in storage order, and
// no slice of it comes into the ledger.
Result<bool> TailEngine::mark_history(const std::deque<SliceKey>& listed, int64_t now_us) {
  if (buckets_.in_order() || buckets_.keeps_for_ever() || !ports_.source.description().ring_reads ||
      backfill_.under_way()) {
    return false;
  }
  CommitPlan marks;
  for (const auto& [shard, settled] : settled_marks({}, now_us)) {
    const int64_t until = std::min(buckets_.first_kept(now_us), settled);
    const bool never_frozen = book_.frozen_marks().at(shard).until == INT64_MIN;
    if (never_frozen && std::any_of(listed.begin(), listed.end(), [&](const SliceKey& key) {
          return key.shard == shard && key.bucket < until &&
                 !buckets_.is_before_start(key.bucket) && book_.find(key) == nullptr;
        })) {
      marks.frozen_marks.push_back({shard, until, 0});
    }
  }
  if (marks.empty()) {
    return false;
  }
  HIRESTREAM_TRY(book_.commit(std::move(marks)));
  // What a repair has put there until now is no history; from now on it puts nothing there.
  HIRESTREAM_TRY(load_book(now_us));
  return true;
}

void TailEngine::open_new_buckets(int64_t now_us) {
  const int64_t end = buckets_.end_open();
  const int64_t from = buckets_.first_not_over(now_us) - kGapBucketsMax;
  if (next_bucket_ < from) {
    passed_over_from_ = std::min(passed_over_from_, next_bucket_);
    next_bucket_ = from;
    // One that is under way may have been past them before their rows came: another follows.
    discover_timer_.due_us = now_us;
  }
  std::vector<SliceKey> over;
  for (; next_bucket_ < end; ++next_bucket_) {
    for (const int32_t shard : ledger_.shards()) {
      const SliceKey key{shard, next_bucket_};
      if (!is_new(key)) {
        continue;
      }
      if (buckets_.is_over(key.bucket, now_us)) {
        over.push_back(key);
      } else {
        open_.open(key);
      }
    }
  }
  queue_.push_front(over);
}

void TailEngine::queue_what_is_due(int64_t now_us) {
  // Before all others: their rows, or the last of them, are not counted yet, and audits of a long
  // pause may be many.
  queue_.push_front(open_.close_over(now_us));
  // Behind what came while no engine ran, which the first list tells.
  if (discovered_) {
    for (const SliceKey& key : audits_.take_due(book_, now_us)) {
      queue_.push_back(key);
    }
  }
  // Not held back by a clock that was set back.
  queue_.wake(clock_set_back_ ? INT64_MAX : now_us);
  clock_set_back_ = false;
}

// Counting does not wait for notes that cannot be read: audits find the rows, too.
void TailEngine::read_late_notes(int64_t now_us) {
  late_timer_.due_us = now_us + kLateNotesIntervalUs;
  const auto notes = ports_.source.late_notes(now_us);
  if (!notes) {
    late_timer_.due_us = now_us + kLateNotesRetryUs;
    ports_.observer.on_note("warning", "notes of late rows: " + notes.error().text());
    return;
  }
  for (const LateNote& note : *notes) {
    if (note.key.shard != LateNote::kAnyShard) {
      queue_noted(note.key, note.noted_us, now_us);
    } else if (!noted_anywhere_ || noted_anywhere_->noted_us < note.noted_us) {
      noted_anywhere_ = note;
    }
  }
  // One after the other, however often such notes come.
  if (noted_anywhere_ && noted_.empty()) {
    queue_noted_anywhere(*std::exchange(noted_anywhere_, std::nullopt), now_us);
  }
}

void TailEngine::queue_noted_anywhere(const LateNote& note, int64_t now_us) {
  for (const auto& [key, entry] : book_.entries()) {
    if (key.bucket <= note.key.bucket) {
      queue_noted(key, note.noted_us, now_us);
    }
  }
  // What the book does not have: unless the discovery at the start has seen it.
  if (note.noted_us + kLateClocksUs >= started_us_) {
    discover_timer_.due_us = now_us;
    list_again_ = discovery_ != nullptr;  // which may be past them
  }
}

// Rows came to it, settled or not in the book. What is open is polled, and counted whole when it
// settles; what is to freeze would not, if it were counted again each time that it is noted.
void TailEngine::queue_noted(const SliceKey& key, int64_t noted_us, int64_t now_us) {
  const auto& shards = ledger_.shards();
  if (std::ranges::find(shards, key.shard) == shards.end() || open_.contains(key) ||
      backfill_.contains(key) || book_.is_frozen(key) || buckets_.is_before_start(key.bucket) ||
      !buckets_.is_over(key.bucket, now_us)) {
    return;
  }
  const LedgerEntry* entry = book_.find(key);
  if (entry != nullptr && buckets_.is_past_retention(*entry, now_us)) {
    return;
  }
  // An earlier engine has done so, as far as clocks can be trusted.
  const int64_t counted_us =
      entry != nullptr ? std::max(entry->settled_at_us, entry->audited_at_us) : INT64_MIN;
  const bool counted_since =
      counted_us > noted_us + kLateClocksUs && counted_us <= now_us && noted_us < started_us_;
  if (!counted_since) {
    noted_.insert(key);
    queue_.push_back(key);
  }
}

void TailEngine::take_back_what_was_not_due(int64_t now_us) {
  audits_.clear();
  for (const auto& [key, entry] : book_.entries()) {
    if (is_settled(key, now_us)) {
      audits_.add(entry, now_us);
    } else if (entry.state == SliceState::kSettled) {
      queue_.push_back(key);
    }
  }
  // Those without rows are opened anew.
  next_bucket_ = std::min(next_bucket_, buckets_.oldest_open());
}

Result<StepReport> TailEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = clockwork_.tick();
  clock_set_back_ = clock_set_back_ || clockwork_.set_back_us() > 0;
  started_us_ = std::min(started_us_, now_us);  // what is noted from now on is not of before
  HIRESTREAM_TRY(clockwork_.do_chores());
  HIRESTREAM_TRY(buckets_.advance(now_us));
  if (clock_set_back_ && !buckets_.in_order()) {
    take_back_what_was_not_due(now_us);
  }
  const bool was_discovered = discovered_;
  // Before anything freezes, and before a table that cannot be read ends the step.
  queue_what_is_due(now_us);
  if (late_timer_.due(now_us)) {
    read_late_notes(now_us);
  }
  // Before the discovery: what that puts into the queue holds the marks back.
  if (freeze_timer_.due(now_us)) {
    HIRESTREAM_TRY(freeze(now_us));
  }
  // Before it, too: what is new goes to the head of the queue, what it finds to the end.
  open_new_buckets(now_us);
  if (discovery_ != nullptr || discover_timer_.due(now_us)) {
    HIRESTREAM_TRY(go_on_discovering(now_us));
  }
  const int64_t rows_before = book_.rows_counted();
  if (poll_timer_.due(now_us)) {
    HIRESTREAM_TRY(poll(now_us));
  }
  if (!queue_.none_ready()) {
    HIRESTREAM_TRY(work_on_queue(now_us));
  }
  if (backfill_.under_way()) {
    HIRESTREAM_TRY(backfill(now_us));
  }
  if (was_discovered != discovered_ && queue_.empty() && !backfill_.under_way()) {
    HIRESTREAM_TRY(commit_marks(now_us));
  }
  StepReport report;
  const bool idle = queue_.none_ready() && !backfill_.under_way();
  report.rows_counted = book_.rows_counted() - rows_before;
  report.slices_held = book_.held();
  report.caught_up =
      polled_ && was_discovered && queue_.empty() && !backfill_.under_way() && !no_list_;
  if (idle && !queue_.empty()) {
    report.blocked = recounter_.unconfirmed();
  } else if (idle && discovery_ == nullptr) {
    report.blocked = no_list_;
  }
  // What is due is queued once the first list is there.
  const bool waits = idle && discovery_ == nullptr && was_discovered == discovered_;
  report.next_due_us = waits ? poll_timer_.due_us : now_us;
  return report;
}

Result<void> TailEngine::poll(int64_t now_us) {
  const bool look_back = look_back_timer_.due(now_us);
  const int64_t rows_before = book_.rows_counted();
  HIRESTREAM_ASSIGN(const bool committed, open_.poll(look_back, now_us, started_us_, queue_));
  // A look-back whose rows were not counted is repeated with the next poll.
  if (committed && look_back) {
    look_back_timer_.due_us = now_us + options_.look_back_interval_us;
  }
  if (book_.rows_counted() != rows_before) {
    rows_came_us_ = now_us;
  }
  poll_timer_.due_us = now_us + poll_pause(now_us);
  polled_ = true;
  return {};
}

// From the beginning of a poll to the next one.
int64_t TailEngine::poll_pause(int64_t now_us) const {
  if (!rows_came_us_ || has_passed(kBusyAfterRowsUs, *rows_came_us_, now_us)) {
    return options_.poll_interval_us;
  }
  const int64_t took_us = ports_.clock.now_us() - now_us;
  return std::min(options_.poll_interval_us,
                  std::max(options_.busy_poll_interval_us, kPollShareMin * took_us));
}

Result<void> TailEngine::backfill(int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<SliceKey> counted, backfill_.step(now_us, queue_));
  for (const SliceKey& key : counted) {
    if (const LedgerEntry* entry = book_.find(key)) {  // not one whose rows all count for nothing
      audits_.add(*entry, now_us);
    }
  }
  return {};
}

Policy TailEngine::policy_of(const SliceKey& key, int64_t now_us) const {
  Policy policy;
  policy.state = buckets_.is_over(key.bucket, now_us) ? SliceState::kSettled : SliceState::kOpen;
  policy.allow_shrink = options_.allow_shrink;
  return policy;
}

Result<void> TailEngine::work_on_queue(int64_t now_us) {
  const std::vector<SliceKey> batch = queue_.first(batch_limit_);
  HIRESTREAM_ASSIGN(std::vector<Recount> recounts,
                    recounter_.recount(batch, [this, now_us](const LedgerEntry& entry) {
                      return policy_of(entry.key, now_us);
                    }));
  HIRESTREAM_TRY(commit_recounts(std::move(recounts), now_us));
  const auto total = recounted_ + static_cast<int64_t>(queue_.ready());
  ports_.observer.on_progress("slices", recounted_, total);
  if (queue_.none_ready()) {
    recounted_ = 0;
  }
  return {};
}

Result<void> TailEngine::commit_recounts(std::vector<Recount> recounts, int64_t now_us) {
  std::vector<Counted> counted;
  std::set<SliceKey> done;
  CommitPlan changes;
  int64_t rows = 0;
  for (Recount& recount : recounts) {
    const SliceKey key = recount.entry().key;
    rows += recount.found().rows;
    if (recount.action == Action::kWait) {
      queue_.postpone(key, now_us + options_.look_back_interval_us);
      continue;
    }
    done.insert(key);
    counted.push_back({key, recount.count.position_max, {}});
    counted.back().ids = std::move(recount.count.ids);
    plan_action(changes, std::move(recount), policy_of(key, now_us).state, {}, now_us);
  }
  const Marks marks = settled_marks(done, now_us);
  if (!changes.empty() || marks != last_marks_) {
    changes.settled_until = known_of(marks);
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(changes)));
    if (!replaced.empty()) {
      batch_limit_ = std::max<size_t>(1, batch_limit_ / 8);
      return {};  // all of the batch stays in the queue and is counted again
    }
    last_marks_ = marks;
  }
  adapt_batch(counted.size(), rows);
  recounted_ += static_cast<int64_t>(counted.size());
  for (Counted& slice : counted) {
    file_counted(std::move(slice), now_us);
  }
  return {};
}

// What was counted before the first list was there said nothing about them.
Result<void> TailEngine::commit_marks(int64_t now_us) {
  const Marks marks = settled_marks({}, now_us);
  CommitPlan changes;
  changes.settled_until = known_of(marks);
  if (changes.settled_until.empty() || marks == last_marks_) {
    return {};
  }
  HIRESTREAM_TRY(book_.commit(std::move(changes)));
  last_marks_ = marks;
  return {};
}

// Of a shard whose history is not counted yet nothing can be said.
TailEngine::Marks TailEngine::known_of(Marks marks) {
  std::erase_if(marks, [](const auto& mark) { return mark.second == INT64_MIN; });
  return marks;
}

void TailEngine::adapt_batch(size_t slices, int64_t rows) {
  const int64_t rows_per_slice =
      std::max<int64_t>(1, rows / std::max<int64_t>(1, static_cast<int64_t>(slices)));
  batch_limit_ = static_cast<size_t>(
      std::clamp<int64_t>(options_.rows_per_commit / rows_per_slice, 1, options_.slices_per_read));
}

void TailEngine::file_counted(Counted&& slice, int64_t now_us) {
  queue_.erase(slice.key);
  noted_.erase(slice.key);
  const LedgerEntry* entry = book_.find(slice.key);
  if (entry == nullptr || entry->state == SliceState::kOpen) {
    // Without rows, and over: forgotten.
    if (!buckets_.is_over(slice.key.bucket, now_us)) {
      open_.open(slice.key, std::move(slice.ids), slice.position_max, now_us);
    }
  } else {
    audits_.add_counted(*entry, now_us);
  }
}

TailEngine::Marks TailEngine::settled_marks(const std::set<SliceKey>& done, int64_t now_us) const {
  Marks marks;
  for (const int32_t shard : ledger_.shards()) {
    // A damaged slice is held before its bucket is over: no mark passes what is not.
    int64_t mark = std::min(buckets_.newest(), buckets_.first_not_over(now_us));
    mark = std::min({mark, passed_over_from_, searched_from_, open_.lowest(shard, mark),
                     backfill_.lowest(shard, mark)});
    for (auto key = queue_.keys().lower_bound({shard, INT64_MIN});
         key != queue_.keys().end() && key->shard == shard && key->bucket < mark; ++key) {
      if (!is_settled(*key, now_us) && !done.contains(*key)) {
        mark = key->bucket;
      }
    }
    marks.emplace_back(shard, mark);
  }
  return marks;
}

std::vector<SliceKey> TailEngine::due_to_freeze(int64_t now_us) {
  const Marks marks = settled_marks({}, now_us);
  const std::map<int32_t, int64_t> settled(marks.begin(), marks.end());
  std::vector<SliceKey> keys;
  // Damaged ones stay: the next batch begins behind this one, not with them again.
  for (auto known = book_.entries().upper_bound(frozen_up_to_); known != book_.entries().end();
       ++known) {
    const auto& [key, entry] = *known;
    if (may_freeze(entry, false) && buckets_.is_past_retention(entry, now_us) && !is_waiting(key) &&
        key.bucket < settled.at(key.shard)) {
      keys.push_back(key);
      if (keys.size() == kFreezeBatch) {
        frozen_up_to_ = key;
        freeze_timer_.due_us = now_us;
        return keys;
      }
    }
  }
  frozen_up_to_ = kBeforeAll;
  return keys;
}

// A mark passes nothing that is still to be counted, and nothing that may come: it ends behind the
// last slice that is frozen. What the ledger has stays alive below it: damaged slices, until they
// are repaired.
Result<void> TailEngine::freeze(int64_t now_us) {
  freeze_timer_.due_us = now_us + kFreezeIntervalUs;
  if (buckets_.keeps_for_ever() || backfill_.under_way()) {
    return {};
  }
  const std::vector<SliceKey> keys = due_to_freeze(now_us);
  if (keys.empty()) {
    return {};
  }
  CommitPlan changes;
  std::map<int32_t, int64_t> until;
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  for (StoredContribution& slice : stored) {
    if (!may_freeze(slice.entry, slice.damaged)) {
      continue;
    }
    const SliceKey key = slice.entry.key;
    // Sorted: the last one of the shard stands.
    until[key.shard] = key.bucket + 1;
    const int32_t day = buckets_.day_of(slice.entry);
    plan_freeze(changes, std::move(slice), day);
  }
  for (const auto& [shard, bucket] : until) {
    const FrozenMark& mark = book_.frozen_marks().at(shard);
    if (bucket > mark.until) {
      changes.frozen_marks.push_back({shard, bucket, mark.history_place});
    }
  }
  if (!changes.empty()) {
    HIRESTREAM_TRY(book_.commit(std::move(changes)));
  }
  return {};
}

}  // namespace hirestream
