// A columnar batch of raw rows, as an adapter hands it to the kernel. Adapters append rows and set
// the cells they have; cells that are not set are null. Values are read here, once, so that every
// adapter reads them the same way: blanks around a text do not matter, words for null are null (see
// ReadingRules), whole numbers are the same however they are written, and 0 in a column of ids is
// null. An unreadable value makes its cell kBad and is kept with its text. clear() keeps the
// memory: no allocation per row. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/decimal.h"
#include "model/reading_rules.h"
#include "model/row_id.h"
#include "model/slice.h"

namespace hirestream {

enum class CellStatus : uint8_t { kNull, kValue, kBad };

class TrackingBatch {
 public:
  explicit TrackingBatch(ReadingRules rules = {});

  size_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  void clear();
  // Starts a row; its cells are null until set. The setters below write to the row added last.
  void add_row();

  // Native uuid / timeuuid.
  void set_id(const RowId& id);
  // A UUID as read_uuid_text() takes it. Another text's row is known by its hash, and it is kBad
  // unless any text is an id; it has no time of arrival.
  void set_id_text(std::string_view text);
  // Only sources whose positions are not arrival times.
  void set_position(Position position);
  void set_ts_us(int64_t utc_us);
  // A date and time, in the source's time zone when it has no offset; or a number, see
  // set_ts_number().
  void set_ts_text(std::string_view text);
  // The same in two parts; null unless there are both.
  void set_ts_texts(std::string_view date, std::string_view time_of_day);
  // Since 1970, UTC: in seconds, milliseconds, microseconds or nanoseconds, which its size tells.
  void set_ts_number(int64_t value);
  void set_integer(Column column, int64_t value);
  void set_integer_text(Column column, std::string_view text);
  void set_bid_text(std::string_view text);
  void set_bid(const BidResult& bid, std::string_view shown);  // `shown`: text kept if it is bad
  void set_text(Column column, std::string_view text);         // kCustomTrack, kEv, kEd
  void set_bad(Column column, std::string_view text, std::string_view reason);
  // All columns from their texts, for which text(column) is asked once each; set_position() comes
  // after it. `time_of_day`: of the column that the rules name, if they do.
  template <typename TextOf>
  void set_texts(const TextOf& text, std::string_view time_of_day = {}) {
    set_id_text(text(Column::kCreateTime));
    if (rules_.time_of_day.empty()) {
      set_ts_text(text(Column::kTs));
    } else {
      set_ts_texts(text(Column::kTs), time_of_day);
    }
    for (const Column column :
         {Column::kJobId, Column::kPublisherId, Column::kCampaignId, Column::kGroupId}) {
      set_integer_text(column, text(column));
    }
    set_bid_text(text(Column::kBid));
    for (const Column column : {Column::kCustomTrack, Column::kEv, Column::kEd}) {
      set_text(column, text(column));
    }
  }

  const RowId& id(size_t row) const { return ids_[row]; }
  Position position(size_t row) const { return positions_[row]; }
  // Event time, microseconds UTC.
  int64_t ts_us(size_t row) const { return integers_[0][row]; }
  // kTs, kJobId … kGroupId and kBid (micros); meaningless unless status is kValue.
  int64_t integer(Column column, size_t row) const { return integers_[index(column)][row]; }
  std::string_view text(Column column, size_t row) const;
  CellStatus status(Column column, size_t row) const {
    return static_cast<CellStatus>(status_[static_cast<size_t>(column)][row]);
  }

  struct BadCell {
    uint32_t row = 0;
    Column column = Column::kCreateTime;
    std::string text;
    std::string reason;  // "ts_unreadable", "bid_negative", …
  };
  // In the order in which they were set, so sorted by row.
  std::span<const BadCell> bad_cells() const { return bad_cells_; }
  std::span<const BadCell> bad_cells(size_t row) const;
  // Words (not blanks) that were taken as null since clear().
  int64_t null_words() const { return null_words_; }

 private:
  struct TextColumn {
    std::vector<uint32_t> begin;
    std::vector<uint32_t> size;
  };
  static size_t index(Column column) { return static_cast<size_t>(column) - 1; }  // kTs is 0
  static size_t text_index(Column column) {
    return static_cast<size_t>(column) - static_cast<size_t>(Column::kCustomTrack);
  }
  void set_status(Column column, CellStatus status) {
    status_[static_cast<size_t>(column)].back() = static_cast<uint8_t>(status);
  }

  // Whether the text, which has no blanks around it, means null.
  bool is_null(std::string_view text);

  ReadingRules rules_;
  int64_t null_words_ = 0;
  size_t rows_ = 0;
  std::vector<RowId> ids_;
  std::vector<Position> positions_;
  // kTs, kJobId, kPublisherId, kCampaignId, kGroupId, kBid.
  std::array<std::vector<int64_t>, 6> integers_;
  // kCustomTrack, kEv, kEd.
  std::array<TextColumn, 3> texts_;
  std::string bytes_;
  std::string date_and_time_;  // of set_ts_texts(), for its memory
  std::array<std::vector<uint8_t>, kColumnCount> status_;
  std::vector<BadCell> bad_cells_;
};

}  // namespace hirestream
