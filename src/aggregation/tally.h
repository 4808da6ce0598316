// Adds up rows into what a slice needs: contribution, digest, classes, rejects. Any order, split or
// repetition of the same distinct rows gives the same result. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregation/packed_cells.h"
#include "aggregation/row_classifier.h"
#include "aggregation/wide_cells.h"
#include "model/contribution.h"
#include "model/not_counted.h"
#include "model/slice.h"
#include "model/slice_part.h"

namespace hirestream {

// Rejected rows kept of one slice; all of them are counted.
inline constexpr size_t kRejectsPerSliceMax = 1000;
// Cells of one part of a slice.
inline constexpr size_t kCellsPerPart = 20'000;

class Tally {
 public:
  // Counts these rows of the batch, or all of them, but for those that arrived before the start.
  // The caller sees to it that no row comes twice. Fast for many rows at once.
  void add(RowClassifier& classifier, const TrackingBatch& batch, std::span<const uint32_t> rows);
  void add(RowClassifier& classifier, const TrackingBatch& batch);

  // Counts what was counted elsewhere, of other rows of the same slice. Of rejected rows it keeps
  // no more than of rows.
  void add(const SlicePart& part);

  const RowDigest& digest() const { return digest_; }
  const RowClasses& classes() const { return classes_; }
  const std::vector<RejectedRow>& rejects() const { return rejects_; }
  // Of the rows of classes other and unattributed.
  const NotCountedKinds& not_counted() const { return not_counted_; }
  // The file that all rows are in.
  void set_place(const std::string& file) { not_counted_.set_place(file); }
  bool empty() const { return digest_.rows == 0; }
  // A cell whose bids add up to more than 64 bits of millionths hold: the contribution is not the
  // sum of the rows then, and must not be used.
  std::optional<CellKey> beyond() const;
  // Canonical.
  Contribution contribution() const;
  // What was counted, as a slice's parts: at least one, and only the first has more than cells. Not
  // if there is something beyond().
  std::vector<SlicePart> parts(const SliceKey& slice) const;
  // Back to empty; keeps the memory.
  void clear();

 private:
  // At most kBlockRows.
  void add_block(RowClassifier& classifier, const TrackingBatch& batch,
                 std::span<const uint32_t> rows);
  void note_not_counted(const TrackingBatch& batch, const NotCountedRows& rows);
  // The contribution, kCellsPerPart at a time.
  std::vector<Contribution> pieces() const;
  void keep_reject(const Rejection& rejection, const TrackingBatch& batch, size_t row);

  RowDigest digest_;
  RowClasses classes_;
  std::vector<RejectedRow> rejects_;
  NotCountedKinds not_counted_;
  // A cell's measures are the sum of both.
  PackedCells cells_;
  WideCells wide_;
};

// The row's columns as one JSON object, for people.
std::string describe_row(const TrackingBatch& batch, size_t row);

}  // namespace hirestream
