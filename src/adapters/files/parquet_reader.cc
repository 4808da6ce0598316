#include "adapters/files/parquet_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "adapters/files/byte_stream.h"
#include "adapters/files/file_failure.h"
#include "adapters/files/parquet_bridge/bridge.h"
#include "model/decimal.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

tl::unexpected<Error> failure_of(hs_parquet_error& error, const std::string& path) {
  const std::string message = error.message == nullptr ? "" : error.message;
  const int32_t code = error.code;
  const int32_t os_error = error.os_error;
  hs_parquet_error_clear(&error);
  if (code == HS_PARQUET_E_SYSTEM) return file_failure(os_error, "read file", path);
  if (code == HS_PARQUET_E_UNSUPPORTED) {
    return fail(ErrorKind::kRejected, "read Parquet", path,
                fmt::format("it uses what is not supported: {}", message),
                "write it anew without encryption and with another codec: snappy, zstd, gzip");
  }
  return fail(ErrorKind::kRejected, "read Parquet", path,
              fmt::format("damaged, or no Parquet file: {}", message), "copy or write it anew");
}

constexpr uint64_t kHashOfNull = 0xD6E8FEB86659FD93;

// Each step can be undone, so that rows which differ in one value alone never have one hash.
void mix(uint64_t& hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  hash ^= hash >> 32;
}

std::string_view view_of(const hs_parquet_value& value) {
  return {value.data, value.size > 0 ? static_cast<size_t>(value.size) : 0};
}

std::string_view text_at(const hs_parquet_column& column, size_t row) {
  return view_of(static_cast<const hs_parquet_value*>(column.values)[row]);
}

int64_t integer_at(const hs_parquet_column& column, size_t row) {
  return static_cast<const int64_t*>(column.values)[row];
}

RowId uuid_at(const hs_parquet_column& column, size_t row) {
  constexpr size_t kBytes = 16;
  return row_id_from_bytes(std::span<const uint8_t, kBytes>(
      static_cast<const uint8_t*>(column.values) + row * kBytes, kBytes));
}

}  // namespace

struct ParquetReader::File {
  explicit File(hs_parquet_file* opened) : handle(opened) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { hs_parquet_close(handle); }

  std::vector<std::string> column_names() const {
    std::vector<std::string> names;
    for (uint32_t column = 0; column < hs_parquet_columns(handle); ++column) {
      names.emplace_back(hs_parquet_column_name(handle, column));
    }
    return names;
  }

  // The type of a column that is there and cannot be read; null: there is none of this name.
  const char* unreadable_type(std::string_view name) const {
    for (uint32_t column = 0; column < hs_parquet_unreadable_columns(handle); ++column) {
      if (equal_without_case(name, hs_parquet_unreadable_name(handle, column))) {
        return hs_parquet_unreadable_type(handle, column);
      }
    }
    return nullptr;
  }

  std::span<const hs_parquet_column> columns() const {
    return {batch.columns, batch.rows > 0 ? selected : 0};
  }

  hs_parquet_file* handle;
  size_t selected = 0;
  hs_parquet_batch batch = {};
  size_t next_row = 0;  // of the batch
};

Result<std::unique_ptr<ParquetReader>> ParquetReader::open(const std::string& path,
                                                           std::span<const WantedColumn> wanted) {
  HIRESTREAM_ASSIGN(const int descriptor, open_regular_file(path));
  hs_parquet_file* handle = nullptr;
  hs_parquet_error error = {};
  if (hs_parquet_open(descriptor, &handle, &error) != HS_PARQUET_OK) {
    return failure_of(error, path);
  }
  std::unique_ptr<ParquetReader> reader(new ParquetReader(std::make_unique<File>(handle), path));
  HIRESTREAM_TRY(reader->select_columns(wanted));
  return reader;
}

ParquetReader::ParquetReader(std::unique_ptr<File> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}

ParquetReader::~ParquetReader() = default;

int64_t ParquetReader::file_bytes() const {
  return static_cast<int64_t>(hs_parquet_bytes_read(file_->handle));
}

