#include "ports/event_source.h"

#include "model/floor_divide.h"

namespace hirestream {

std::string_view strategy_name(Strategy strategy) {
  switch (strategy) {
    case Strategy::kTail:
      return "tail";
    case Strategy::kScan:
      return "scan";
    case Strategy::kFollow:
      return "follow";
    case Strategy::kFiles:
      return "files";
  }
  HIRESTREAM_CHECK(false);
}

SliceKey row_slice(const TrackingBatch& rows, size_t row, BucketWidth width) {
  const bool has_time = rows.status(Column::kTs, row) == CellStatus::kValue;
  return {0, has_time ? floor_divide(rows.ts_us(row), width.us()) : kNoTimeBucket};
}

}  // namespace hirestream
