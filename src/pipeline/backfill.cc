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
  slices_ = std::move(slices);
  walk_ = RingWalk(options_.rows_per_commit);
}

int64_t Backfill::lowest(int32_t shard, int64_t none) const {
  const auto first = slices_.lower_bound({shard, INT64_MIN});
  return first != slices_.end() && first->shard == shard ? first->bucket : none;
}

Result<std::vector<SliceKey>> Backfill::step(int64_t first_not_over, int64_t now_us,
                                             RecountQueue& queue) {
  std::map<SliceKey, SliceCount> counts;
  int64_t rows = 0;
  HIRESTREAM_TRY(read_all(ports_, {walk_.part(), ReadLevel::kConfigured},
                          [&](const SweepPage& page) {
                            const SliceKey slice = page.slice.value();
                            rows += static_cast<int64_t>(page.rows.rows());
                            if (contains(slice) && slice.bucket < first_not_over) {
                              counts[slice].add(ledger_.classifier(), page.rows);
                            }
                            return Result<void>();
                          }));
  HIRESTREAM_ASSIGN(std::vector<SliceKey> counted, commit(std::move(counts), now_us, queue));
  walk_.advance(rows);
  ports_.observer.on_progress("history", static_cast<int64_t>(walk_.place()),
                              static_cast<int64_t>(kRingPlaces));
  if (walk_.done()) {
    // Listed, but not met: their rows have gone since, or became visible behind the place that was read.
    std::for_each(slices_.begin(), slices_.end(), [&](const SliceKey& key) { queue.push_back(key); });
    slices_.clear();
  }
  return counted;
}

Result<std::vector<SliceKey>> Backfill::commit(std::map<SliceKey, SliceCount> counts,
                                               int64_t now_us, RecountQueue& queue) {
  CommitPlan changes;
  std::vector<SliceKey> keys;
  for (auto& [key, count] : counts) {
    Recount recount;
    // Revision 0: if somebody else was faster, the commit says so.
    recount.stored.entry.key = key;
    recount.count = std::move(count);
    judge(recount, {});
    plan_action(changes, std::move(recount), SliceState::kSettled, {}, now_us);
    keys.push_back(key);
  }
  if (changes.empty()) {
    return keys;
  }
  HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(changes)));
  for (const SliceKey& key : keys) {
    slices_.erase(key);
    if (!replaced.empty()) {
      queue.push_back(key);
    }
  }
  return replaced.empty() ? keys : std::vector<SliceKey>();
}

}  // namespace hirestream
