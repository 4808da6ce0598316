#include "adapters/files/record_reader.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "adapters/files/csv_reader.h"
#include "adapters/files/csv_sample.h"
#include "adapters/files/ndjson_reader.h"
#include "adapters/files/parquet_reader.h"
#include "model/text.h"

namespace hirestream {
namespace {

// Asks for a stop now and then.
class StoppableReader : public RecordReader {
 public:
  StoppableReader(std::string path, std::unique_ptr<RecordReader> reader, std::stop_token stop)
      : path_(std::move(path)), reader_(std::move(reader)), stop_(std::move(stop)) {}

  Result<bool> next(Record& record) override {
    constexpr int64_t kRecordsBetween = 1024;
    if (++records_ % kRecordsBetween == 0) HIRESTREAM_TRY(check_stop(stop_, path_));
    return reader_->next(record);
  }
  int64_t file_bytes() const override { return reader_->file_bytes(); }
  size_t bytes_examined() const override { return reader_->bytes_examined(); }
  std::vector<std::string> found_columns() const override { return reader_->found_columns(); }
  std::string dialect() const override { return reader_->dialect(); }
  std::vector<std::string> notes() const override { return reader_->notes(); }

 private:
  std::string path_;
  std::unique_ptr<RecordReader> reader_;
  std::stop_token stop_;
  int64_t records_ = 0;
};

// Says of its encoding, too.
class EncodedReader : public RecordReader {
 public:
  EncodedReader(std::unique_ptr<RecordReader> reader, std::string_view encoding)
      : reader_(std::move(reader)), encoding_(encoding) {}

  Result<bool> next(Record& record) override { return reader_->next(record); }
  int64_t file_bytes() const override { return reader_->file_bytes(); }
  size_t bytes_examined() const override { return reader_->bytes_examined(); }
  std::vector<std::string> found_columns() const override { return reader_->found_columns(); }
  std::string dialect() const override {
    const std::string own = reader_->dialect();
    return own.empty() ? encoding_ : fmt::format("{}, {}", encoding_, own);
  }
  std::vector<std::string> notes() const override { return reader_->notes(); }

 private:
  std::unique_ptr<RecordReader> reader_;
  std::string encoding_;
};

Result<std::unique_ptr<RecordReader>> open_reader(FileFormat format, const std::string& path,
                                                  std::span<const WantedColumn> wanted,
                                                  const CsvWriting& csv) {
  if (format == FileFormat::kParquet) {
    HIRESTREAM_ASSIGN(auto reader, ParquetReader::open(path, wanted));
    return std::unique_ptr<RecordReader>(std::move(reader));
  }
  CsvDialect dialect;
  if (const auto* settings = std::get_if<CsvSettings>(&csv); settings == nullptr) {
    dialect = std::get<CsvDialect>(csv);
  } else if (format == FileFormat::kCsv) {
    HIRESTREAM_ASSIGN(dialect, find_dialect(path, wanted, *settings));
  }
  HIRESTREAM_ASSIGN(auto stream, open_byte_stream(path));
  const std::string_view encoding = stream->encoding();
  std::unique_ptr<RecordReader> reader;
  if (format == FileFormat::kNdjson) {
    reader = std::make_unique<NdjsonReader>(std::move(stream), wanted, path);
  } else {
    HIRESTREAM_ASSIGN(reader, CsvReader::open(std::move(stream), path, wanted, std::move(dialect)));
  }
  if (encoding.empty()) return reader;
  return std::unique_ptr<RecordReader>(
      std::make_unique<EncodedReader>(std::move(reader), encoding));
}

}  // namespace

std::string_view format_name(FileFormat format) {
  switch (format) {
    case FileFormat::kCsv:
      return "csv";
    case FileFormat::kNdjson:
      return "ndjson";
    case FileFormat::kParquet:
      return "parquet";
  }
  HIRESTREAM_CHECK(false);
}

Result<CsvDialect> find_dialect(const std::string& path, std::span<const WantedColumn> wanted,
                                const CsvSettings& settings) {
  HIRESTREAM_ASSIGN(auto stream, open_byte_stream(path));
  std::string sample(kCsvSampleBytes, '\0');
  size_t size = 0;
  while (size < sample.size()) {
    HIRESTREAM_ASSIGN(const size_t count, stream->read(std::span(sample).subspan(size)));
    if (count == 0) break;
    size += count;
  }
  return find_csv_dialect(std::string_view(sample).substr(0, size), wanted, settings);
}

Result<std::unique_ptr<RecordReader>> open_record_reader(FileFormat format, const std::string& path,
                                                         std::span<const WantedColumn> wanted,
                                                         std::stop_token stop,
                                                         const CsvWriting& csv) {
  HIRESTREAM_ASSIGN(auto reader, open_reader(format, path, wanted, csv));
  if (!stop.stop_possible()) {
    return reader;
  }
  return std::unique_ptr<RecordReader>(
      std::make_unique<StoppableReader>(path, std::move(reader), std::move(stop)));
}

Result<void> check_stop(const std::stop_token& stop, const std::string& path) {
  if (!stop.stop_requested()) return {};
  return fail(ErrorKind::kTransient, "stop", path, "ended before the file was read whole");
}

std::vector<size_t> places_of(std::string_view name, std::span<const std::string> found) {
  const auto choose = [&](const auto& matches) {
    std::vector<size_t> places;
    for (size_t place = 0; place < found.size(); ++place) {
      if (matches(found[place])) places.push_back(place);
    }
    return places;
  };
  std::vector<size_t> places = choose([&](std::string_view text) { return text == name; });
  if (places.empty()) {
    places = choose([&](std::string_view text) { return equal_without_case(text, name); });
  }
  return places;
}

RowId malformed_row_id(const Record& record) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(record.bytes.data(), record.bytes.size(),
                                                   static_cast<uint64_t>(record.line));
  constexpr uint64_t kVersionMask = 0xF000;
  return RowId{hash.high64 & ~kVersionMask, hash.low64};
}

std::string excerpt(std::string_view bytes, size_t bytes_max) {
  std::string text;
  while (!bytes.empty()) {
    const size_t length = utf8_character_size(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    const bool shown = length > 1 || (length == 1 && first >= 0x20 && first != 0x7F);
    const std::string piece =
        shown ? std::string(bytes.substr(0, length)) : fmt::format("\\x{:02x}", first);
    if (text.size() + piece.size() > bytes_max) break;
    text += piece;
    bytes.remove_prefix(shown ? length : 1);
  }
  return text;
}

std::string excerpt_of_end(std::string_view bytes, size_t bytes_max) {
  std::string text = excerpt(bytes, SIZE_MAX);
  if (text.size() <= bytes_max) return text;
  size_t begin = text.size() - bytes_max;
  while (begin < text.size() && utf8_character_size(std::string_view(text).substr(begin)) == 0) {
    ++begin;
  }
  return "…" + text.substr(begin);
}

}  // namespace hirestream
