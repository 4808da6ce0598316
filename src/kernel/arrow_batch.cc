#include "kernel/arrow_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/arrow_column_internal.h"
#include "model/floor_divide.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr size_t kUuidBytes = 16;
constexpr int64_t kRowsAtOnce = 4096;
// All columns of so many rows are filled before those of the next: they stay in the nearest cache.
constexpr int64_t kRowsOfStretch = 256;
// Texts of one TrackingBatch, unless a single row has more.
constexpr int64_t kBytesAtOnce = int64_t{64} << 20;

struct FrameColumns {
  std::array<std::optional<ArrowColumn>, kColumnCount> tracking;
  // Where the rules say that ts is only a date.
  std::optional<ArrowColumn> time_of_day;
  std::optional<ArrowColumn> bucket;
  std::optional<ArrowColumn> shard;
};

Result<std::optional<ArrowColumn>> find_column(const ArrowSchema& schema, const ArrowArray& array,
                                               std::string_view name) {
  std::optional<ArrowColumn> found;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& child = *schema.children[i];
    if (child.name == nullptr || name != child.name) {
      continue;
    }
    if (found) {
      return fail(ErrorKind::kConfig, "read batch", std::string(name), "this column is there twice",
                  "rename all but one of them");
    }
    HIRESTREAM_ASSIGN(found, ArrowColumn::make(child, *array.children[i], array.offset));
  }
  return found;
}

std::vector<std::string> names_of(const ArrowSchema& schema) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    names.emplace_back(schema.children[i]->name == nullptr ? "" : schema.children[i]->name);
  }
  return names;
}

Result<FrameColumns> find_columns(const ArrowSchema& schema, const ArrowArray& array,
                                  const ReadingRules& rules, bool with_payload, bool partitions) {
  if (std::string_view(schema.format) != "+s" || schema.n_children != array.n_children) {
    return fail(ErrorKind::kConfig, "read batch", "batch", "this is no record batch",
                "give a RecordBatch, or the chunks of a table one by one");
  }
  HIRESTREAM_TRY(check_columns(rules, "batch", names_of(schema), Columns::kDeclared));
  FrameColumns columns;
  for (const Column column : kAllColumns) {
    if ((column == Column::kTs && rules.arrival_is_event_time) ||
        (column == Column::kEd && !with_payload)) {
      continue;
    }
    HIRESTREAM_ASSIGN(columns.tracking[static_cast<size_t>(column)],
                      find_column(schema, array, rules.name(column)));
  }
  if (!rules.time_of_day.empty()) {
    HIRESTREAM_ASSIGN(columns.time_of_day, find_column(schema, array, rules.time_of_day));
  }
  if (partitions) {
    HIRESTREAM_ASSIGN(columns.bucket, find_column(schema, array, "bucket"));
    HIRESTREAM_ASSIGN(columns.shard, find_column(schema, array, "shard"));
    if (!columns.bucket || !columns.shard) {
      return fail(ErrorKind::kConfig, "read batch", "batch",
                  fmt::format("no column {}", columns.bucket ? "shard" : "bucket"),
                  "slices of this source are its partitions: select bucket and shard, too");
    }
  }
  return columns;
}

RowId uuid_of(std::string_view bytes) {
  return row_id_from_bytes(std::span<const uint8_t, kUuidBytes>(
      reinterpret_cast<const uint8_t*>(bytes.data()), kUuidBytes));
}

void set_id(const ArrowColumn& column, int64_t row, TrackingBatch& batch, std::string& scratch) {
  const std::string_view text = column.text(row, scratch);
  if (text.size() == kUuidBytes && column.has_bytes()) {
    batch.set_id(uuid_of(text));
  } else {
    batch.set_id_text(text);
  }
}

