#include "model/tracking_batch.h"

#include <algorithm>

#include "model/result.h"
#include "model/slice.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr size_t kKnownBytes = KnownTexts::kMax * KnownTexts::kTextSizeMax;

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

TrackingBatch::TrackingBatch(ReadingRules rules) : rules_(std::move(rules)) {
  for (const std::string& word : rules_.null_words) {
    null_word_sizes_ |= uint64_t{1} << size_bit(word);
  }
  clear_bytes();
}

void TrackingBatch::clear() {
  null_words_ = 0;
  undated_texts_ = 0;
  rows_.clear();
  current_.row = nullptr;
  clear_bytes();
  bad_cells_.clear();
}

void TrackingBatch::clear_bytes() {
  bytes_used_ = kKnownBytes;
  if (bytes_.empty()) {  // a new batch, or one that was moved away
    bytes_.resize(bytes_used_ + kTextPadding);
    known_texts_ = {};
  }
}

std::optional<TrackingRow::Text> TrackingBatch::known_place(size_t size) {
  if (size > KnownTexts::kTextSizeMax) {
    return std::nullopt;
  }
  const char* const begin = bytes_.data() + bytes_used_;
  const KnownTexts::Text text = KnownTexts::text_of(begin, size);
  size_t number = known_texts_.find(text);
  if (number == 0) [[unlikely]] {
    number = known_texts_.add(text);
    if (number == 0) {
      return std::nullopt;
    }
    std::copy_n(begin, size, bytes_.data() + number * KnownTexts::kTextSizeMax);
  }
  return TrackingRow::Text{static_cast<uint32_t>(number * KnownTexts::kTextSizeMax),
                           static_cast<uint32_t>(size)};
}

bool TrackingBatch::is_null_word(std::string_view text) {
  const bool is_word = std::ranges::find(rules_.null_words, text) != rules_.null_words.end();
  null_words_ += is_word ? 1 : 0;
  return is_word;
}

void TrackingBatch::set_id_text(std::string_view text) {
  const auto read = rules_.read_id(text);
  if (read) {
    set_id_as_read(*read);
  } else if (!is_null(trim(text))) {
    current().id = read_uuid_text(text).id;
    set_bad(Column::kCreateTime, text, "create_time_unreadable");
  }
}

void TrackingBatch::set_id_as_read(const TextId& read) {
  if (read.is_uuid) {
    set_id(read.id);
  } else {
    current().id = read.id;
    set_status(Column::kCreateTime, CellStatus::kValue);
  }
}

void TrackingBatch::set_position(Position position) {
  current().position = position;
}

void TrackingBatch::set_ts_text(std::string_view text) {
  if (rules_.arrival_is_event_time) {
    return;
  }
  if (const auto parsed = parse_timestamp(text)) {
    set_ts_us(parsed->has_offset ? parsed->us : rules_.source_zone.to_utc(parsed->us));
    undated_texts_ += is_blank(text.front()) ? 1 : 0;
  } else if (const auto us = parse_epoch(text)) {
    set_ts_us(*us);
    undated_texts_ += 1;
  } else if (!is_null(trim(text))) {
    set_bad(Column::kTs, text, "ts_unreadable");
  }
}

void TrackingBatch::set_ts_texts(std::string_view date, std::string_view time_of_day) {
  if (is_null(trim(date)) || is_null(trim(time_of_day))) {
    return;
  }
  undated_texts_ += is_blank(date.front()) ? 1 : 0;
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

// An empty text is null in every column. Many are: to ask that first saves a fifth of what reading
// the texts of a row costs.
void TrackingBatch::set_integer_text(Column column, std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (const auto value = parse_integer(text)) {
    set_integer(column, *value);
  } else if (!is_null(trim(text))) {
    set_bad(column, text, unreadable_reason(column));
  }
}

void TrackingBatch::set_bid_text(std::string_view text) {
  if (text.empty()) {
    return;
  }
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
  if (text.empty()) {
    return;
  }
  if (column != Column::kEd) {
    text = trim(text);
    if (is_null(text)) {
      return;
    }
  }
  HIRESTREAM_CHECK(bytes_used_ + text.size() <= UINT32_MAX);
  if (bytes_used_ + text.size() + kTextPadding > bytes_.size()) {
    make_room_for(text.size());
  }
  text.copy(bytes_.data() + bytes_used_, text.size());
  set_status(column, CellStatus::kValue);
  if (column != Column::kEd) {
    if (const auto place = known_place(text.size())) {
      text_of(column) = *place;
      return;
    }
  }
  text_of(column) = {static_cast<uint32_t>(bytes_used_), static_cast<uint32_t>(text.size())};
  bytes_used_ += text.size();
}

void TrackingBatch::make_room_for(size_t text_bytes) {
  if (bytes_.empty()) {  // it was moved away
    clear_bytes();
  }
  const size_t needed = bytes_used_ + text_bytes + kTextPadding;
  bytes_.resize(std::max(needed, 2 * bytes_.size()));
}

void TrackingBatch::set_bad(Column column, std::string_view text, std::string_view reason) {
  set_status(column, CellStatus::kBad);
  if (column >= Column::kCustomTrack) {
    text_of(column) = {};
  } else if (column != Column::kCreateTime) {
    value(column) = 0;
  }
  bad_cells_.push_back({static_cast<uint32_t>(current_.row - rows_.data()), column,
                        std::string(text.substr(0, kRejectedValueMax)), std::string(reason)});
}

void TrackingBatch::sort_bad_cells() {
  std::ranges::stable_sort(bad_cells_, {}, &BadCell::row);
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

}  // namespace hirestream
