// A batch of raw rows, as an adapter hands it to the kernel. Adapters append rows and set the cells
// they have; cells that are not set are null. Values are read here, once, so that every
// adapter reads them the same way: blanks around a text do not matter, words for null are null (see
// ReadingRules), whole numbers are the same however they are written, and 0 in a column of ids is
// null. An unreadable value makes its cell kBad and is kept with its text. clear() keeps the
// memory: no allocation per row. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/decimal.h"
#include "model/known_texts.h"
#include "model/reading_rules.h"
#include "model/row_id.h"
#include "model/slice.h"

namespace hirestream {

enum class CellStatus : uint8_t { kNull, kValue, kBad };

// Of TrackingRow::values.
inline constexpr std::array<Column, 6> kValueColumns = {Column::kTs,          Column::kJobId,
                                                        Column::kPublisherId, Column::kCampaignId,
                                                        Column::kGroupId,     Column::kBid};

// A row as it lies in memory, 104 bytes; what its digest is made of lies side by side.
struct TrackingRow {
  struct Text {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  RowId id;
  // Of kValueColumns: kTs in microseconds UTC, kBid in micros; 0 where there is no value.
  std::array<int64_t, kValueColumns.size()> values{};
  // Two bits a column, see status_shift().
  uint32_t statuses = 0;
  // kCustomTrack, kEv, kEd; all 0 where there is no value.
  std::array<Text, 3> texts{};
  Position position{0};

  // kCreateTime highest of the first 16 bits, then the columns of `values` in their order, kEd
  // lowest; kCustomTrack and kEv above them.
  static constexpr uint32_t status_shift(Column column) {
    switch (column) {
      case Column::kCustomTrack:
        return 16;
      case Column::kEv:
        return 18;
      case Column::kEd:
        return 0;
      default:
        return 14 - 2 * static_cast<uint32_t>(column);
    }
  }
  CellStatus status(Column column) const {
    return static_cast<CellStatus>(statuses >> status_shift(column) & 3);
  }
  int64_t value(Column column) const { return values[static_cast<size_t>(column) - 1]; }
  const Text& text(Column column) const {
    return texts[static_cast<size_t>(column) - static_cast<size_t>(Column::kCustomTrack)];
  }
};

class TrackingBatch {
 public:
  static constexpr size_t kTextPadding = KnownTexts::kTextSizeMax;

  explicit TrackingBatch(ReadingRules rules = {});

  size_t rows() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  void clear();
  // Starts a row; its cells are null until set. The setters below write to the row that was added
  // or selected last.
  void add_row() { current_.row = &rows_.emplace_back(); }
  // So many at once, for adapters that have columns. Whoever selects rows calls sort_bad_cells()
  // when all cells are set.
  void add_rows(size_t count) {
    rows_.resize(rows_.size() + count);
    current_.row = nullptr;
  }
  void select(size_t row) { current_.row = &rows_[row]; }
  void sort_bad_cells();

  // Native uuid / timeuuid.
  void set_id(const RowId& id);
  // As ReadingRules::read_id() takes it: an id that is no UUID has no time of arrival. Any other
  // text is kBad, and its row known by its hash.
  void set_id_text(std::string_view text);
  // What ReadingRules::read_id() read.
  void set_id_as_read(const TextId& read);
  // What a row without an id is known by, so that each is one of its own; the cell stays as it is.
  void set_id_of_none(const RowId& id) { current().id = id; }
  // Only sources whose positions are not arrival times.
  void set_position(Position position);
  void set_ts_us(int64_t utc_us);
  // In the source's time zone.
  void set_ts_local_us(int64_t local_us) { set_ts_us(rules_.source_zone.to_utc(local_us)); }
  // A date and time, in the source's time zone when it has no offset; or a number, see
  // set_ts_number().
  void set_ts_text(std::string_view text);
  // The same in two parts; null unless there are both.
  void set_ts_texts(std::string_view date, std::string_view time_of_day);
  // Since 1970, UTC: in seconds, milliseconds, microseconds or nanoseconds, which its size tells.
  void set_ts_number(int64_t value);
  void set_integer(Column column, int64_t number);
  void set_integer_text(Column column, std::string_view text);
  void set_bid_text(std::string_view text);
  void set_bid(const BidResult& bid, std::string_view shown);  // `shown`: text kept if it is bad
  void set_text(Column column, std::string_view text);         // kCustomTrack, kEv, kEd
  void set_bad(Column column, std::string_view text, std::string_view reason);
  // The same value, not kBad, as another row of this batch has.
  void set_as(Column column, size_t row);
  // All columns from their texts, for which text(column) is asked once each; set_position() comes
  // after it. `time_of_day`: of the column that the rules name, if they do.
  template <typename TextOf>
  void set_texts(const TextOf& text, std::string_view time_of_day = {}) {
    for (const Column column : kAllColumns) {
      if (column == Column::kTs && !rules_.time_of_day.empty()) {
        set_ts_texts(text(column), time_of_day);
      } else {
        set_text_of(column, text(column));
      }
    }
  }
  // A column from its text; of kTs from what has both date and time.
  void set_text_of(Column column, std::string_view text) {
    switch (column) {
      case Column::kCreateTime:
        return set_id_text(text);
      case Column::kTs:
        return set_ts_text(text);
      case Column::kBid:
        return set_bid_text(text);
      case Column::kCustomTrack:
      case Column::kEv:
      case Column::kEd:
        return set_text(column, text);
      default:
        return set_integer_text(column, text);
    }
  }