// A refused bid is kept, and hashed, as the engine's driver shows a decimal: "-35E-1". Arrow has
// one scale for all rows, so that zeros at the end say nothing.
std::string shown_decimal(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) {
    return fmt::format("{}E0", text);
  }
  const std::string_view fraction = text.substr(point + 1, text.find_last_not_of('0') - point);
  const std::string_view sign = text.starts_with('-') ? "-" : "";
  std::string digits = fmt::format("{}{}", text.substr(sign.size(), point - sign.size()), fraction);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return fmt::format("{}{}E{}", sign, digits, -static_cast<int64_t>(fraction.size()));
}

// Of a number of most types; nothing, or an error: its text tells.
std::optional<BidResult> quick_bid(const ArrowColumn& column, int64_t row) {
  if (const auto number = column.integer(row)) {
    return bid_from_int(*number);
  }
  if (const auto micros = column.micros(row); micros && *micros <= kBidMicrosMax) {
    return BidResult{*micros, std::nullopt};
  }
  const bool is_single = column.kind() == ArrowKind::kFloat;
  if (is_single || column.kind() == ArrowKind::kDouble) {
    const double number = column.floating(row);
    const BidResult bid =
        is_single ? bid_from_float(static_cast<float>(number)) : bid_from_double(number);
    return bid.error ? std::nullopt : std::optional(bid);
  }
  return std::nullopt;
}

void set_bid(const ArrowColumn& column, int64_t row, TrackingBatch& batch, std::string& scratch) {
  if (const auto bid = quick_bid(column, row)) {
    batch.set_bid(*bid, bid->error ? column.text(row, scratch) : std::string_view());
    return;
  }
  const std::string_view text = column.text(row, scratch);
  if (column.kind() == ArrowKind::kDecimal) {
    const BidResult bid = bid_from_text(text);
    batch.set_bid(bid, bid.error ? shown_decimal(text) : std::string());
  } else {
    batch.set_bid_text(text);
  }
}

void set_ts(const ArrowColumn& column, int64_t row, TrackingBatch& batch, std::string& scratch) {
  if (const auto us = column.instant_us(row)) {
    batch.set_ts_us(*us);
  } else if (const auto local_us = column.local_us(row)) {
    batch.set_ts_local_us(*local_us);
  } else if (const auto number = column.integer(row)) {
    batch.set_ts_number(*number);
  } else {
    batch.set_ts_text(column.text(row, scratch));
  }
}

void set_cell(Column which, const ArrowColumn& column, int64_t row, TrackingBatch& batch,
              std::string& scratch) {
  switch (which) {
    case Column::kCreateTime:
      return set_id(column, row, batch, scratch);
    case Column::kTs:
      return set_ts(column, row, batch, scratch);
    case Column::kBid:
      return set_bid(column, row, batch, scratch);
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      return batch.set_text(which, column.text(row, scratch));
    default:
      if (const auto number = column.integer(row)) {
        return batch.set_integer(which, *number);
      }
      return batch.set_integer_text(which, column.text(row, scratch));
  }
}

void set_date_and_time(const FrameColumns& columns, const ArrowColumn& date, int64_t row,
                       TrackingBatch& batch, std::string& scratch) {
  if (columns.time_of_day && !columns.time_of_day->is_null(row)) {
    const std::string day(date.text(row, scratch));
    batch.set_ts_texts(day, columns.time_of_day->text(row, scratch));
  }
}

// A stretch of a record batch's rows: `from` to `end`, of those from `begin` on that become one
// TrackingBatch.
struct Block {
  int64_t begin = 0;
  int64_t from = 0;
  int64_t end = 0;
};

// By column and place in its dictionary: a row of the TrackingBatch that has this value, or -1.
using FirstRows = std::array<std::vector<int64_t>, kColumnCount>;

// Calls set(row) for each row that is not null, with that row of the batch selected.
template <typename Set>
void for_each_value(const ArrowColumn& column, const Block& block, TrackingBatch& batch,
                    const Set& set) {
  column.for_each_value(block.from, block.end, [&](int64_t row) {
    batch.select(static_cast<size_t>(row - block.begin));
    set(row);
  });
}

