// Input: rows separated by 0x1E, their values by 0x1F. The same rows written as CSV and as NDJSON
// give the same batch, that of the values themselves, but for what rows without a readable id are
// known by.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/files/file_writers.h"
#include "adapters/files/files_source.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/record_check.h"
#include "fuzz/scratch_folder.h"
#include "ports/drain_sweep_test.h"

namespace hirestream {
namespace {

constexpr size_t kRowsMax = 8;

constexpr std::array<std::pair<RawColumn, Column>, kColumnCount> kColumns = {{
    {RawColumn::kCreateTime, Column::kCreateTime},
    {RawColumn::kTs, Column::kTs},
    {RawColumn::kJobId, Column::kJobId},
    {RawColumn::kPublisherId, Column::kPublisherId},
    {RawColumn::kCampaignId, Column::kCampaignId},
    {RawColumn::kGroupId, Column::kGroupId},
    {RawColumn::kBid, Column::kBid},
    {RawColumn::kCustomTrack, Column::kCustomTrack},
    {RawColumn::kEv, Column::kEv},
    {RawColumn::kEd, Column::kEd},
}};

std::vector<RawEvent> events_of(Bytes input) {
  std::vector<RawEvent> events;
  InputReader rows(input);
  while (!rows.empty() && events.size() < kRowsMax) {
    const std::string_view row = rows.text_until('\x1E');
    InputReader values({reinterpret_cast<const uint8_t*>(row.data()), row.size()});
    RawEvent& event = events.emplace_back();
    for (const auto& [raw, column] : kColumns) {
      const std::string_view value = values.text_until('\x1F');
      if (!value.empty()) event[raw] = value;
    }
  }
  return events;
}

struct Row {
  RowId id;
  std::vector<std::string> cells;
  friend bool operator==(const Row&, const Row&) = default;
};

std::string cell_of(const TrackingBatch& batch, Column column, size_t row) {
  switch (batch.status(column, row)) {
    case CellStatus::kNull:
      return "null";
    case CellStatus::kBad:
      return "bad";
    case CellStatus::kValue:
      break;
  }
  if (column == Column::kCreateTime) return std::to_string(batch.position(row).value);
  return column >= Column::kCustomTrack ? "text " + std::string(batch.text(column, row))
                                        : std::to_string(batch.integer(column, row));
}

void add_rows(const TrackingBatch& batch, std::vector<Row>& rows) {
  for (size_t row = 0; row < batch.rows(); ++row) {
    Row& copy = rows.emplace_back();
    const bool has_id = batch.status(Column::kCreateTime, row) == CellStatus::kValue;
    copy.id = has_id ? batch.id(row) : RowId();
    for (const auto& [raw, column] : kColumns) copy.cells.push_back(cell_of(batch, column, row));
    for (const auto& bad : batch.bad_cells(row)) copy.cells.push_back(bad.reason + bad.text);
  }
}

// As FilesSource documents it, without files.
std::vector<Row> expected_rows(const std::vector<RawEvent>& events) {
  TrackingBatch batch;
  for (const RawEvent& event : events) {
    batch.add_row();
    batch.set_id_text(*event[RawColumn::kCreateTime]);
    for (const auto& [raw, column] : kColumns) {
      const std::string_view text = event[raw] ? std::string_view(*event[raw]) : std::string_view();
      if (column == Column::kTs) {
        batch.set_ts_text(text);
      } else if (column == Column::kBid) {
        batch.set_bid_text(text);
      } else if (column >= Column::kCustomTrack) {
        batch.set_text(column, text);
      } else if (column != Column::kCreateTime) {
        batch.set_integer_text(column, text);
      }
    }
  }
  std::vector<Row> rows;
  add_rows(batch, rows);
  return rows;
}

// Which of several rows of one id counts depends on the rows' bytes, and so on the format; a row
// without create_time is told by its bytes, too.
std::vector<RawEvent> comparable(const std::vector<RawEvent>& events) {
  std::vector<RawEvent> kept;
  std::set<RowId> ids;
  for (const RawEvent& event : events) {
    if (!event[RawColumn::kCreateTime]) continue;
    TrackingBatch batch;
    batch.add_row();
    batch.set_id_text(*event[RawColumn::kCreateTime]);
    const CellStatus status = batch.status(Column::kCreateTime, 0);
    if (status == CellStatus::kNull) continue;
    if (status == CellStatus::kBad || ids.insert(batch.id(0)).second) kept.push_back(event);
  }
  return kept;
}

void check_work(FileFormat format, const std::string& path) {
  constexpr std::array<WantedColumn, 1> kWantedHere = {{{"create_time", false}}};
  auto reader = open_record_reader(format, path, kWantedHere);
  FUZZ_REQUIRE(reader.has_value());
  for (Record record;;) {
    const auto some = (*reader)->next(record);
    FUZZ_REQUIRE(some.has_value());
    if (!*some) break;
  }
  check_work(**reader, static_cast<size_t>((*reader)->file_bytes()));
}

template <typename Writer>
bool write(const std::string& path, const std::vector<RawEvent>& events) {
  auto writer = Writer::create(path);
  FUZZ_REQUIRE(writer.has_value());
  if (const auto written = (*writer)->write(events); !written) {
    FUZZ_REQUIRE(written.error().kind == ErrorKind::kRejected);  // no UTF-8
    return false;
  }
  FUZZ_REQUIRE((*writer)->finish().has_value());
  return true;
}

std::vector<Row> read(FileFormat format, const std::string& path) {
  check_work(format, path);
  auto source = FilesSource::open({format, path, {}});
  FUZZ_REQUIRE(source.has_value());
  const auto slices = (*source)->discover({});
  FUZZ_REQUIRE(slices.has_value() && slices->size() == 1);
  std::vector<Row> rows;
  const auto swept =
      drain_sweep(**source, {.what = std::vector<SliceRead>{{slices->front().key, {}}}},
                  [&](const SweepPage& page) { add_rows(page.rows, rows); });
  FUZZ_REQUIRE(swept.has_value());
  return rows;
}

}  // namespace

void fuzz_rows(Bytes input) {
  static const ScratchFolder kFolder;
  const std::vector<RawEvent> events = comparable(events_of(input));
  const std::string csv = kFolder.path("rows.csv");
  const std::string ndjson = kFolder.path("rows.ndjson");
  const bool written = write<CsvWriter>(csv, events);
  FUZZ_REQUIRE(write<NdjsonWriter>(ndjson, events) == written);
  if (!written) return;
  const std::vector<Row> expected = expected_rows(events);
  FUZZ_REQUIRE(read(FileFormat::kCsv, csv) == expected);
  FUZZ_REQUIRE(read(FileFormat::kNdjson, ndjson) == expected);
}

}  // namespace hirestream
