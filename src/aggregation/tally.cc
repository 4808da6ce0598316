#include "aggregation/tally.h"

#include <algorithm>
#include <array>
#include <boost/container/static_vector.hpp>
#include <numeric>
#include <string>

#include "model/json_text.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

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

void Tally::add(RowClassifier& classifier, const TrackingBatch& batch) {
  std::array<uint32_t, kBlockRows> rows;
  for (size_t begin = 0; begin < batch.rows(); begin += kBlockRows) {
    const size_t count = std::min(kBlockRows, batch.rows() - begin);
    std::iota(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count),
              static_cast<uint32_t>(begin));
    add_block(classifier, batch, std::span(rows).first(count));
  }
}

void Tally::add(RowClassifier& classifier, const TrackingBatch& batch,
                std::span<const uint32_t> rows) {
  for (size_t begin = 0; begin < rows.size(); begin += kBlockRows) {
    add_block(classifier, batch, rows.subspan(begin, std::min(kBlockRows, rows.size() - begin)));
  }
}

void Tally::add_block(RowClassifier& classifier, const TrackingBatch& batch,
                      std::span<const uint32_t> rows) {
  ClassifiedRows classified;
  classifier.classify(batch, rows, classified);
  digest_ += classified.digest;
  classes_ += classified.classes;
  cells_.add(classified.counted, wide_);
  note_not_counted(batch, classified.not_counted);
  for (const uint32_t row : std::span(classified.rejected.row).first(classified.rejected.size)) {
    keep_reject(classifier.rejection(batch, row), batch, row);
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
    cells_.add(cell, wide_);
  }
}

void Tally::note_not_counted(const TrackingBatch& batch, const NotCountedRows& rows) {
  struct Group {
    uint32_t first_row;
    int64_t rows;
    WhyNotCounted why;
    Arrival newest;
  };
  if (rows.size == 0) {
    return;
  }
  boost::container::static_vector<Group, kBlockRows> groups;
  // 1 + position in `groups`.
  std::array<uint16_t, NotCountedRows::kGroups> group_of{};
  for (size_t i = 0; i < rows.size; ++i) {
    uint16_t& known = group_of[rows.group[i]];
    const Arrival arrival(batch.id(rows.row[i]));
    if (known == 0 || rows.group[i] >= NotCountedRows::kNoGroup) [[unlikely]] {
      groups.push_back({rows.row[i], 1, rows.why(i), arrival});
      known = static_cast<uint16_t>(groups.size());
      continue;
    }
    Group& group = groups[known - 1U];
    group.rows += 1;
    if (is_newer(arrival, group.newest)) {
      group.newest = arrival;
    }
  }
  for (const Group& group : groups) {
    const bool has_track =
        batch.status(Column::kCustomTrack, group.first_row) == CellStatus::kValue;
    not_counted_.add(group.why, has_track ? "" : "ev=",
                     batch.text(has_track ? Column::kCustomTrack : Column::kEv, group.first_row),
                     group.rows, *group.newest.id);
  }
}

void Tally::keep_reject(const Rejection& rejection, const TrackingBatch& batch, size_t row) {
  if (rejects_.size() >= kRejectsPerSliceMax) {
    return;
  }
  RejectedRow reject;
  reject.id = batch.id(row);
  reject.reason = std::string(rejection.reason);
  reject.column = std::string(column_name(rejection.column));
  if (batch.status(rejection.column, row) == CellStatus::kBad) {
    reject.value = storable(bad_text(batch, row, rejection.column));
  } else if (rejection.column == Column::kTs &&
             batch.status(Column::kTs, row) == CellStatus::kValue) {
    reject.value = format_timestamp_us(batch.ts_us(row));
  }
  reject.row = describe_row(batch, row);
  rejects_.push_back(std::move(reject));
}

std::optional<CellKey> Tally::beyond() const {
  if (cells_.beyond()) {
    return cells_.beyond();
  }
  for (const Cell& cell : wide_.cells()) {
    const auto rest = cells_.find(cell.key);
    if (rest && !rest->can_add(cell.measures)) {
      return cell.key;
    }
  }
  return wide_.beyond();
}

Contribution Tally::contribution() const {
  std::vector<Contribution> whole = cells_.sorted(SIZE_MAX);
  Contribution out = whole.empty() ? Contribution() : std::move(whole.front());
  if (wide_.cells().empty()) {
    return out;
  }
  out.insert(out.end(), wide_.cells().begin(), wide_.cells().end());
  canonicalize(out);
  return out;
}

std::vector<SlicePart> Tally::parts(const SliceKey& slice) const {
  HIRESTREAM_CHECK(!beyond());
  std::vector<SlicePart> out = {{slice, digest_, classes_, {}, rejects_, not_counted_.all()}};
  for (Contribution& cells : pieces()) {
    if (!out.back().contribution.empty()) {
      out.push_back({.key = slice});
    }
    out.back().contribution = std::move(cells);
  }
  return out;
}

std::vector<Contribution> Tally::pieces() const {
  if (wide_.cells().empty()) {
    return cells_.sorted(kCellsPerPart);
  }
  const Contribution cells = contribution();
  std::vector<Contribution> out;
  for (size_t begin = 0; begin < cells.size(); begin += kCellsPerPart) {
    const auto some =
        std::span(cells).subspan(begin, std::min(kCellsPerPart, cells.size() - begin));
    out.emplace_back(some.begin(), some.end());
  }
  return out;
}

void Tally::clear() {
  digest_ = {};
  classes_ = {};
  rejects_.clear();
  not_counted_.clear();
  cells_.clear();
  wide_.clear();
}

}  // namespace hirestream
