#include "pipeline/scan_count.h"

#include "aggregation/row_id_set.h"
#include "model/floor_divide.h"
#include "pipeline/recount.h"

namespace hirestream {

const Tally& ScanCount::tally_of(const SliceKey& key) const {
  static const Tally kNone;
  const auto slice = slices.find(key);
  return slice == slices.end() ? kNone : slice->second;
}

bool is_in_bound(const SliceKey& key, const std::optional<EventTimes>& bound, BucketWidth width) {
  return !bound ||
         (key.bucket != kNoTimeBucket && key.bucket >= floor_divide(bound->from_us, width.us()) &&
          key.bucket < floor_divide(bound->to_us, width.us()));
}

Result<ScanCount> count_scan(const EnginePorts& ports, RowClassifier& classifier,
                             const std::optional<EventTimes>& bound, ReadLevel level) {
  const SourceDescription& source = ports.source.description();
  const BucketWidth width = source.bucket_width;
  ScanCount count;
  // Only of tables whose keys may be spelled in two ways.
  RowIdSet seen;
  // Rows that lie side by side are mostly of different slices, but those of one page often of one.
  Tally* last = nullptr;
  SliceKey last_key;
  HIRESTREAM_TRY(
      read_all(ports, {RingPart{0, kRingPlaces, bound}, level}, [&](const SweepPage& page) {
        for (size_t row = 0; row < page.rows.rows(); ++row) {
          const SliceKey key = row_slice(page.rows, row, width);
          if (last == nullptr || key != last_key) {
            if (!is_in_bound(key, bound, width)) {
              continue;
            }
            last = &count.slices[key];
            last_key = key;
          }
          if (source.unique_rows || seen.insert(page.rows.id(row))) {
            last->add(classifier, page.rows, row);
          }
        }
        count.rows += static_cast<int64_t>(page.rows.rows());
        ports.observer.on_progress("rows scanned", count.rows, -1);
        return Result<void>();
      }));
  return count;
}

}  // namespace hirestream