  const TrackingRow& row(size_t row) const { return rows_[row]; }
  std::span<const TrackingRow> all_rows() const { return rows_; }
  const RowId& id(size_t row) const { return rows_[row].id; }
  Position position(size_t row) const { return rows_[row].position; }
  // Event time, microseconds UTC.
  int64_t ts_us(size_t row) const { return rows_[row].value(Column::kTs); }
  // kTs, kJobId … kGroupId and kBid (micros); 0 unless status is kValue.
  int64_t integer(Column column, size_t row) const { return rows_[row].value(column); }
  // At least kTextPadding bytes behind it can be read.
  std::string_view text(const TrackingRow::Text& text) const {
    return {bytes_.data() + text.begin, text.size};
  }
  std::string_view text(Column column, size_t row) const { return text(rows_[row].text(column)); }
  // Texts of kCustomTrack and kEv that this batch has met, also before clear(), and which of them
  // one is: KnownTexts::kMax if it is another one.
  const KnownTexts& known_texts() const { return known_texts_; }
  std::string_view known_text(size_t number) const {
    return {bytes_.data() + number * KnownTexts::kTextSizeMax, known_texts_.all()[number].size};
  }
  static size_t known_number(const TrackingRow::Text& text) {
    return std::min<size_t>(text.begin / KnownTexts::kTextSizeMax, KnownTexts::kMax);
  }
  CellStatus status(Column column, size_t row) const { return rows_[row].status(column); }

  struct BadCell {
    uint32_t row = 0;
    Column column = Column::kCreateTime;
    std::string text;
    std::string reason;  // "ts_unreadable", "bid_negative", …
  };
  // Sorted by row; of one row in the order in which they were set.
  std::span<const BadCell> bad_cells() const { return bad_cells_; }
  std::span<const BadCell> bad_cells(size_t row) const;
  // Words (not blanks) that were taken as null since clear().
  int64_t null_words() const { return null_words_; }
  // Readable texts of ts since clear() that do not begin with a date, so that they
  // do not sort as their times do: numbers, texts with blanks before them.
  int64_t undated_texts() const { return undated_texts_; }

 private:
  // The row that is being written; a copy of a batch has none. (The row's number instead would cost
  // decoders of pages a sixth of their instructions.)
  struct CurrentRow {
    CurrentRow() = default;
    CurrentRow(const CurrentRow&) {}
    CurrentRow(CurrentRow&&) = default;
    // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): null is right for itself, too
    CurrentRow& operator=(const CurrentRow&) {
      row = nullptr;
      return *this;
    }
    CurrentRow& operator=(CurrentRow&&) = default;
    TrackingRow* row = nullptr;
  };

  TrackingRow& current() { return *current_.row; }
  int64_t& value(Column column) { return current().values[static_cast<size_t>(column) - 1]; }
  TrackingRow::Text& text_of(Column column) {
    return current().texts[static_cast<size_t>(column) - static_cast<size_t>(Column::kCustomTrack)];
  }
  void set_status(Column column, CellStatus status);

  void make_room_for(size_t text_bytes);
  // The bytes without any texts but the known ones.
  void clear_bytes();
  // Where the text is kept that lies at the end of the used bytes, if it is or becomes a known one.
  std::optional<TrackingRow::Text> known_place(size_t size);
  // Whether the text, which has no blanks around it, means null.
  bool is_null(std::string_view text) {
    return text.empty() || ((null_word_sizes_ >> size_bit(text) & 1) != 0 && is_null_word(text));
  }
  bool is_null_word(std::string_view text);
  static size_t size_bit(std::string_view text) { return std::min<size_t>(text.size(), 63); }

  ReadingRules rules_;
  // A bit, size_bit(), for each size that a word for null has: few texts need a closer look.
  uint64_t null_word_sizes_ = 0;
  int64_t null_words_ = 0;
  int64_t undated_texts_ = 0;
  std::vector<TrackingRow> rows_;
  CurrentRow current_;
  KnownTexts known_texts_;
  // Of all texts, and at least kTextPadding behind them. The known ones lie at the front, each at
  // its number, so that where a text lies tells which it is.
  std::vector<char> bytes_;
  size_t bytes_used_ = 0;
  std::string date_and_time_;  // of set_ts_texts(), for its memory
  std::vector<BadCell> bad_cells_;
};

inline void TrackingBatch::set_status(Column column, CellStatus status) {
  const uint32_t shift = TrackingRow::status_shift(column);
  uint32_t& statuses = current().statuses;
  statuses = (statuses & ~(3U << shift)) | static_cast<uint32_t>(status) << shift;
}

inline void TrackingBatch::set_id(const RowId& id) {
  current().id = id;
  current().position = Position{arrival_time_us(id)};
  set_status(Column::kCreateTime, CellStatus::kValue);
  if (rules_.arrival_is_event_time && is_version_1(id)) {
    value(Column::kTs) = arrival_time_us(id);
    set_status(Column::kTs, CellStatus::kValue);
  }
}

inline void TrackingBatch::set_ts_us(int64_t utc_us) {
  if (rules_.arrival_is_event_time) {
    return;
  }
  value(Column::kTs) = utc_us;
  set_status(Column::kTs, CellStatus::kValue);
}

inline void TrackingBatch::set_integer(Column column, int64_t number) {
  const bool is_id = column >= Column::kJobId && column <= Column::kGroupId;
  if (is_id && number == 0) {
    return;
  }
  value(column) = number;
  set_status(column, CellStatus::kValue);
}

inline void TrackingBatch::set_as(Column column, size_t row) {
  const TrackingRow& other = rows_[row];
  if (column >= Column::kCustomTrack) {
    text_of(column) = other.text(column);
  } else {
    value(column) = other.value(column);
  }
  set_status(column, other.status(column));
}

}  // namespace hirestream
