#include "pipeline/backfill.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

// Fewer new slices than this are read one by one.
constexpr size_t kSlicesMin = 256;
// A slice's line takes about as much memory as so many cells.
constexpr size_t kCellsPerSlice = 8;

}  // namespace

bool Backfill::pays(size_t fresh, size_t listed) const {
  return ports_.source.description().ring_reads && !under_way() && fresh >= kSlicesMin &&
         fresh * 4 >= listed;
}

void Backfill::start(std::set<SliceKey> slices) {
  uint64_t begin = slices.empty() ? kRingPlaces : 0;
  for (const auto& [shard, mark] : book_.frozen_marks()) {
    begin = std::min(begin, mark.history_place);
  }
  slices_ = std::move(slices);
  walk_ = RingWalk(options_.rows_per_commit, begin);
}

void Backfill::clear() {
  slices_.clear();
  walk_ = RingWalk(options_.rows_per_commit, kRingPlaces);
}

int64_t Backfill::lowest(int32_t shard, int64_t none) const {
  const auto mark = book_.frozen_marks().find(shard);
  if (mark != book_.frozen_marks().end() && mark->second.history_place < kRingPlaces) {
    return INT64_MIN;
  }
  const auto first = slices_.lower_bound({shard, INT64_MIN});
  return first != slices_.end() && first->shard == shard ? first->bucket : none;
}

RingPart Backfill::next_part(const RingWalk& walk) const {
  RingPart part = walk.part();
  for (const auto& [shard, mark] : book_.frozen_marks()) {
    if (mark.history_place > part.begin) {
      part.end = std::min(part.end, mark.history_place);
    }
  }
  return part;
}

bool Backfill::is_history(const SliceKey& key, const RingPart& part) const {
  const auto mark = book_.frozen_marks().find(key.shard);
  return mark != book_.frozen_marks().end() && mark->second.history_place <= part.begin &&
         book_.is_frozen(key) && !buckets_.is_before_start(key.bucket);
}

bool Backfill::is_full(const Batch& batch) const {
  return batch.rows / parts_max_ >= options_.rows_per_commit ||
         batch.plan.cells.size() + kCellsPerSlice * batch.slices.size() >=
             options_.history_cells_per_commit;
}

Result<std::vector<SliceKey>> Backfill::step(int64_t now_us, RecountQueue& queue) {
  RingWalk walk = walk_;
  Batch batch;
  Result<void> read;
  do {
    read = read_part(walk, now_us, batch);
  } while (read && !walk.done() && !is_full(batch));
  if (walk.place() == walk_.place()) {
    return forward(std::move(read).error());
  }
  HIRESTREAM_TRY(commit(batch, walk.place(), queue));
  walk_ = walk;
  if (!read) {
    // What was counted before that part is kept; the next step begins with it.
    ports_.observer.on_retry(read.error(), 1, 0);
  }
  if (walk_.done()) {
    // Listed, but not met: their rows have gone since, or became visible behind the place that was
    // read.
    std::for_each(slices_.begin(), slices_.end(),
                  [&](const SliceKey& key) { queue.push_back(key); });
    slices_.clear();
  }
  return std::move(batch.slices);
}

Result<void> Backfill::read_part(RingWalk& walk, int64_t now_us, Batch& batch) {
  const RingPart part = next_part(walk);
  std::map<SliceKey, SliceCount> counts;
  int64_t rows = 0;
  HIRESTREAM_TRY(read_all(ports_, {part, ReadLevel::kConfigured}, [&](const SweepPage& page) {
    const SliceKey slice = page.slice.value();
    rows += static_cast<int64_t>(page.rows.rows());
    if ((contains(slice) && buckets_.is_over(slice.bucket, now_us)) || is_history(slice, part)) {
      counts[slice].add(ledger_.classifier(), page.rows);
    }
    return Result<void>();
  }));
  std::vector<Recount> recounts;
  for (auto& [key, count] : counts) {
    if (!contains(key)) {
      HIRESTREAM_TRY(check_sums(key, count.tally));
      continue;
    }
    Recount& recount = recounts.emplace_back();
    // Revision 0: if somebody else was faster, the commit says so.
    recount.stored.entry.key = key;
    recount.count = std::move(count);
    HIRESTREAM_TRY(judge(recount, {}));
  }
  for (Recount& recount : recounts) {
    batch.slices.push_back(recount.entry().key);
    plan_action(batch.plan, std::move(recount), SliceState::kSettled, {}, now_us);
  }
  for (const auto& [key, count] : counts) {
    if (!contains(key)) {
      plan_frozen(key, count.tally, batch.plan);
    }
  }
  batch.rows += rows;
  walk.advance(part.end, rows);
  ports_.observer.on_progress("history", static_cast<int64_t>(part.end),
                              static_cast<int64_t>(kRingPlaces));
  return {};
}

void Backfill::plan_frozen(const SliceKey& key, const Tally& tally, CommitPlan& plan) const {
  LedgerEntry entry;
  entry.key = key;
  const size_t planned = plan.slices.size();
  plan_history(plan, key, buckets_.day_of(entry), tally);
  // The marks keep everybody else away from it: only what is rejected is a slice's own.
  if (plan.slices.size() > planned && plan.slices.back().rejects.empty()) {
    plan.slices.pop_back();
  }
}

// No part passes a place at which a shard's history begins to be new: of those that are new at the
// end of the last part, everything since their place was read.
void Backfill::plan_marks(CommitPlan& plan, uint64_t place) const {
  for (const auto& [shard, mark] : book_.frozen_marks()) {
    if (mark.history_place < place) {
      plan.frozen_marks.push_back({shard, mark.until, place});
    }
  }
}

Result<void> Backfill::commit(Batch& batch, uint64_t place, RecountQueue& queue) {
  plan_marks(batch.plan, place);
  std::vector<SliceKey> replaced;
  if (!batch.plan.empty()) {
    HIRESTREAM_ASSIGN(replaced, book_.commit(std::move(batch.plan)));
  }
  if (!replaced.empty()) {
    // Those are counted one by one; the parts are read again for the others, fewer of them at once.
    parts_max_ = 1;
    std::for_each(replaced.begin(), replaced.end(), [&](const SliceKey& key) {
      slices_.erase(key);
      queue.push_back(key);
    });
    return fail(ErrorKind::kTransient, "count history", "ledger",
                "slices were replaced by somebody else meanwhile");
  }
  std::for_each(batch.slices.begin(), batch.slices.end(),
                [this](const SliceKey& key) { slices_.erase(key); });
  parts_max_ = std::min(kPartsMax, 2 * parts_max_);
  return {};
}

}  // namespace hirestream
