#include "adapters/files/files_source.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "adapters/files/deduplicator.h"

namespace hirestream {
namespace {

constexpr size_t kBatchRows = 8192;
constexpr size_t kBatchBytes = 16 << 20;
constexpr size_t kRowExcerptBytes = 200;

// In the order of model's Column, so that a value's place tells its column.
std::vector<WantedColumn> all_columns() {
  std::vector<WantedColumn> wanted;
  for (size_t index = 0; index < kColumnCount; ++index) {
    const auto column = static_cast<Column>(index);
    wanted.push_back({column_name(column), column == Column::kCreateTime || column == Column::kTs});
  }
  return wanted;
}

}  // namespace

int64_t bucket_of_path(const std::string& absolute_path) {
  return static_cast<int64_t>(XXH3_64bits(absolute_path.data(), absolute_path.size()) & INT64_MAX);
}

Result<std::vector<std::string_view>> inspect_file(FileFormat format, const std::string& path) {
  const std::vector<WantedColumn> wanted = all_columns();
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(format, path, wanted));
  if (format == FileFormat::kCsv) return reader->absent_columns();
  Record record;
  HIRESTREAM_ASSIGN(const bool some, reader->next(record));
  if (!some) return std::vector<std::string_view>();
  std::string fault = record.malformed;
  for (size_t index = 0; index < wanted.size() && fault.empty(); ++index) {
    if (wanted[index].required && !record.values[index]) {
      fault = fmt::format("it has no {}", wanted[index].name);
    }
  }
  if (fault.empty()) return std::vector<std::string_view>();
  return fail(ErrorKind::kRejected, "read first row", path, std::move(fault),
              "rows of a raw log are JSON objects with create_time and ts, one a line");
}

Result<std::unique_ptr<FilesSource>> FilesSource::open(const FilesSourceOptions& options) {
  HIRESTREAM_ASSIGN(FileSet files, FileSet::open(options.format, options.path));
  return std::unique_ptr<FilesSource>(new FilesSource(options, std::move(files)));
}

FilesSource::FilesSource(const FilesSourceOptions& options, FileSet files)
    : format_(options.format),
      files_(std::move(files)),
      source_zone_(options.source_zone),
      on_absent_columns_(options.on_absent_columns),
      ids_max_(options.ids_max),
      stop_(options.stop) {
  description_.strategy = Strategy::kFiles;
  description_.kind = format_ == FileFormat::kCsv ? "csv" : "ndjson";
  description_.identity = files_.path();
  description_.shard_count = 1;
  description_.bucket_width = BucketWidth();
  description_.replicas = false;
  description_.unique_rows = true;
  description_.range_reads = false;
}

Result<std::unique_ptr<Discovery>> FilesSource::begin_discovery(
    std::span<const int32_t> /*shards*/) {
  HIRESTREAM_ASSIGN(std::vector<FileVersion> versions, files_.list());
  std::map<int64_t, SliceListing> listings;
  paths_.clear();
  for (FileVersion& version : versions) {
    const int64_t bucket = bucket_of_path(version.path);
    const auto [known, added] = paths_.emplace(bucket, version.path);
    if (!added) {
      return fail(ErrorKind::kConfig, "list files", version.path,
                  fmt::format("its path has the same hash as {}", known->second),
                  "rename one of the two files");
    }
    listings[bucket] = SliceListing{{0, bucket}, std::move(version.path), std::move(version.tag)};
  }
  std::vector<SliceListing> sorted;
  for (auto& [bucket, listing] : listings) sorted.push_back(std::move(listing));
  return discovery_of(std::move(sorted));
}

Result<int64_t> FilesSource::newest_bucket(int64_t /*now_us*/) {
  return 0;
}

Result<std::string> FilesSource::path_of(const SliceKey& slice) {
  if (!paths_.contains(slice.bucket)) {
    HIRESTREAM_TRY(discover({}));
  }
  const auto found = paths_.find(slice.bucket);
  if (found == paths_.end()) {
    return fail(ErrorKind::kRejected, "read slice", files_.path(),
                fmt::format("slice {} belongs to no file that is there now", slice.bucket),
                "the file was removed or renamed");
  }
  return found->second;
}

class FilesSource::FileSweep : public Sweep {
 public:
  FileSweep(FilesSource& source, std::vector<SliceRead> reads)
      : source_(source), reads_(std::move(reads)), rows_(source.source_zone_) {}