Result<void> ParquetReader::select_columns(std::span<const WantedColumn> wanted) {
  found_ = file_->column_names();
  values_.resize(wanted.size());
  std::vector<std::pair<uint32_t, size_t>> selected;
  std::vector<std::string_view> missing;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const std::vector<size_t> places = places_of(wanted[index].name, found_);
    if (places.size() > 1) {
      return fail(ErrorKind::kConfig, "read schema", path_,
                  fmt::format("column {} stands there {} times", wanted[index].name, places.size()),
                  "rename all but one of them");
    }
    if (places.size() == 1) {
      selected.emplace_back(static_cast<uint32_t>(places.front()), index);
      found_[places.front()] = wanted[index].name;
    } else if (const char* type = file_->unreadable_type(wanted[index].name)) {
      const std::string what = fmt::format("column {} is of a type that is not read ({})",
                                           wanted[index].name, excerpt(type, 100));
      if (wanted[index].must_be_readable) {
        return fail(ErrorKind::kConfig, "read schema", path_, what,
                    "write it as numbers, texts, timestamps or UUIDs");
      }
      notes_.push_back(what + ": as if it were not there");
    } else if (wanted[index].required) {
      missing.push_back(wanted[index].name);
    }
  }
  if (!missing.empty()) {
    return fail(ErrorKind::kConfig, "read schema", path_,
                fmt::format("no column {}; found: {}", fmt::join(missing, ", "),
                            excerpt(fmt::format("{}", fmt::join(found_, ", ")), 500)),
                "flat columns are read; lists, maps and structs are not");
  }
  std::sort(selected.begin(), selected.end());
  std::vector<uint32_t> columns;
  for (const auto& [column, index] : selected) {
    columns.push_back(column);
    wanted_of_selected_.push_back(index);
  }
  file_->selected = columns.size();
  scratch_.resize(columns.size());
  hs_parquet_select(file_->handle, columns.data(), static_cast<uint32_t>(columns.size()));
  return {};
}

Result<bool> ParquetReader::next(Record& record) {
  if (file_->next_row == file_->batch.rows) {
    HIRESTREAM_ASSIGN(const size_t rows, read_batch());
    if (rows == 0) return false;
  }
  HIRESTREAM_TRY(this->record(file_->next_row++, record));
  bytes_examined_ += bytes_.size();
  return true;
}

Result<size_t> ParquetReader::read_batch() {
  rows_before_ += file_->batch.rows;
  file_->next_row = 0;
  hs_parquet_error error = {};
  if (hs_parquet_next(file_->handle, &file_->batch, &error) != HS_PARQUET_OK) {
    file_->batch = {};
    return failure_of(error, path_);
  }
  return file_->batch.rows;
}

Result<size_t> ParquetReader::next_batch() {
  HIRESTREAM_ASSIGN(const size_t rows, read_batch());
  hash_rows();
  return rows;
}

void ParquetReader::hash_rows() {
  hashes_.assign(file_->batch.rows, 0);
  text_bytes_ = 0;
  const std::span<uint64_t> hashes = hashes_;
  for (const hs_parquet_column& column : file_->columns()) {
    if (column.kind == HS_PARQUET_TEXT) {
      for (size_t row = 0; row < hashes.size(); ++row) {
        const std::string_view text = text_at(column, row);
        text_bytes_ += text.size();
        mix(hashes[row], text.empty() ? kHashOfNull : XXH3_64bits(text.data(), text.size()));
      }
    } else if (column.kind == HS_PARQUET_UUID) {
      for (size_t row = 0; row < hashes.size(); ++row) {
        const RowId id = column.valid[row] != 0 ? uuid_at(column, row) : RowId{kHashOfNull, 0};
        mix(hashes[row], id.high);
        mix(hashes[row], id.low);
      }
    } else {
      for (size_t row = 0; row < hashes.size(); ++row) {
        const auto bits = static_cast<uint64_t>(integer_at(column, row));
        mix(hashes[row], column.valid[row] != 0 ? bits : kHashOfNull);
      }
    }
  }
}

// Else no record is too long, even if each quote is doubled.
bool ParquetReader::is_long() const {
  return text_bytes_ > kRecordBytesMax / 4;
}

std::optional<size_t> ParquetReader::place_of_wanted(size_t wanted) const {
  const auto found = std::ranges::find(wanted_of_selected_, wanted);
  if (found == wanted_of_selected_.end()) return std::nullopt;
  return static_cast<size_t>(found - wanted_of_selected_.begin());
}

Result<std::optional<TextId>> ParquetReader::id(size_t row, const ReadingRules& rules) {
  const auto place = place_of_wanted(0);
  if (!place) return std::optional<TextId>();
  const hs_parquet_column& column = file_->columns()[*place];
  if (column.kind == HS_PARQUET_UUID && column.valid[row] != 0) {
    return std::optional(TextId{uuid_at(column, row), true});
  }
  HIRESTREAM_ASSIGN(const std::string_view text, text_of(*place, row));
  return rules.read_id(text);
}

