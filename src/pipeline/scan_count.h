// A scan of a table that can only be read in its storage order, added up by slice (ports:
// row_slice). Memory: the cells of its slices; of a table whose rows are not unique by themselves
// (SourceDescription::unique_rows), the ids of all rows, too.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "aggregation/tally.h"
#include "pipeline/engine.h"
#include "pipeline/late_rows.h"
#include "pipeline/scan_clock.h"

namespace hirestream {

struct ScanCount {
  std::unordered_map<SliceKey, Tally, SliceKeyHash> slices;
  // Of slices that are frozen nothing else is kept.
  FrozenRows frozen_rows;
  int64_t rows = 0;

  // Empty if the scan met no row of it.
  const Tally& tally_of(const SliceKey& key) const;
};

struct ScanRequest {
  // Slices outside are left out.
  std::optional<EventTimes> bound;
  ReadLevel level = ReadLevel::kConfigured;
};

Result<ScanCount> count_scan(const EnginePorts& ports, RowClassifier& classifier,
                             const ScanClock& clock, const ScanRequest& request,
                             const std::function<bool(const SliceKey&)>& is_frozen);

}  // namespace hirestream
