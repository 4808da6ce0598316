// A columnar batch of raw rows, as an adapter hands it to the kernel. Adapters append rows and set
// the cells they have; cells that are not set are null. Text is parsed here, once, so that every
// adapter reads values the same way; an unreadable value makes its cell kBad and is kept with its
// text. clear() keeps the memory: no allocation per row. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/decimal.h"
#include "model/row_id.h"
#include "model/slice.h"
#include "model/time_zone.h"

namespace hirestream {

enum class Column : uint8_t {
  kCreateTime,
  kTs,
  kJobId,
  kPublisherId,
  kCampaignId,
  kGroupId,
  kBid,
  kCustomTrack,
  kEv,
  kEd,
};
inline constexpr size_t kColumnCount = 10;
std::string_view column_name(Column column);  // as in the tracking table

enum class CellStatus : uint8_t { kNull, kValue, kBad };

class TrackingBatch {
 public:
  explicit TrackingBatch(TimeZone source_zone = TimeZone());

  size_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  void clear();
  // Starts a row; its cells are null until set. The setters below write to the row added last.
  void add_row();

  // Native uuid / timeuuid.
  void set_id(const RowId& id);
  // Not a UUID: kBad, and the row is known by the text's hash.
  void set_id_text(std::string_view text);
  // Only sources whose positions are not arrival times.
  void set_position(Position position);
  void set_ts_us(int64_t utc_us);
  // Without offset: in the source's time zone. Empty: null.
  void set_ts_text(std::string_view text);
  void set_integer(Column column, int64_t value);
  void set_integer_text(Column column, std::string_view text);  // empty: null
  void set_bid_text(std::string_view text);                     // empty: null
  void set_bid(const BidResult& bid, std::string_view shown);   // `shown`: text kept if it is bad
  void set_text(Column column, std::string_view text);  // kCustomTrack, kEv, kEd; empty: null
  void set_bad(Column column, std::string_view text, std::string_view reason);
  // All columns from their texts, for which text(column) is asked once each; set_position() comes
  // after it.
  template <typename TextOf>
  void set_texts(const TextOf& text) {
    set_id_text(text(Column::kCreateTime));
    set_ts_text(text(Column::kTs));
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

  TimeZone source_zone_;
  size_t rows_ = 0;
  std::vector<RowId> ids_;
  std::vector<Position> positions_;
  // kTs, kJobId, kPublisherId, kCampaignId, kGroupId, kBid.
  std::array<std::vector<int64_t>, 6> integers_;
  // kCustomTrack, kEv, kEd.
  std::array<TextColumn, 3> texts_;
  std::string bytes_;
  std::array<std::vector<uint8_t>, kColumnCount> status_;
  std::vector<BadCell> bad_cells_;
};

}  // namespace hirestream
