#include "ports/event_source.h"

#include "model/floor_divide.h"
#include "model/scan_bucket.h"

namespace hirestream {

SliceKey row_slice(const TrackingBatch& rows, size_t row, const SourceDescription& source) {
  ScanBucket out;
  if (rows.status(Column::kTs, row) == CellStatus::kValue) {
    out.event = floor_divide(rows.ts_us(row), source.bucket_width.us());
  }
  const RowId& id = rows.id(row);
  if (rows.status(Column::kCreateTime, row) == CellStatus::kValue && is_version_1(id)) {
    out.arrival = floor_divide(arrival_time_us(id), source.arrival_width.us());
  }
  return {0, out.bucket()};
}

}  // namespace hirestream