// A value is read at its first place in the TrackingBatch; the others are the same. False: it is no
// dictionary, or a large one.
bool fill_from_dictionary(Column which, const ArrowColumn& column, const Block& block,
                          TrackingBatch& batch, std::string& scratch, FirstRows& first_rows) {
  if (column.dictionary_size() > kRowsAtOnce) {
    return false;
  }
  std::vector<int64_t>& first = first_rows[static_cast<size_t>(which)];
  if (block.from == block.begin) {
    first.assign(static_cast<size_t>(column.dictionary_size()), -1);
  }
  return column.with_dictionary_places([&](const auto* places) {
    const std::span<int64_t> rows = first;
    for_each_value(column, block, batch, [&, places, rows](int64_t row) {
      int64_t& known = rows[static_cast<size_t>(places[row])];
      if (known >= 0) {
        batch.set_as(which, static_cast<size_t>(known));
        return;
      }
      set_cell(which, column, row, batch, scratch);
      // What is bad, or a word for null, is told and counted for each row.
      const int64_t at = row - block.begin;
      if (batch.status(which, static_cast<size_t>(at)) == CellStatus::kValue) {
        known = at;
      }
    });
  });
}

// Types that most columns have, with loops of their own; one by one they cost twice the kernel's
// own time. False: it is another one.
bool fill_fast(Column which, const ArrowColumn& column, const Block& block, TrackingBatch& batch) {
  if (which == Column::kCreateTime && column.has_bytes_of(kUuidBytes)) {
    for_each_value(column, block, batch,
                   [&](int64_t row) { batch.set_id(uuid_of(column.bytes(row))); });
    return true;
  }
  if (which == Column::kTs) {
    return column.with_instants_us([&](const int64_t* instants) {
      for_each_value(column, block, batch, [&](int64_t row) { batch.set_ts_us(instants[row]); });
    });
  }
  if (which < Column::kJobId || which > Column::kGroupId) {
    return false;
  }
  return column.with_integers([&](const auto* numbers) {
    for_each_value(column, block, batch,
                   [&](int64_t row) { batch.set_integer(which, int64_t{numbers[row]}); });
  });
}

void fill_column(Column which, const ArrowColumn& column, const Block& block, TrackingBatch& batch,
                 std::string& scratch, FirstRows& first) {
  const bool is_filled = fill_fast(which, column, block, batch) ||
                         (which != Column::kCreateTime &&
                          fill_from_dictionary(which, column, block, batch, scratch, first));
  if (!is_filled) {
    for_each_value(column, block, batch,
                   [&](int64_t row) { set_cell(which, column, row, batch, scratch); });
  }
}

// Column by column: what is asked of a column's type is then the same for many rows.
void fill_stretch(const FrameColumns& columns, const ReadingRules& rules, const Block& block,
                  TrackingBatch& batch, std::string& scratch, FirstRows& first) {
  for (const Column which : kAllColumns) {
    const auto& column = columns.tracking[static_cast<size_t>(which)];
    if (!column) {
      continue;
    }
    if (which == Column::kTs && !rules.time_of_day.empty()) {
      for_each_value(*column, block, batch, [&](int64_t row) {
        set_date_and_time(columns, *column, row, batch, scratch);
      });
    } else {
      fill_column(which, *column, block, batch, scratch, first);
    }
  }
}

int64_t text_bytes_max(const FrameColumns& columns, int64_t begin, int64_t end) {
  int64_t bytes = 0;
  for (const Column which : {Column::kCustomTrack, Column::kEv, Column::kEd}) {
    if (const auto& column = columns.tracking[static_cast<size_t>(which)]) {
      bytes += column->text_bytes_max(begin, end);
    }
  }
  return bytes;
}

