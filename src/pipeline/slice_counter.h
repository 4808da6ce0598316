// Counts rows by slice, outside of an engine: no ledger, no commits, only parts of slices. Memory:
// the cells and ids of open slices, and the keys of closed ones. Of a scan, whose slices are spread
// over the whole table, parts are given out when kOpenRowsMax rows have been counted into them.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "aggregation/row_id_set.h"
#include "aggregation/tally.h"
#include "model/slice_part.h"
#include "ports/event_source.h"

namespace hirestream {

inline constexpr int64_t kOpenRowsMax = 4'000'000;

class SliceCounter {
 public:
  // False: rows of this slice are left out.
  using Wants = std::function<bool(const SliceKey&)>;
  // Of ids that may repeat the first one counts: of a scan among all rows, else within its slice,
  // as an id is known within its partition. Rows without an id are each one of their own.
  enum class Ids : uint8_t { kMayRepeat, kUnique };
  // Contiguous: rows of a slice come one after the other, so that it is closed when another one
  // begins.
  enum class Order : uint8_t { kAny, kContiguous };
  // `source` outlives it.
  SliceCounter(const SourceDescription& source, CountingOptions options, Wants wants, Ids ids,
               Order order = Order::kAny);

  // `slice`: that of all rows; nothing: each row's own, as the source's strategy has it.
  Result<void> add(const TrackingBatch& rows, const std::optional<SliceKey>& slice);
  // `slices`: one for each row.
  Result<void> add(const TrackingBatch& rows, std::span<const SliceKey> slices);
  // Every row of the open slices has come: they are given out, and a row that comes to one of them
  // all the same is an error kBug of the caller's order. Not of a scan, whose slices are never
  // known to be whole.
  Result<void> close_slices();
  // What was counted since, but for rows(): then it knows of no row.
  Result<std::vector<SlicePart>> take();
  int64_t rows() const { return rows_; }

 private:
  Result<void> give_out();
  // `slice_of`: of a row, by its number.
  template <typename SliceOf>
  Result<void> count(const TrackingBatch& rows, const SliceOf& slice_of);
  Result<void> turn_to(const SliceKey& slice);
  // What run_ names.
  void count_run(const TrackingBatch& rows);
  struct OpenSlice {
    Tally tally;
    // Where slices are partitions.
    RowIdSet ids;
  };
  // Null: it is not wanted.
  Result<OpenSlice*> find_or_open(const SliceKey& slice);
  bool is_new(const TrackingBatch& rows, size_t row);

  const SourceDescription& source_;
  RowClassifier classifier_;
  Wants wants_;
  bool unique_;
  bool contiguous_;
  // Of a scan.
  RowIdSet ids_;
  std::unordered_map<SliceKey, OpenSlice, SliceKeyHash> open_;
  int64_t open_rows_ = 0;
  std::set<SliceKey> closed_;
  std::optional<SliceKey> last_slice_;
  // last_slice_; null: not wanted.
  OpenSlice* last_open_ = nullptr;
  // Rows of last_slice_ in the batch that are not in its tally yet.
  std::vector<uint32_t> run_;
  std::vector<SlicePart> parts_;
  int64_t rows_ = 0;
};

}  // namespace hirestream
