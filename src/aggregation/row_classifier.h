// What one raw row counts as. Every row ends in exactly one class, tried in this order: rejected
// when create_time is missing, or it or what tells the kind is unreadable; other when its kind is
// not counted; rejected when any value the kernel uses is unreadable, or ts is missing or out of
// its bounds; unattributed when it has no job; counted. Not thread-safe (time zone cache, JSON
// parser). Allocates nothing per row except for rejected rows' reasons.
#pragma once

#include <optional>
#include <string_view>

#include "aggregation/counting_options.h"
#include "aggregation/payload.h"
#include "model/contribution.h"
#include "model/tracking_batch.h"

namespace hirestream {

enum class RowClass : uint8_t { kCounted, kUnattributed, kOther, kRejected };

struct RowVerdict {
  RowClass row_class = RowClass::kOther;
  EventKind kind = EventKind::kOther;
  CellKey cell;                         // kCounted only
  Measures measures;                    // kCounted only: what the row adds
  std::string_view reason;              // kRejected only; lives as long as the batch
  Column column = Column::kCreateTime;  // kRejected only
};

class RowClassifier {
 public:
  explicit RowClassifier(CountingOptions options);

  RowVerdict classify(const TrackingBatch& batch, size_t row);
  // Hash of everything of the row that can change the numbers, and of its id: equal rows, equal
  // hashes, in any process. XXH3 (64 bits) of nine words: the id, event time, job, publisher,
  // campaign, group and bid (0 where there is no value), and one of the kind and of what each of
  // these columns holds; then, as seeds of one another, of `ed` where it attributes, and of the
  // texts of unreadable values. Ledgers keep sums of it: another definition is another
  // kRowDigestNow.
  uint64_t row_hash(const TrackingBatch& batch, size_t row) const;
  const CountingOptions& options() const { return options_; }
  // What a source that is known already was started with.
  void start_at(int64_t us) { options_.start_at_us = us; }
  bool is_before_start(const RowId& id) const {
    return options_.start_at_us && is_version_1(id) && arrival_time_us(id) < *options_.start_at_us;
  }

 private:
  EventKind kind_of(const TrackingBatch& batch, size_t row) const;
  bool is_page_view(std::string_view ev) const;

  CountingOptions options_;
  std::optional<int64_t> page_view_number_;
  PayloadParser payload_;
};

}  // namespace hirestream
