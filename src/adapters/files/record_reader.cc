#include "adapters/files/record_reader.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "adapters/files/csv_reader.h"
#include "adapters/files/ndjson_reader.h"
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
    if (++records_ % kRecordsBetween == 0 && stop_.stop_requested()) {
      return fail(ErrorKind::kTransient, "stop", path_, "ended before the file was read whole");
    }
    return reader_->next(record);
  }
  int64_t file_bytes() const override { return reader_->file_bytes(); }
  size_t bytes_examined() const override { return reader_->bytes_examined(); }
  std::vector<std::string> found_columns() const override { return reader_->found_columns(); }

 private:
  std::string path_;
  std::unique_ptr<RecordReader> reader_;
  std::stop_token stop_;
  int64_t records_ = 0;
};

Result<std::unique_ptr<RecordReader>> open_reader(FileFormat format, const std::string& path,
                                                  std::span<const WantedColumn> wanted) {
  HIRESTREAM_ASSIGN(auto stream, open_byte_stream(path));
  if (format == FileFormat::kNdjson) {
    return std::unique_ptr<RecordReader>(std::make_unique<NdjsonReader>(std::move(stream), wanted));
  }
  HIRESTREAM_ASSIGN(auto reader, CsvReader::open(std::move(stream), path, wanted));
  return std::unique_ptr<RecordReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_record_reader(FileFormat format, const std::string& path,
                                                         std::span<const WantedColumn> wanted,
                                                         std::stop_token stop) {
  HIRESTREAM_ASSIGN(auto reader, open_reader(format, path, wanted));
  if (!stop.stop_possible()) {
    return reader;
  }
  return std::unique_ptr<RecordReader>(
      std::make_unique<StoppableReader>(path, std::move(reader), std::move(stop)));
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

}  // namespace hirestream
