#include "adapters/files/raw_event_reader.h"

#include <utility>

namespace hirestream {
namespace {

constexpr size_t kExcerptBytes = 200;
constexpr size_t kEventBytesMax = 64 << 20;

std::vector<WantedColumn> raw_columns() {
  std::vector<WantedColumn> wanted;
  for (const std::string_view name : kRawColumnNames) {
    wanted.push_back({name, name == "create_time" || name == "ts"});
  }
  return wanted;
}

}  // namespace

RawEventReader::RawEventReader(FileFormat format, std::vector<FileVersion> files,
                               OnMalformed on_malformed)
    : format_(format), files_(std::move(files)), on_malformed_(std::move(on_malformed)) {
  for (const FileVersion& file : files_) bytes_total_ += file.size;
}

Result<RawEventReader> RawEventReader::open(FileFormat format, const std::string& path,
                                            OnMalformed on_malformed) {
  HIRESTREAM_ASSIGN(const FileSet set, FileSet::open(format, path));
  HIRESTREAM_ASSIGN(std::vector<FileVersion> files, set.list());
  if (files.empty()) {
    return fail(ErrorKind::kConfig, "open files", set.path(), "no file matches",
                "name a file, or a directory with .csv, .ndjson or .jsonl files (.gz, .zst)");
  }
  return RawEventReader(format, std::move(files), std::move(on_malformed));
}

Result<bool> RawEventReader::open_next_file() {
  if (opened_ == files_.size()) return false;
  const std::vector<WantedColumn> wanted = raw_columns();
  HIRESTREAM_ASSIGN(reader_, open_record_reader(format_, files_[opened_].path, wanted));
  ++opened_;
  return true;
}

Result<void> RawEventReader::next(std::vector<RawEvent>& events, size_t rows_max) {
  events.clear();
  size_t bytes = 0;
  Record record;
  while (events.size() < rows_max && bytes < kEventBytesMax) {
    if (!reader_) {
      HIRESTREAM_ASSIGN(const bool opened, open_next_file());
      if (!opened) return {};
    }
    HIRESTREAM_ASSIGN(const bool some, reader_->next(record));
    if (!some) {
      bytes_before_ += reader_->file_bytes();
      reader_.reset();
      continue;
    }
    bytes += record.bytes.size();
    add(record, events);
  }
  return {};
}

void RawEventReader::add(const Record& record, std::vector<RawEvent>& events) {
  constexpr auto kId = static_cast<size_t>(RawColumn::kCreateTime);
  if (!record.malformed.empty() || !record.values[kId]) {
    on_malformed_({files_[opened_ - 1].path, record.line,
                   record.malformed.empty() ? "no create_time" : record.malformed,
                   excerpt(record.bytes, kExcerptBytes)});
    return;
  }
  RawEvent& event = events.emplace_back();
  for (size_t index = 0; index < event.values.size(); ++index) {
    if (record.values[index]) event.values[index].emplace(*record.values[index]);
  }
}

int64_t RawEventReader::bytes_read() const {
  return bytes_before_ + (reader_ ? reader_->file_bytes() : 0);
}

}  // namespace hirestream
