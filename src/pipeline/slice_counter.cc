#include "pipeline/slice_counter.h"

#include <iterator>
#include <string>
#include <utility>

#include "pipeline/recount.h"

namespace hirestream {

SliceCounter::SliceCounter(const SourceDescription& source, CountingOptions options, Wants wants,
                           Ids ids, Order order)
    : source_(source),
      classifier_(std::move(options)),
      wants_(std::move(wants)),
      unique_(ids == Ids::kUnique),
      contiguous_(order == Order::kContiguous) {}

Result<void> SliceCounter::add(const TrackingBatch& rows, const std::optional<SliceKey>& slice) {
  return count(rows, [&](size_t row) { return slice ? *slice : row_slice(rows, row, source_); });
}

Result<void> SliceCounter::add(const TrackingBatch& rows, std::span<const SliceKey> slices) {
  HIRESTREAM_CHECK(slices.size() == rows.rows());
  return count(rows, [&](size_t row) { return slices[row]; });
}

template <typename SliceOf>
Result<void> SliceCounter::count(const TrackingBatch& rows, const SliceOf& slice_of) {
  for (uint32_t row = 0; row < rows.rows(); ++row) {
    ++rows_;
    if (const SliceKey slice = slice_of(row); slice != last_slice_) {
      count_run(rows);
      HIRESTREAM_TRY(turn_to(slice));
    }
    if (last_open_ == nullptr || !is_new(rows, row)) {
      continue;
    }
    run_.push_back(row);
    ++open_rows_;
    if (open_rows_ >= kOpenRowsMax && source_.strategy == Strategy::kScan) {
      count_run(rows);
      HIRESTREAM_TRY(give_out());
    }
  }
  count_run(rows);
  return {};
}

bool SliceCounter::is_new(const TrackingBatch& rows, size_t row) {
  if (unique_ || rows.status(Column::kCreateTime, row) == CellStatus::kNull) {
    return true;
  }
  RowIdSet& ids = source_.strategy == Strategy::kScan ? ids_ : last_open_->ids;
  return ids.insert(rows.id(row));
}

void SliceCounter::count_run(const TrackingBatch& rows) {
  if (!run_.empty()) {
    last_open_->tally.add(classifier_, rows, run_);
    run_.clear();
  }
}

Result<void> SliceCounter::turn_to(const SliceKey& slice) {
  if (contiguous_ && last_slice_) {
    HIRESTREAM_TRY(close_slices());
  }
  HIRESTREAM_ASSIGN(last_open_, find_or_open(slice));
  last_slice_ = slice;
  return {};
}

Result<SliceCounter::OpenSlice*> SliceCounter::find_or_open(const SliceKey& slice) {
  if (!wants_(slice)) {
    return nullptr;
  }
  if (closed_.contains(slice)) {
    return fail(ErrorKind::kBug, "count", source_.identity,
                "rows of slice " + std::to_string(slice.shard) + "/" +
                    std::to_string(slice.bucket) + " came after it was closed",
                "rows of one partition must come one after the other, in one task");
  }
  return &open_[slice];
}

Result<void> SliceCounter::give_out() {
  for (const auto& [slice, open] : open_) {
    HIRESTREAM_TRY(check_sums(slice, open.tally));
    if (!open.tally.empty()) {
      std::vector<SlicePart> parts = open.tally.parts(slice);
      std::move(parts.begin(), parts.end(), std::back_inserter(parts_));
    }
  }
  open_.clear();
  open_rows_ = 0;
  last_slice_.reset();
  last_open_ = nullptr;
  return {};
}

Result<void> SliceCounter::close_slices() {
  if (source_.strategy == Strategy::kScan) {
    return {};
  }
  for (const auto& [slice, open] : open_) {
    closed_.insert(slice);
  }
  return give_out();
}

Result<std::vector<SlicePart>> SliceCounter::take() {
  HIRESTREAM_TRY(give_out());
  ids_.clear();
  closed_.clear();
  return std::exchange(parts_, {});
}

}  // namespace hirestream
