#include "pipeline/backfill.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

// Fewer new slices than this are read one by one.
constexpr size_t kSlicesMin = 256;

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

RingPart Backfill::next_part() const {
  RingPart part = walk_.part();
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

Result<std::vector<SliceKey>> Backfill::step(int64_t now_us, RecountQueue& queue) {
  const RingPart part = next_part();
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
  HIRESTREAM_ASSIGN(std::vector<SliceKey> counted, commit(std::move(counts), part, now_us, queue));
  walk_.advance(part.end, rows);
  ports_.observer.on_progress("history", static_cast<int64_t>(part.end),
                              static_cast<int64_t>(kRingPlaces));
  if (walk_.done()) {
    // Listed, but not met: their rows have gone since, or became visible behind the place that was
    // read.
    std::for_each(slices_.begin(), slices_.end(),
                  [&](const SliceKey& key) { queue.push_back(key); });
    slices_.clear();
  }
  return counted;
}

void Backfill::plan_marks(CommitPlan& changes, const RingPart& part) const {
  for (const auto& [shard, mark] : book_.frozen_marks()) {
    if (mark.history_place <= part.begin) {
      changes.frozen_marks.push_back({shard, mark.until, part.end});
    }
  }
}

Result<std::vector<SliceKey>> Backfill::commit(std::map<SliceKey, SliceCount> counts,
                                               const RingPart& part, int64_t now_us,
                                               RecountQueue& queue) {
  CommitPlan changes;
  std::vector<SliceKey> keys;
  for (auto& [key, count] : counts) {
    if (!contains(key)) {
      HIRESTREAM_TRY(check_sums(key, count.tally));
      LedgerEntry entry;
      entry.key = key;
      const size_t planned = changes.slices.size();
      plan_history(changes, key, buckets_.day_of(entry), count.tally);
      // The marks keep everybody else away from it: only what is rejected is a slice's own.
      if (changes.slices.size() > planned && changes.slices.back().rejects.empty()) {
        changes.slices.pop_back();
      }
      continue;
    }
    Recount recount;
    // Revision 0: if somebody else was faster, the commit says so.
    recount.stored.entry.key = key;
    recount.count = std::move(count);
    HIRESTREAM_TRY(judge(recount, {}));
    plan_action(changes, std::move(recount), SliceState::kSettled, {}, now_us);
    keys.push_back(key);
  }
  plan_marks(changes, part);
  std::vector<SliceKey> replaced;
  if (!changes.empty()) {
    HIRESTREAM_ASSIGN(replaced, book_.commit(std::move(changes)));
  }
  if (!replaced.empty()) {
    // Those are counted one by one; the part is read again for the others.
    std::for_each(replaced.begin(), replaced.end(), [&](const SliceKey& key) {
      slices_.erase(key);
      queue.push_back(key);
    });
    return fail(ErrorKind::kTransient, "count history", "ledger",
                "slices were replaced by somebody else meanwhile");
  }
  std::for_each(keys.begin(), keys.end(), [this](const SliceKey& key) { slices_.erase(key); });
  return keys;
}

}  // namespace hirestream
