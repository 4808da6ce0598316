#include "model/tracking_batch.h"

#include <algorithm>

#include "model/result.h"
#include "model/slice.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

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

TrackingBatch::TrackingBatch(ReadingRules rules) : rules_(std::move(rules)) {}

void TrackingBatch::clear() {
  rows_ = 0;
  null_words_ = 0;
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

bool TrackingBatch::is_null(std::string_view text) {
  if (text.empty()) {
    return true;
  }
  const bool is_word = std::ranges::find(rules_.null_words, text) != rules_.null_words.end();
  null_words_ += is_word ? 1 : 0;
  return is_word;
}

void TrackingBatch::set_id(const RowId& id) {
  ids_.back() = id;
  positions_.back() = Position{arrival_time_us(id)};
  set_status(Column::kCreateTime, CellStatus::kValue);
  if (rules_.arrival_is_event_time && is_version_1(id)) {
    integers_[index(Column::kTs)].back() = arrival_time_us(id);
    set_status(Column::kTs, CellStatus::kValue);
  }
}

void TrackingBatch::set_id_text(std::string_view text) {
  const TextId read = read_uuid_text(text);
  if (read.is_uuid) {
    set_id(read.id);
  } else if (is_null(trim(text))) {
    return;
  } else if (rules_.any_text_is_id) {
    ids_.back() = read_uuid_text(trim(text)).id;
    set_status(Column::kCreateTime, CellStatus::kValue);
  } else {
    ids_.back() = read.id;
    set_bad(Column::kCreateTime, text, "create_time_unreadable");
  }
}

void TrackingBatch::set_position(Position position) {
  positions_.back() = position;
}

void TrackingBatch::set_ts_us(int64_t utc_us) {
  if (rules_.arrival_is_event_time) {
    return;
  }
  integers_[index(Column::kTs)].back() = utc_us;
  set_status(Column::kTs, CellStatus::kValue);
}

void TrackingBatch::set_ts_text(std::string_view text) {
  if (rules_.arrival_is_event_time) {
    return;
  }
  if (const auto parsed = parse_timestamp(text)) {
    set_ts_us(parsed->has_offset ? parsed->us : rules_.source_zone.to_utc(parsed->us));
  } else if (const auto us = parse_epoch(text)) {
    set_ts_us(*us);
  } else if (!is_null(trim(text))) {
    set_bad(Column::kTs, text, "ts_unreadable");
  }
}

void TrackingBatch::set_ts_texts(std::string_view date, std::string_view time_of_day) {
  if (is_null(trim(date)) || is_null(trim(time_of_day))) {
    return;
  }
  date_and_time_ = trim(date);
  date_and_time_ += ' ';
  date_and_time_ += trim(time_of_day);
  set_ts_text(date_and_time_);
}

void TrackingBatch::set_ts_number(int64_t value) {
  if (rules_.arrival_is_event_time) {
    return;
  }
  if (const auto us = epoch_us(value)) {
    set_ts_us(*us);
  } else {
    set_bad(Column::kTs, std::to_string(value), "ts_unreadable");
  }
}

void TrackingBatch::set_integer(Column column, int64_t value) {
  const bool is_id = column >= Column::kJobId && column <= Column::kGroupId;
  if (is_id && value == 0) {
    return;
  }
  integers_[index(column)].back() = value;
  set_status(column, CellStatus::kValue);
}

void TrackingBatch::set_integer_text(Column column, std::string_view text) {
  if (const auto value = parse_integer(text)) {
    set_integer(column, *value);
  } else if (!is_null(trim(text))) {
    set_bad(column, text, unreadable_reason(column));
  }
}

void TrackingBatch::set_bid_text(std::string_view text) {
  if (const BidResult bid = bid_from_text(text); !bid.error) {
    set_integer(Column::kBid, bid.micros);
  } else if (!is_null(trim(text))) {
    set_bad(Column::kBid, text, bid_reason(*bid.error));
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
  if (column == Column::kEd ? text.empty() : is_null(text = trim(text))) {
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
