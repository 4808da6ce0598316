#include "pipeline/table_comparison.h"

#include <xxhash.h>

#include <string_view>
#include <utility>

#include "model/floor_divide.h"

namespace hirestream {
namespace {

constexpr uint32_t kValueStatuses = [] {
  uint32_t bits = 0;
  for (const Column column : kValueColumns) {
    bits |= 3U << TrackingRow::status_shift(column);
  }
  return bits;
}();

}  // namespace

SweptComparison::SweptComparison(std::unique_ptr<EventSource> table,
                                 std::unique_ptr<EventSource> mirror, bool with_payload,
                                 Placement placement)
    : sources_{std::move(table), std::move(mirror)},
      with_payload_(with_payload),
      placement_(std::move(placement)) {}

void SweptComparison::begin(int64_t from_us, int64_t until_us) {
  from_us_ = from_us;
  until_us_ = until_us;
  side_ = 0;
  sweep_.reset();
  sums_.clear();
  rows_read_ = 0;
}

Result<bool> SweptComparison::next() {
  while (side_ < sources_.size()) {
    if (sweep_ == nullptr) {
      HIRESTREAM_ASSIGN(sweep_, sources_[side_]->sweep({.what = RingPart{}}));
    }
    HIRESTREAM_ASSIGN(const auto page, sweep_->next());
    if (page) {
      add(page->rows);
      return true;
    }
    sweep_.reset();
    ++side_;
  }
  return false;
}

std::vector<SliceKey> SweptComparison::differing() const {
  std::vector<SliceKey> keys;
  for (const auto& [key, sum] : sums_) {
    if (sum.rows != 0 || sum.hash != 0) {
      keys.push_back(key);
    }
  }
  return keys;
}

void SweptComparison::add(const TrackingBatch& rows) {
  rows_read_ += static_cast<int64_t>(rows.rows());
  const bool is_mirror = side_ == 1;
  for (size_t row = 0; row < rows.rows(); ++row) {
    const auto slice = placement_(rows.id(row));
    const int64_t arrival_us = slice ? arrival_time_us(rows.id(row)) : 0;
    if (!slice || arrival_us < from_us_ || arrival_us >= until_us_) {
      continue;
    }
    Sum& sum = sums_[*slice];
    sum.rows += is_mirror ? -1 : 1;
    const uint64_t hash = hash_of(rows, row);
    sum.hash += is_mirror ? ~hash + 1 : hash;
  }
}

// Of everything that a row can count by. Event times to the millisecond: a timestamp of Cassandra's
// has no more.
uint64_t SweptComparison::hash_of(const TrackingBatch& rows, size_t row) const {
  struct Fixed {
    RowId id;
    std::array<int64_t, kValueColumns.size()> values;
    uint64_t statuses;
  };
  static_assert(sizeof(Fixed) == 72, "no padding: its bytes are hashed");
  const TrackingRow& source = rows.row(row);
  Fixed fixed = {source.id, source.values, source.statuses & kValueStatuses};
  static_assert(kValueColumns.front() == Column::kTs);
  fixed.values.front() = floor_divide(fixed.values.front(), 1000);
  uint64_t hash = XXH3_64bits(&fixed, sizeof(fixed));
  for (const Column column : {Column::kCustomTrack, Column::kEv, Column::kEd}) {
    if (column != Column::kEd || with_payload_) {
      const std::string_view text = rows.text(column, row);
      hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
    }
  }
  return hash;
}

}  // namespace hirestream
