#include "aggregation/tally.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "model/json_text.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 32;
  return x;
}

uint64_t hash_of(const CellKey& key) {
  uint64_t hash = mix(static_cast<uint64_t>(key.job_id) * 0x9E3779B97F4A7C15ULL +
                      static_cast<uint64_t>(static_cast<uint32_t>(key.local_hour)));
  hash = mix(hash ^ (static_cast<uint64_t>(key.campaign_id) * 0xC2B2AE3D27D4EB4FULL));
  hash = mix(hash ^ (static_cast<uint64_t>(key.publisher_id) << 32) ^
             static_cast<uint64_t>(key.group_id));
  return hash;
}

std::string storable(std::string_view text) {
  return storable_text(text, kRejectedValueMax);
}

std::string_view bad_text(const TrackingBatch& batch, size_t row, Column column) {
  for (const auto& cell : batch.bad_cells(row)) {
    if (cell.column == column) {
      return cell.text;
    }
  }
  return {};
}

void append_field(std::string& out, const TrackingBatch& batch, size_t row, Column column) {
  if (batch.status(column, row) == CellStatus::kNull) {
    return;
  }
  out += out.size() > 1 ? "," : "";
  append_json_string(column_name(column), out);
  out += ':';
  if (batch.status(column, row) == CellStatus::kBad) {
    append_json_string(storable(bad_text(batch, row, column)), out);
    return;
  }
  switch (column) {
    case Column::kCreateTime:
      append_json_string(format_uuid(batch.id(row)), out);
      break;
    case Column::kTs:
      append_json_string(format_timestamp_us(batch.ts_us(row)), out);
      break;
    case Column::kBid:
      out += format_micros(batch.integer(column, row));
      break;
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      append_json_string(storable(batch.text(column, row)), out);
      break;
    default:
      out += std::to_string(batch.integer(column, row));
  }
}

}  // namespace

std::string describe_row(const TrackingBatch& batch, size_t row) {
  std::string out = "{";
  for (size_t i = 0; i < kColumnCount; ++i) {
    append_field(out, batch, row, static_cast<Column>(i));
  }
  return out + "}";
}

void Tally::add(RowClassifier& classifier, const TrackingBatch& batch, size_t row) {
  if (classifier.is_before_start(batch.id(row))) {
    return;
  }
  digest_.rows += 1;
  digest_.hash += classifier.row_hash(batch, row);
  const RowVerdict verdict = classifier.classify(batch, row);
  switch (verdict.row_class) {
    case RowClass::kCounted:
      classes_.counted += 1;
      add_cell(verdict.cell, verdict.measures);
      break;
    case RowClass::kUnattributed:
      classes_.unattributed += 1;
      note_not_counted(WhyNotCounted::kNoJob, batch, row);
      break;
    case RowClass::kOther:
      classes_.other += 1;
      note_not_counted(WhyNotCounted::kOtherKind, batch, row);
      break;
    case RowClass::kRejected:
      classes_.rejected += 1;
      keep_reject(verdict, batch, row);
      break;
  }
}

void Tally::add(const SlicePart& part) {
  digest_ += part.digest;
  classes_ += part.classes;
  const size_t room = kRejectsPerSliceMax - rejects_.size();
  rejects_.insert(
      rejects_.end(), part.rejects.begin(),
      part.rejects.begin() + static_cast<std::ptrdiff_t>(std::min(room, part.rejects.size())));
  for (const NotCounted& kind : part.not_counted) {
    not_counted_.add(kind);
  }
  for (const Cell& cell : part.contribution) {
    add_cell(cell.key, cell.measures);
  }
}

void Tally::note_not_counted(WhyNotCounted why, const TrackingBatch& batch, size_t row) {
  const bool has_track = batch.status(Column::kCustomTrack, row) == CellStatus::kValue;
  not_counted_.add(why, has_track ? "" : "ev=",
                   batch.text(has_track ? Column::kCustomTrack : Column::kEv, row), batch.id(row));
}

void Tally::keep_reject(const RowVerdict& verdict, const TrackingBatch& batch, size_t row) {
  if (rejects_.size() >= kRejectsPerSliceMax) {
    return;
  }
  RejectedRow reject;
  reject.id = batch.id(row);
  reject.reason = std::string(verdict.reason);
  reject.column = std::string(column_name(verdict.column));
  if (batch.status(verdict.column, row) == CellStatus::kBad) {
    reject.value = storable(bad_text(batch, row, verdict.column));
  } else if (verdict.column == Column::kTs &&
             batch.status(Column::kTs, row) == CellStatus::kValue) {
    reject.value = format_timestamp_us(batch.ts_us(row));
  }
  reject.row = describe_row(batch, row);
  rejects_.push_back(std::move(reject));
}

void Tally::add_cell(const CellKey& key, const Measures& measures) {
  if ((cells_.size() + 1) * 2 > index_.size()) {
    grow();
  }
  const size_t mask = index_.size() - 1;
  size_t at = hash_of(key) & mask;
  while (index_[at] != 0) {
    Cell& cell = cells_[index_[at] - 1];
    if (cell.key == key) {
      if (cell.measures.can_add(measures)) {
        cell.measures += measures;
      } else {
        beyond_ = key;
      }
      return;
    }
    at = (at + 1) & mask;
  }
  cells_.push_back({key, measures});
  index_[at] = static_cast<uint32_t>(cells_.size());
}

void Tally::grow() {
  index_.assign(index_.empty() ? 16 : index_.size() * 2, 0);
  const size_t mask = index_.size() - 1;
  for (size_t i = 0; i < cells_.size(); ++i) {
    size_t at = hash_of(cells_[i].key) & mask;
    while (index_[at] != 0) {
      at = (at + 1) & mask;
    }
    index_[at] = static_cast<uint32_t>(i + 1);
  }
}

Contribution Tally::contribution() const {
  Contribution out = cells_;
  canonicalize(out);
  return out;
}

std::vector<SlicePart> Tally::parts(const SliceKey& slice) const {
  HIRESTREAM_CHECK(!beyond_);
  const Contribution cells = contribution();
  std::vector<SlicePart> out = {{slice, digest_, classes_, {}, rejects_, not_counted_.all()}};
  for (size_t begin = 0; begin < cells.size(); begin += kCellsPerPart) {
    if (begin > 0) {
      out.push_back({.key = slice});
    }
    const auto some =
        std::span(cells).subspan(begin, std::min(kCellsPerPart, cells.size() - begin));
    out.back().contribution.assign(some.begin(), some.end());
  }
  return out;
}

void Tally::clear() {
  digest_ = {};
  classes_ = {};
  beyond_.reset();
  rejects_.clear();
  not_counted_.clear();
  cells_.clear();
  std::fill(index_.begin(), index_.end(), 0);
}

}  // namespace hirestream
