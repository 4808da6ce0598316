#include "pipeline/open_slices.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

constexpr size_t kSeenPruneMin = 4096;

}  // namespace

int64_t OpenSlices::lowest(int32_t shard, int64_t none) const {
  const auto first = open_.lower_bound({shard, INT64_MIN});
  return first != open_.end() && first->first.shard == shard ? first->first.bucket : none;
}

void OpenSlices::open(const SliceKey& key) {
  const auto [slice, is_new] = open_.try_emplace(key);
  if (is_new) {
    slice->second.revision = book_.entry_of(key).revision;
    ports_.observer.on_slice(SliceEvent::kOpened, key, "");
  }
}

void OpenSlices::open(const SliceKey& key, RowIdSet ids, Position read, int64_t now_us) {
  OpenSlice slice;
  slice.revision = book_.entry_of(key).revision;
  slice.seen = std::move(ids);
  slice.position = buckets_.reached(read, now_us);
  open_.insert_or_assign(key, std::move(slice));
}

std::vector<SliceKey> OpenSlices::close_over(int64_t now_us) {
  std::vector<SliceKey> over;
  std::erase_if(open_, [&](const auto& slice) {
    const bool is_over = buckets_.is_over(slice.first.bucket, now_us);
    if (is_over) {
      over.push_back(slice.first);
    }
    return is_over;
  });
  return over;
}

std::vector<SliceKey> OpenSlices::close_replaced() {
  std::vector<SliceKey> replaced;
  std::erase_if(open_, [&](const auto& slice) {
    const bool is_replaced = slice.second.revision != book_.entry_of(slice.first).revision;
    if (is_replaced) {
      replaced.push_back(slice.first);
    }
    return is_replaced;
  });
  return replaced;
}

std::vector<SliceRead> OpenSlices::requests(bool look_back, int64_t now_us,
                                            const RecountQueue& queue, Polls& polls) {
  std::vector<SliceRead> out;
  for (auto& [key, slice] : open_) {
    if (queue.contains(key) || (!look_back && !buckets_.is_fresh(key.bucket))) {
      continue;
    }
    SliceRead read{key, std::nullopt};
    if (slice.position != Position() && ports_.source.description().range_reads) {
      read.from_position =
          std::max(slice.seen_from, look_back ? buckets_.look_back_from(slice.position, now_us)
                                              : buckets_.poll_from(slice.position, now_us));
    }
    polls[key] = {&slice, {}};
    out.push_back(read);
  }
  return out;
}

Result<void> OpenSlices::read(std::vector<SliceRead> requests, int64_t started_us, Polls& polls,
                              CommitPlan& plan) {
  return read_all(
      ports_, {std::move(requests), ReadLevel::kConfigured}, [&](const SweepPage& page) {
        Poll& poll = polls.at(page.slice.value());
        std::vector<uint32_t> fresh;
        for (uint32_t row = 0; row < page.rows.rows(); ++row) {
          const RowId& id = page.rows.id(row);
          // Rows before seen_from may have been counted and forgotten: settling decides about them.
          if (page.rows.position(row) < poll.slice->seen_from || poll.slice->seen.contains(id)) {
            continue;
          }
          fresh.push_back(row);
          if (is_version_1(id) && arrival_time_us(id) >= started_us) {
            plan.add_arrival(arrival_time_us(id));
          }
        }
        poll.fresh.add(ledger_.classifier(), page.rows, fresh);
        return Result<void>();
      });
}

Result<void> OpenSlices::plan_appends(const Polls& polls, CommitPlan& plan) const {
  for (const auto& [key, poll] : polls) {
    const Tally& tally = poll.fresh.tally;
    if (tally.empty()) {
      continue;
    }
    HIRESTREAM_TRY(check_sums(key, tally));
    SliceChange change;
    change.entry = book_.entry_of(key);
    change.entry.digest += tally.digest();
    change.entry.classes += tally.classes();
    change.mode = ChangeMode::kAppend;
    change.contribution = tally.contribution();
    change.rejects = tally.rejects();
    change.not_counted = tally.not_counted().all();
    plan.cells.insert(plan.cells.end(), change.contribution.begin(), change.contribution.end());
    plan.rows += tally.digest().rows;
    plan.new_rows += tally.digest().rows;
    plan.add_fresh(tally, change.contribution);
    plan.rejected += tally.classes().rejected;
    plan.slices.push_back(std::move(change));
  }
  return {};
}

Result<bool> OpenSlices::poll(bool look_back, int64_t now_us, int64_t started_us,
                              RecountQueue& queue) {
  queue.push_front(close_replaced());
  Polls polls;
  std::vector<SliceRead> asked = requests(look_back, now_us, queue, polls);
  if (asked.empty()) {
    return true;
  }
  CommitPlan plan;
  HIRESTREAM_TRY(read(std::move(asked), started_us, polls, plan));
  HIRESTREAM_TRY(plan_appends(polls, plan));
  if (!plan.empty()) {
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(plan)));
    if (!replaced.empty()) {
      // The others' rows were not committed either and come again with the next poll.
      queue.push_front(close_replaced());
      return false;
    }
  }
  for (auto& [key, poll] : polls) {
    OpenSlice& slice = *poll.slice;
    slice.revision = book_.entry_of(key).revision;
    poll.fresh.ids.for_each([&slice](const RowId& id) { slice.seen.insert(id); });
    slice.position = std::max(slice.position, buckets_.reached(poll.fresh.position_max, now_us));
    prune(slice, now_us);
  }
  return true;
}

void OpenSlices::prune(OpenSlice& slice, int64_t now_us) const {
  if (slice.seen.size() < kSeenPruneMin || !ports_.source.description().range_reads) {
    return;
  }
  if (buckets_.in_order()) {
    slice.seen.clear();
    slice.seen_from = {slice.position.value + 1};
    return;
  }
  // Later polls never ask for less: the position only grows, and seen_from bounds them if the clock
  // steps back.
  const Position from = buckets_.look_back_from(slice.position, now_us);
  if (from <= slice.seen_from) {
    return;
  }
  slice.seen_from = from;
  slice.seen.retain(
      [from](const RowId& id) { return !is_version_1(id) || arrival_time_us(id) >= from.value; });
}

}  // namespace hirestream
