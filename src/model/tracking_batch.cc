#include "model/tracking_batch.h"

#include <xxhash.h>

#include <algorithm>

#include "model/result.h"
#include "model/slice.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr std::array<std::string_view, kColumnCount> kNames = {
    "create_time", "ts",  "job_id",       "publisher_id", "campaign_id",
    "group_id",    "bid", "custom_track", "ev",           "ed"};

// A row whose create_time is no UUID still has an identity: its text's hash. The version nibble 0
// keeps it apart from real ones.
RowId id_of_text(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return RowId{hash.high64 & ~uint64_t{0xF000}, hash.low64};
}

std::string_view bid_reason(DecimalError error) {
  switch (error) {
    case DecimalError::kNotANumber:
      return "bid_unreadable";
    case DecimalError::kNegative:
      return "bid_negative";
    case DecimalError::kTooLarge:
      return "bid_too_large";
  }
  return "bid_unreadable";
}

std::string_view unreadable_reason(Column column) {
  switch (column) {
    case Column::kTs:
      return "ts_unreadable";
    case Column::kJobId:
      return "job_id_unreadable";
    case Column::kPublisherId:
      return "publisher_id_unreadable";
    case Column::kCampaignId:
      return "campaign_id_unreadable";
    case Column::kGroupId:
      return "group_id_unreadable";
    case Column::kBid:
      return "bid_unreadable";
    default:
      return "unreadable";
  }
}

}  // namespace

std::string_view column_name(Column column) {
  return kNames[static_cast<size_t>(column)];
}

TrackingBatch::TrackingBatch(TimeZone source_zone) : source_zone_(std::move(source_zone)) {}

void TrackingBatch::clear() {
  rows_ = 0;
  ids_.clear();
  positions_.clear();
  for (auto& column : integers_) {
    column.clear();
  }
  for (auto& column : texts_) {
    column.begin.clear();
    column.size.clear();
  }
  bytes_.clear();
  for (auto& column : status_) {
    column.clear();
  }
  bad_cells_.clear();
}

void TrackingBatch::add_row() {
  ++rows_;
  ids_.emplace_back();
  positions_.push_back(Position{0});
  for (auto& column : integers_) {
    column.push_back(0);
  }
  for (auto& column : texts_) {
    column.begin.push_back(0);
    column.size.push_back(0);
  }
  for (auto& column : status_) {
    column.push_back(static_cast<uint8_t>(CellStatus::kNull));
  }
}

void TrackingBatch::set_id(const RowId& id) {
  ids_.back() = id;
  positions_.back() = Position{arrival_time_us(id)};
  set_status(Column::kCreateTime, CellStatus::kValue);
}

void TrackingBatch::set_id_text(std::string_view text) {
  if (const auto id = parse_uuid(text)) {
    set_id(*id);
    return;
  }
  ids_.back() = id_of_text(text);
  set_bad(Column::kCreateTime, text, "create_time_unreadable");
}

void TrackingBatch::set_position(Position position) {
  positions_.back() = position;
}

void TrackingBatch::set_ts_us(int64_t utc_us) {
  integers_[index(Column::kTs)].back() = utc_us;
  set_status(Column::kTs, CellStatus::kValue);
}

void TrackingBatch::set_ts_text(std::string_view text) {
  if (text.empty()) {
    return;
  }
  const auto parsed = parse_timestamp(text);
  if (!parsed) {
    set_bad(Column::kTs, text, "ts_unreadable");
    return;
  }
  set_ts_us(parsed->has_offset ? parsed->us : source_zone_.to_utc(parsed->us));
}

void TrackingBatch::set_integer(Column column, int64_t value) {
  integers_[index(column)].back() = value;
  set_status(column, CellStatus::kValue);
}

void TrackingBatch::set_integer_text(Column column, std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (const auto value = parse_integer(text)) {
    set_integer(column, *value);
  } else {
    set_bad(column, text, unreadable_reason(column));
  }
}

void TrackingBatch::set_bid_text(std::string_view text) {
  if (!text.empty()) {
    set_bid(bid_from_text(text), text);
  }
}

void TrackingBatch::set_bid(const BidResult& bid, std::string_view shown) {
  if (bid.error) {
    set_bad(Column::kBid, shown, bid_reason(*bid.error));
  } else {
    set_integer(Column::kBid, bid.micros);
  }
}

void TrackingBatch::set_text(Column column, std::string_view text) {
  if (text.empty()) {
    return;
  }
  TextColumn& target = texts_[text_index(column)];
  HIRESTREAM_CHECK(bytes_.size() + text.size() <= UINT32_MAX);
  target.begin.back() = static_cast<uint32_t>(bytes_.size());
  target.size.back() = static_cast<uint32_t>(text.size());
  bytes_.append(text);
  set_status(column, CellStatus::kValue);
}

void TrackingBatch::set_bad(Column column, std::string_view text, std::string_view reason) {
  set_status(column, CellStatus::kBad);
  bad_cells_.push_back({static_cast<uint32_t>(rows_ - 1), column,
                        std::string(text.substr(0, kRejectedValueMax)), std::string(reason)});
}

std::span<const TrackingBatch::BadCell> TrackingBatch::bad_cells(size_t row) const {
  const auto begin =
      std::lower_bound(bad_cells_.begin(), bad_cells_.end(), row,
                       [](const BadCell& cell, size_t wanted) { return cell.row < wanted; });
  auto end = begin;
  while (end != bad_cells_.end() && end->row == row) {
    ++end;
  }
  return {begin, end};
}

std::string_view TrackingBatch::text(Column column, size_t row) const {
  const TextColumn& source = texts_[text_index(column)];
  return std::string_view(bytes_).substr(source.begin[row], source.size[row]);
}

}  // namespace hirestream
