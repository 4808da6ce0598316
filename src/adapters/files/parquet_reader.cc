#include "adapters/files/parquet_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "adapters/files/byte_stream.h"
#include "adapters/files/file_failure.h"
#include "adapters/files/parquet_bridge/bridge.h"
#include "model/text.h"

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

  hs_parquet_file* handle;
  hs_parquet_batch batch = {};
  size_t next_row = 0;  // of the batch
};

Result<std::unique_ptr<RecordReader>> ParquetReader::open(const std::string& path,
                                                          std::span<const WantedColumn> wanted) {
  HIRESTREAM_ASSIGN(const int descriptor, open_regular_file(path));
  hs_parquet_file* handle = nullptr;
  hs_parquet_error error = {};
  if (hs_parquet_open(descriptor, &handle, &error) != HS_PARQUET_OK) {
    return failure_of(error, path);
  }
  std::unique_ptr<ParquetReader> reader(new ParquetReader(std::make_unique<File>(handle), path));
  HIRESTREAM_TRY(reader->select_columns(wanted));
  return std::unique_ptr<RecordReader>(std::move(reader));
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
  hs_parquet_select(file_->handle, columns.data(), static_cast<uint32_t>(columns.size()));
  return {};
}

Result<bool> ParquetReader::read_batch() {
  hs_parquet_error error = {};
  if (hs_parquet_next(file_->handle, &file_->batch, &error) != HS_PARQUET_OK) {
    file_->batch = {};
    return failure_of(error, path_);
  }
  file_->next_row = 0;
  return file_->batch.rows > 0;
}

Result<bool> ParquetReader::next(Record& record) {
  if (file_->next_row == file_->batch.rows) {
    HIRESTREAM_ASSIGN(const bool some, read_batch());
    if (!some) return false;
  }
  const size_t row = file_->next_row++;
  bytes_.clear();
  const std::span columns(file_->batch.columns, wanted_of_selected_.size());
  for (size_t place = 0; place < columns.size(); ++place) {
    const hs_parquet_value& value = std::span(columns[place], file_->batch.rows)[row];
    const std::string_view text(value.data, value.size > 0 ? static_cast<size_t>(value.size) : 0);
    auto& shown = values_[wanted_of_selected_[place]];
    shown = text.empty() ? std::nullopt : std::optional(text);
    if (place > 0) bytes_ += ',';
    append_field(text);
  }
  bytes_examined_ += bytes_.size();
  record.line = ++row_;
  record.malformed = bytes_.size() > kRecordBytesMax ? "longer than 16 MiB" : "";
  record.bytes = std::string_view(bytes_).substr(0, kRecordBytesMax);
  record.values = values_;
  return true;
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

}  // namespace hirestream
