// A scan of a table that can only be read in its storage order, added up by slice (ports:
// row_slice). Memory: the cells of its slices; of a table whose rows are not unique by themselves
// (SourceDescription::unique_rows), the ids of all rows, too.
#pragma once

#include <optional>
#include <unordered_map>

#include "aggregation/tally.h"
#include "pipeline/engine.h"

namespace hirestream {

struct ScanCount {
  std::unordered_map<SliceKey, Tally, SliceKeyHash> slices;
  int64_t rows = 0;

  // Empty if the scan met no row of it.
  const Tally& tally_of(const SliceKey& key) const;
};

// Whether a scan bounded by event times sees the slice; one without bound sees every slice.
bool is_in_bound(const SliceKey& key, const std::optional<EventTimes>& bound, BucketWidth width);

// Slices outside the bound are left out.
Result<ScanCount> count_scan(const EnginePorts& ports, RowClassifier& classifier,
                             const std::optional<EventTimes>& bound, ReadLevel level);

}  // namespace hirestream
