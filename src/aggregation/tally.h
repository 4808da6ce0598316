// Adds up rows into what a slice needs: contribution, digest, classes, rejects. Any order, split or
// repetition of the same distinct rows gives the same result. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aggregation/row_classifier.h"
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
  // Counts the row, if it did not arrive before the start. The caller sees to it that no row comes
  // twice.
  void add(RowClassifier& classifier, const TrackingBatch& batch, size_t row);

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
  const std::optional<CellKey>& beyond() const { return beyond_; }
  // Canonical.
  Contribution contribution() const;
  // What was counted, as a slice's parts: at least one, and only the first has more than cells. Not
  // if there is something beyond().
  std::vector<SlicePart> parts(const SliceKey& slice) const;
  // Back to empty; keeps the memory.
  void clear();

 private:
  void add_cell(const CellKey& key, const Measures& measures);
  void grow();
  void note_not_counted(WhyNotCounted why, const TrackingBatch& batch, size_t row);
  void keep_reject(const RowVerdict& verdict, const TrackingBatch& batch, size_t row);

  RowDigest digest_;
  RowClasses classes_;
  std::optional<CellKey> beyond_;
  std::vector<RejectedRow> rejects_;
  NotCountedKinds not_counted_;
  std::vector<Cell> cells_;      // dense, in order of first appearance
  std::vector<uint32_t> index_;  // open addressing: position in cells_ + 1, 0 = empty
};

// The row's columns as one JSON object, for people.
std::string describe_row(const TrackingBatch& batch, size_t row);

}  // namespace hirestream