// Where a TrackingBatch of the rows from `begin` on ends.
Result<int64_t> end_of_batch(const FrameColumns& columns, int64_t begin, int64_t rows) {
  int64_t end = std::min(rows, begin + kRowsAtOnce);
  int64_t bytes = text_bytes_max(columns, begin, end);
  while (bytes > kBytesAtOnce && end - begin > 1) {
    end = begin + (end - begin) / 2;
    bytes = text_bytes_max(columns, begin, end);
  }
  if (bytes > kRowBytesMax) {
    return fail(
        ErrorKind::kRejected, "read batch", fmt::format("row {}", begin),
        fmt::format("its texts have {} bytes, and at most {} are read", bytes, kRowBytesMax),
        "leave that row out");
  }
  return end;
}

// One TrackingBatch of the rows `begin` to `end`.
void fill(const FrameColumns& columns, const ReadingRules& rules, int64_t begin, int64_t end,
          TrackingBatch& batch, std::string& scratch, FirstRows& first) {
  batch.clear();
  batch.add_rows(static_cast<size_t>(end - begin));
  for (int64_t from = begin; from < end; from += kRowsOfStretch) {
    fill_stretch(columns, rules, {begin, from, std::min(end, from + kRowsOfStretch)}, batch,
                 scratch, first);
  }
  batch.sort_bad_cells();
}

std::optional<int64_t> number_of(const ArrowColumn& column, int64_t row, std::string& scratch) {
  if (column.is_null(row)) {
    return std::nullopt;
  }
  if (const auto number = column.integer(row)) {
    return number;
  }
  return parse_integer(column.text(row, scratch));
}

std::optional<int64_t> bucket_of(const ArrowColumn& column, int64_t row, int64_t width_s,
                                 std::string& scratch) {
  if (column.is_null(row)) {
    return std::nullopt;
  }
  if (const auto us = column.instant_us(row)) {
    return floor_divide(*us, width_s * 1'000'000);
  }
  return number_of(column, row, scratch);
}

Result<SliceKey> slice_of(const FrameColumns& columns, int64_t row, int64_t width_s,
                          std::string& scratch) {
  const auto bucket = bucket_of(*columns.bucket, row, width_s, scratch);
  const auto shard = number_of(*columns.shard, row, scratch);
  if (!bucket || !shard || *shard < INT32_MIN || *shard > INT32_MAX) {
    return fail(ErrorKind::kRejected, "read batch", bucket ? "shard" : "bucket",
                fmt::format("row {} has none that is a number", row));
  }
  return SliceKey{static_cast<int32_t>(*shard), *bucket};
}

}  // namespace

ArrowBatch::~ArrowBatch() {
  if (array_.release != nullptr) {
    array_.release(&array_);
  }
  if (schema_.release != nullptr) {
    schema_.release(&schema_);
  }
}

std::string ArrowBatch::missing_columns(const ReadingRules& rules, bool with_payload) const {
  return missing_columns_text(rules, names_of(schema_), with_payload);
}

Result<void> ArrowBatch::read(const ReadingRules& rules, bool with_payload,
                              std::optional<int64_t> partitions, const Visit& visit) const {
  HIRESTREAM_ASSIGN(const FrameColumns columns,
                    find_columns(schema_, array_, rules, with_payload, partitions.has_value()));
  TrackingBatch batch(rules);
  std::vector<SliceKey> slices;
  std::string scratch;
  FirstRows first;
  for (int64_t begin = 0, end = 0; begin < array_.length; begin = end) {
    HIRESTREAM_ASSIGN(end, end_of_batch(columns, begin, array_.length));
    fill(columns, rules, begin, end, batch, scratch, first);
    slices.clear();
    for (int64_t row = begin; partitions && row < end; ++row) {
      HIRESTREAM_ASSIGN(const SliceKey slice, slice_of(columns, row, *partitions, scratch));
      slices.push_back(slice);
    }
    HIRESTREAM_TRY(visit(batch, slices));
  }
  return {};
}

}  // namespace hirestream
