#include "pipeline/table_counter.h"

#include <algorithm>
#include <utility>

#include "model/floor_divide.h"
#include "pipeline/ring_walk.h"
#include "pipeline/scan_clock.h"

namespace hirestream {

SliceCounter::Wants TableCounter::wants(const CountRequest& request) const {
  if (request.one_slice) {
    return [](const SliceKey&) { return true; };
  }
  if (description().strategy == Strategy::kScan) {
    const ScanClock clock(description(), engine_);
    return [clock, request](const SliceKey& key) {
      // Rows without an event time are never over; there is nothing to wait for, either.
      return (!request.closed_only || !ScanClock::event_of(key) ||
              clock.is_over(key, request.begun_us)) &&
             clock.is_in_bound(key, request.window);
    };
  }
  const int64_t first_not_over =
      floor_divide(request.begun_us - engine_.grace_us, description().bucket_width.us());
  return [first_not_over, request](const SliceKey& key) {
    return !request.closed_only || key.bucket < first_not_over;
  };
}

SliceCounter TableCounter::slices(const CountRequest& request) {
  return {description(), engine_.counting, wants(request),
          request.unique ? SliceCounter::Ids::kUnique : SliceCounter::Ids::kMayRepeat,
          request.contiguous ? SliceCounter::Order::kContiguous : SliceCounter::Order::kAny};
}

Result<void> TableCounter::count_sweep(SweepRequest request, const std::stop_token& stop,
                                       SliceCounter& counter) {
  HIRESTREAM_ASSIGN(const auto sweep, source_.sweep(std::move(request)));
  for (;;) {
    if (stop.stop_requested()) {
      return interrupted(description().identity);
    }
    HIRESTREAM_ASSIGN(const auto page, sweep->next());
    if (!page) {
      return {};
    }
    HIRESTREAM_TRY(counter.add(page->rows, page->slice));
  }
}

Result<void> TableCounter::check_keys(const CountRequest& request) const {
  const SourceDescription& source = description();
  if (source.strategy != Strategy::kScan || source.unique_rows || request.trust_keys) {
    return {};
  }
  return fail(ErrorKind::kConfig, "count range", source.identity,
              "rows with one create_time may lie in several partitions, which no task can see",
              "where that is not so, say it: --trust-keys; else count it with the engine, or on "
              "Spark by --reader connector");
}

Result<std::vector<SlicePart>> TableCounter::count_range(uint64_t begin, uint64_t end,
                                                         const CountRequest& request) {
  HIRESTREAM_TRY(check_keys(request));
  const bool scan = description().strategy == Strategy::kScan;
  CountRequest counting = request;
  counting.unique = scan;
  SliceCounter counter = slices(counting);
  const ReadLevel level = request.strongest ? ReadLevel::kStrongest : ReadLevel::kConfigured;
  if (scan) {
    // It gives parts out whenever it likes: no need to stop anywhere.
    HIRESTREAM_TRY(
        count_sweep({RingPart{begin, end, request.window}, level}, request.stop, counter));
    return counter.take();
  }
  RingWalk walk(engine_.rows_per_commit, begin);
  while (walk.place() < end) {
    RingPart part = walk.part();
    part.end = std::min(part.end, end);
    const int64_t before = counter.rows();
    HIRESTREAM_TRY(count_sweep({part, level}, request.stop, counter));
    HIRESTREAM_TRY(counter.close_slices());
    walk.advance(part.end, counter.rows() - before);
  }
  return counter.take();
}

Result<std::vector<SlicePart>> TableCounter::count_slices(std::span<const SliceKey> slices,
                                                          const CountRequest& request) {
  if (!description().slice_reads) {
    return fail(ErrorKind::kConfig, "count slices", description().identity,
                "its slices cannot be read by name", "count a range of it");
  }
  SliceCounter counter = this->slices(request);
  const ReadLevel level = request.strongest ? ReadLevel::kStrongest : ReadLevel::kConfigured;
  const auto at_once = static_cast<size_t>(engine_.slices_per_read);
  for (size_t begin = 0; begin < slices.size(); begin += at_once) {
    std::vector<SliceRead> reads;
    for (const SliceKey& key : slices.subspan(begin, std::min(at_once, slices.size() - begin))) {
      reads.push_back({key, std::nullopt});
    }
    HIRESTREAM_TRY(count_sweep({std::move(reads), level}, request.stop, counter));
    HIRESTREAM_TRY(counter.close_slices());
  }
  return counter.take();
}

}  // namespace hirestream