Result<std::string_view> ParquetReader::text_of(size_t place, size_t row) {
  const hs_parquet_column& column = file_->columns()[place];
  hs_parquet_value value = {};
  if (column.kind == HS_PARQUET_TEXT) return text_at(column, row);
  hs_parquet_error error = {};
  if (hs_parquet_text(file_->handle, static_cast<uint32_t>(place), static_cast<uint32_t>(row),
                      &value, &error) != HS_PARQUET_OK) {
    return failure_of(error, path_);
  }
  scratch_[place] = view_of(value);
  return scratch_[place];
}

Result<void> ParquetReader::record(size_t row, Record& record) {
  bytes_.clear();
  for (size_t place = 0; place < wanted_of_selected_.size(); ++place) {
    HIRESTREAM_ASSIGN(const std::string_view text, text_of(place, row));
    auto& shown = values_[wanted_of_selected_[place]];
    shown = text.empty() ? std::nullopt : std::optional(text);
    if (place > 0) bytes_ += ',';
    append_field(text);
  }
  record.line = rows_before_ + static_cast<int64_t>(row) + 1;
  record.malformed = bytes_.size() > kRecordBytesMax ? "longer than 16 MiB" : "";
  record.bytes = std::string_view(bytes_).substr(0, kRecordBytesMax);
  record.values = values_;
  return {};
}

// Without quotes it would not be one field of a CSV file. (find_first_of asks memchr() about each
// byte, which took a twelfth of a whole run.)
bool needs_quotes(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= (c == ',') | (c == '"') | (c == '\r') | (c == '\n');
  return found;
}

void ParquetReader::append_field(std::string_view text) {
  if (!needs_quotes(text)) {
    bytes_ += text;
    return;
  }
  bytes_ += '"';
  for (const char c : text) {
    if (c == '"') bytes_ += '"';
    bytes_ += c;
  }
  bytes_ += '"';
}

// Whether the value is one of its column's own type; else nothing is set.
bool set_number(Column which, const hs_parquet_column& column, size_t row, TrackingBatch& batch) {
  const bool is_integer = column.kind == HS_PARQUET_INTEGER;
  if (which == Column::kTs) {
    std::optional<int64_t> us;
    if (is_integer) us = epoch_us(integer_at(column, row));
    if (column.kind == HS_PARQUET_INSTANT)
      us = exact_us(integer_at(column, row), column.per_second);
    const bool is_utc = is_integer || column.is_utc != 0;
    if (us) is_utc ? batch.set_ts_us(*us) : batch.set_ts_local_us(*us);
    return us.has_value();
  }
  if (which == Column::kBid && (is_integer || column.kind == HS_PARQUET_DOUBLE)) {
    const int64_t bits = integer_at(column, row);
    const BidResult bid =
        is_integer ? bid_from_int(bits) : bid_from_double(std::bit_cast<double>(bits));
    if (!bid.error) batch.set_bid(bid, {});
    return !bid.error;
  }
  const bool is_id = which >= Column::kJobId && which <= Column::kGroupId;
  if (is_id && is_integer) batch.set_integer(which, integer_at(column, row));
  return is_id && is_integer;
}

Result<void> ParquetReader::add_rows(std::span<const RowOfBatch> rows, TrackingBatch& batch) {
  const size_t first = batch.rows();
  batch.add_rows(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    batch.select(first + i);
    batch.set_id_as_read(rows[i].id);
  }
  for (const Column which : kAllColumns) {
    const auto place = place_of_wanted(static_cast<size_t>(which));
    if (!place || which == Column::kCreateTime) continue;
    HIRESTREAM_TRY(set_values(which, *place, rows, first, batch));
  }
  return {};
}

// What is not in its column's own type, or not as it should be, is read from its text.
Result<void> ParquetReader::set_values(Column which, size_t place, std::span<const RowOfBatch> rows,
                                       size_t first, TrackingBatch& batch) {
  const hs_parquet_column& column = file_->columns()[place];
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t row = rows[i].row;
    if (column.kind != HS_PARQUET_TEXT && column.valid[row] == 0) continue;
    batch.select(first + i);
    if (set_number(which, column, row, batch)) continue;
    HIRESTREAM_ASSIGN(const std::string_view text, text_of(place, row));
    if (!text.empty()) batch.set_text_of(which, text);
  }
  return {};
}

}  // namespace hirestream
