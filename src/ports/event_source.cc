#include "ports/event_source.h"

#include "model/floor_divide.h"

namespace hirestream {

SliceKey row_slice(const TrackingBatch& rows, size_t row, BucketWidth width) {
  if (rows.status(Column::kTs, row) != CellStatus::kValue) {
    return {0, kNoTimeBucket};
  }
  return {0, floor_divide(rows.ts_us(row), width.us())};
}

}  // namespace hirestream
