#include "pipeline/scan_count.h"

#include "aggregation/row_id_set.h"
#include "pipeline/recount.h"

namespace hirestream {

const Tally& ScanCount::tally_of(const SliceKey& key) const {
  static const Tally kNone;
  const auto slice = slices.find(key);
  return slice == slices.end() ? kNone : slice->second;
}

Result<ScanCount> count_scan(const EnginePorts& ports, RowClassifier& classifier,
                             const ScanClock& clock, const ScanRequest& request,
                             const std::function<bool(const SliceKey&)>& is_frozen) {
  const SourceDescription& source = ports.source.description();
  ScanCount count;
  // Only of tables whose rows may share an id.
  RowIdSet seen;
  // Rows that lie side by side are mostly of different slices, but those of one page often of one.
  std::optional<SliceKey> last_key;
  Tally* tally = nullptr;
  int64_t* frozen = nullptr;
  // Rows of the page that go to the tally.
  std::vector<uint32_t> run;
  const auto turn_to = [&](const SliceKey& key) {
    last_key = key;
    tally = nullptr;
    frozen = nullptr;
    if (!clock.is_in_bound(key, request.bound)) {
      return;
    }
    if (is_frozen(key)) {
      frozen = &count.frozen_rows[{key.shard, clock.day_of(key)}];
    } else {
      tally = &count.slices[key];
    }
  };
  const RingPart part{0, kRingPlaces, request.bound};
  HIRESTREAM_TRY(read_all(ports, {part, request.level}, [&](const SweepPage& page) {
    const auto count_run = [&] {
      if (!run.empty()) {
        tally->add(classifier, page.rows, run);
        run.clear();
      }
    };
    for (uint32_t row = 0; row < page.rows.rows(); ++row) {
      const SliceKey key = row_slice(page.rows, row, source);
      if (key != last_key) {
        count_run();
        turn_to(key);
      }
      // Of rows with one id the first one counts, also when it lies outside.
      const bool again = !source.unique_rows && !seen.insert(page.rows.id(row));
      const bool wanted = tally != nullptr || frozen != nullptr;
      if (again || !wanted) {
        continue;
      }
      if (tally != nullptr) {
        run.push_back(row);
      } else if (!classifier.is_before_start(page.rows.id(row))) {
        ++*frozen;
      }
    }
    count_run();
    count.rows += static_cast<int64_t>(page.rows.rows());
    ports.observer.on_progress("rows scanned", count.rows, -1);
    return Result<void>();
  }));
  return count;
}

}  // namespace hirestream