  Result<std::optional<SweepPage>> next() override {
    while (done_ < reads_.size()) {
      if (!file_) HIRESTREAM_TRY(begin_file());
      if (auto filled = fill_page(); !filled) return give_up(std::move(filled.error()));
      if (!rows_.empty()) {
        source_.statistics_.rows += static_cast<int64_t>(rows_.rows());
        return std::optional(SweepPage{reads_[done_].slice, rows_});
      }
      HIRESTREAM_TRY(end_file());
    }
    return std::optional<SweepPage>();
  }

 private:
  struct OpenFile {
    FileVersion version;
    Deduplicator duplicates;
    // Null: the duplicates are not known yet.
    std::unique_ptr<RecordReader> reader;
  };

  Result<void> begin_file() {
    HIRESTREAM_ASSIGN(const std::string path, source_.path_of(reads_[done_].slice));
    auto version = current_version(path);
    if (!version) {
      source_.paths_.clear();
      return fail(ErrorKind::kTransient, "read file", path, "it vanished after it was listed");
    }
    file_.emplace(OpenFile{std::move(*version),
                           Deduplicator(source_.format_, path, source_.ids_max_, source_.stop_),
                           nullptr});
    return {};
  }

  // Nothing in rows_: the file is at its end.
  Result<void> fill_page() {
    rows_.clear();
    if (!file_->reader) HIRESTREAM_TRY(open_reader());
    size_t bytes = 0;
    for (Record record; rows_.rows() < kBatchRows && bytes < kBatchBytes;) {
      HIRESTREAM_ASSIGN(const bool some, file_->reader->next(record));
      if (!some) break;
      if (!file_->duplicates.take(record)) continue;
      bytes += record.bytes.size();
      rows_.add_row();
      if (has_create_time(record)) {
        add_values(record.values);
      } else {
        add_malformed(record);
      }
    }
    return {};
  }

  Result<void> open_reader() {
    HIRESTREAM_TRY(file_->duplicates.learn(source_.statistics_));
    const std::vector<WantedColumn> wanted = all_columns();
    const std::string& path = file_->version.path;
    HIRESTREAM_ASSIGN(file_->reader,
                      open_record_reader(source_.format_, path, wanted, source_.stop_));
    const std::vector<std::string_view> absent = file_->reader->absent_columns();
    if (source_.on_absent_columns_ && !absent.empty()) source_.on_absent_columns_(path, absent);
    return {};
  }

  Result<void> end_file() {
    HIRESTREAM_TRY(check_unchanged());
    source_.statistics_.bytes += file_->reader->file_bytes();
    ++source_.statistics_.requests;
    file_.reset();
    ++done_;
    return {};
  }

  Result<void> check_unchanged() const {
    const auto now = current_version(file_->version.path);
    if (now && now->tag == file_->version.tag) return {};
    return fail(ErrorKind::kTransient, "read file", file_->version.path, "changed while being read",
                "write files under another name and rename them when they are complete");
  }

  // Of an error in the middle of a file. Whoever goes on nevertheless begins the file again.
  tl::unexpected<Error> give_up(Error error) {
    if (auto unchanged = check_unchanged(); !unchanged) {
      // What is wrong with a file that is being written need not be wrong with the whole one.
      error = std::move(unchanged.error());
    } else if (error.kind == ErrorKind::kConfig && file_->version.path != source_.files_.path()) {
      // One file of a directory that is not what it should be does not keep the others from being
      // counted.
      error.kind = ErrorKind::kRejected;
      error.may_pass = false;
    }
    file_.reset();
    return tl::unexpected<Error>(std::move(error));
  }

  void add_values(std::span<const std::optional<std::string_view>> values) {
    rows_.set_texts([&](Column column) {
      return values[static_cast<size_t>(column)].value_or(std::string_view());
    });
  }

  void add_malformed(const Record& record) {
    const bool malformed = !record.malformed.empty();
    rows_.set_id(malformed_row_id(record));
    rows_.set_position(Position{0});
    rows_.set_bad(
        Column::kCreateTime,
        fmt::format("{}:{}: {}: {}", excerpt(file_->version.path, kRowExcerptBytes), record.line,
                    malformed ? std::string_view(record.malformed) : "no create_time",
                    excerpt(record.bytes, kRowExcerptBytes)),
        malformed ? "row_malformed" : "create_time_missing");
  }

  FilesSource& source_;
  std::vector<SliceRead> reads_;
  size_t done_ = 0;
  std::optional<OpenFile> file_;  // of reads_[done_]
  TrackingBatch rows_;
};

Result<std::unique_ptr<Sweep>> FilesSource::sweep(SweepRequest request) {
  auto* reads = std::get_if<std::vector<SliceRead>>(&request.what);
  HIRESTREAM_CHECK(reads != nullptr);
  return std::make_unique<FileSweep>(*this, std::move(*reads));
}

}  // namespace hirestream
