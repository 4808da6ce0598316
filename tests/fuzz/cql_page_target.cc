// Input: one byte that chooses between a page of raw bytes and a page made of texts as the writer
// makes it; then columns, types, content.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "adapters/cassandra/cql_value.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/tracking_types.h"
#include "fuzz/fuzz_target.h"

namespace hirestream {
namespace {

using Columns = std::vector<std::pair<std::string, CqlType>>;

CqlType any_type(InputReader& reader) {
  return static_cast<CqlType>(reader.byte() % (static_cast<unsigned>(CqlType::kOther) + 1));
}

Column any_column(InputReader& reader) {
  return static_cast<Column>(reader.byte() % kColumnCount);
}

void require_same_row(const TrackingBatch& a, size_t row_a, const TrackingBatch& b, size_t row_b) {
  FUZZ_REQUIRE(a.id(row_a) == b.id(row_b));
  for (size_t i = 0; i < kColumnCount; ++i) {
    const auto column = static_cast<Column>(i);
    FUZZ_REQUIRE(a.status(column, row_a) == b.status(column, row_b));
    if (a.status(column, row_a) != CellStatus::kValue || column == Column::kCreateTime) continue;
    if (column >= Column::kCustomTrack) {
      FUZZ_REQUIRE(a.text(column, row_a) == b.text(column, row_b));
    } else {
      FUZZ_REQUIRE(a.integer(column, row_a) == b.integer(column, row_b));
    }
  }
  const auto bad_a = a.bad_cells(row_a);
  const auto bad_b = b.bad_cells(row_b);
  FUZZ_REQUIRE(bad_a.size() == bad_b.size());
  for (size_t i = 0; i < bad_a.size(); ++i) {
    FUZZ_REQUIRE(bad_a[i].column == bad_b[i].column && bad_a[i].text == bad_b[i].text &&
                 bad_a[i].reason == bad_b[i].reason);
  }
}

// Where row after row ends by the lengths alone; nothing when the lengths do not fit the page.
std::optional<std::vector<size_t>> row_ends(Bytes page, size_t rows, size_t columns) {
  std::vector<size_t> ends;
  size_t at = 0;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      if (page.size() - at < 4) return std::nullopt;
      uint32_t length = 0;
      for (size_t i = 0; i < 4; ++i) length = length << 8 | page[at + i];
      at += 4;
      if (length > INT32_MAX) continue;  // null
      if (length > page.size() - at) return std::nullopt;
      at += length;
    }
    ends.push_back(at);
  }
  return at == page.size() ? std::optional(ends) : std::nullopt;
}

void check_raw_page(InputReader& reader) {
  Columns columns;
  for (size_t count = reader.byte() % 12; count > 0; --count) {
    const Column column = any_column(reader);
    columns.emplace_back(column_name(column), any_type(reader));
  }
  const size_t rows = reader.byte() % 32;
  const Bytes page = reader.rest();
  const auto decoder = RawPageDecoder::make("logs.tracking", columns);
  if (!decoder) {
    FUZZ_REQUIRE(decoder.error().kind == ErrorKind::kConfig);
    return;
  }
  TrackingBatch batch;
  const auto result = decoder->decode(page, rows, batch);
  FUZZ_REQUIRE(batch.rows() <= rows);
  const auto ends = row_ends(page, rows, columns.size());
  if (!result) {
    FUZZ_REQUIRE(result.error().kind == ErrorKind::kTransient);
    return;
  }
  FUZZ_REQUIRE(batch.rows() == rows);
  if (page.empty()) {
    for (const Column column : kAllColumns) {
      for (size_t row = 0; row < rows; ++row) {
        FUZZ_REQUIRE(batch.status(column, row) == CellStatus::kNull);
      }
    }
    return;
  }
  FUZZ_REQUIRE(ends.has_value());
  // Row by row the same comes out.
  size_t begin = 0;
  for (size_t row = 0; row < rows; ++row) {
    TrackingBatch one;
    FUZZ_REQUIRE(decoder->decode(page.subspan(begin, (*ends)[row] - begin), 1, one).has_value());
    require_same_row(batch, row, one, 0);
    begin = (*ends)[row];
  }
}

void set_from_text(TrackingBatch& batch, Column column, std::string_view text) {
  switch (column) {
    case Column::kCreateTime:
      return batch.set_id_text(text);
    case Column::kTs:
      return batch.set_ts_text(text);
    case Column::kBid:
      return batch.set_bid_text(text);
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      return batch.set_text(column, text);
    default:
      return batch.set_integer_text(column, text);
  }
}

// What the writer makes of a text, the decoder reads as the text itself would be read; only binary
// numbers are rounded, and milliseconds.
void check_written_cell(InputReader& reader) {
  const Column column = any_column(reader);
  const CqlType type = any_type(reader);
  const std::string text(as_text(reader.take(100)));
  if (!check_tracking_type("logs.tracking", column, cql_type_name(type))) return;
  const auto decoder =
      RawPageDecoder::make("logs.tracking", Columns{{std::string(column_name(column)), type}});
  FUZZ_REQUIRE(decoder.has_value());
  TimeZone zone;
  std::string cell;
  if (append_from_text(type, text, zone, cell)) {
    FUZZ_REQUIRE(cell.empty());
    return;
  }
  std::string page;
  append_int32(static_cast<int32_t>(cell.size()), page);
  page += cell;
  TrackingBatch batch;
  FUZZ_REQUIRE(
      decoder->decode({reinterpret_cast<const uint8_t*>(page.data()), page.size()}, 1, batch));
  if (text.empty()) return;
  TrackingBatch expected;
  expected.add_row();
  set_from_text(expected, column, text);
  if (type == CqlType::kTimestamp) {
    const int64_t lost_us = expected.ts_us(0) - batch.ts_us(0);
    FUZZ_REQUIRE(lost_us >= 0 && lost_us < 1000);
  } else if (type == CqlType::kFloat || type == CqlType::kDouble) {
    return;
  } else if (!is_text(type) && column >= Column::kCustomTrack) {
    FUZZ_REQUIRE(batch.text(column, 0) == std::to_string(*parse_integer(text)));
  } else if (batch.status(column, 0) == CellStatus::kBad) {
    FUZZ_REQUIRE(expected.status(column, 0) == CellStatus::kBad);
    FUZZ_REQUIRE(batch.bad_cells()[0].reason == expected.bad_cells()[0].reason);
  } else {
    require_same_row(batch, 0, expected, 0);
  }
}

}  // namespace

void fuzz_cql_page(Bytes input) {
  InputReader reader(input);
  if (reader.byte() % 2 == 0) {
    check_raw_page(reader);
  } else {
    check_written_cell(reader);
  }
}

}  // namespace hirestream
