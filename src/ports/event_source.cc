#include "ports/event_source.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "model/floor_divide.h"
#include "model/scan_bucket.h"

namespace hirestream {
namespace {

class KnownSlices : public Discovery {
 public:
  explicit KnownSlices(std::vector<SliceListing> slices) : slices_(std::move(slices)) {}
  Result<bool> next(std::vector<SliceListing>& out) override {
    std::ranges::move(slices_, std::back_inserter(out));
    slices_.clear();
    return false;
  }

 private:
  std::vector<SliceListing> slices_;
};

}  // namespace

bool is_kind_of_files(std::string_view kind) {
  return kind == "csv" || kind == "ndjson" || kind == "parquet";
}

std::vector<int32_t> all_shards(const SourceDescription& source) {
  std::vector<int32_t> shards(static_cast<size_t>(source.shard_count));
  std::iota(shards.begin(), shards.end(), 0);
  return shards;
}

std::unique_ptr<Discovery> discovery_of(std::vector<SliceListing> slices) {
  return std::make_unique<KnownSlices>(std::move(slices));
}

Result<std::vector<SliceListing>> EventSource::discover(std::span<const int32_t> shards) {
  HIRESTREAM_ASSIGN(const auto discovery, begin_discovery(shards));
  std::vector<SliceListing> slices;
  for (bool more = true; more;) {
    HIRESTREAM_ASSIGN(more, discovery->next(slices));
  }
  std::ranges::sort(slices, {}, &SliceListing::key);
  return slices;
}

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
