#include "aggregation/tally.h"

#include <algorithm>
#include <array>
#include <string>

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

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Bytes that are not UTF-8 become U+FFFD, so that a database's text column takes them; cut at kRejectedValueMax bytes.
std::string valid_utf8(std::string_view text) {
  static constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80                     ? 1
                          : (lead >= 0xC2 && lead < 0xE0) ? 2
                          : (lead >= 0xE0 && lead < 0xF0) ? 3
                          : (lead >= 0xF0 && lead < 0xF5) ? 4
                                                          : 0;
    bool ok = length != 0 && i + length <= text.size();
    for (size_t k = 1; ok && k < length; ++k) {
      ok = (static_cast<uint8_t>(text[i + k]) & 0xC0) == 0x80;
    }
    if (ok && length >= 3) {
      const auto second = static_cast<uint8_t>(text[i + 1]);
      ok = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second >= 0xA0) &&
           !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second >= 0x90);
    }
    ok = ok && lead != 0;
    const std::string_view piece = ok ? text.substr(i, length) : kReplacement;
    if (out.size() + piece.size() > kRejectedValueMax) {
      break;
    }
    out += piece;
    i += ok ? length : 1;
  }
  return out;
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
  append_json_string(out, column_name(column));
  out += ':';
  if (batch.status(column, row) == CellStatus::kBad) {
    append_json_string(out, valid_utf8(bad_text(batch, row, column)));
    return;
  }
  switch (column) {
    case Column::kCreateTime:
      append_json_string(out, format_uuid(batch.id(row)));
      break;
    case Column::kTs:
      append_json_string(out, format_timestamp_us(batch.ts_us(row)));
      break;
    case Column::kBid:
      out += format_micros(batch.integer(column, row));
      break;
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      append_json_string(out, valid_utf8(batch.text(column, row).substr(0, kRejectedValueMax)));
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
      break;
    case RowClass::kOther:
      classes_.other += 1;
      break;
    case RowClass::kRejected:
      classes_.rejected += 1;
      keep_reject(verdict, batch, row);
      break;
  }
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
    reject.value = valid_utf8(bad_text(batch, row, verdict.column));
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
      cell.measures += measures;
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

void Tally::clear() {
  digest_ = {};
  classes_ = {};
  rejects_.clear();
  cells_.clear();
  std::fill(index_.begin(), index_.end(), 0);
}

}  // namespace hirestream
