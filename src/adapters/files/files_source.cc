#include "adapters/files/files_source.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "adapters/files/deduplicator.h"
#include "adapters/files/file_failure.h"
#include "adapters/files/parquet_reader.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr size_t kBatchRows = 8192;
constexpr size_t kBatchBytes = 16 << 20;
constexpr size_t kRowExcerptBytes = 200;

// In the order of kAllColumns, so that a value's place tells its column; the time of day behind.
std::vector<WantedColumn> wanted_columns(const ReadingRules& rules) {
  std::vector<WantedColumn> wanted;
  for (const Column column : kAllColumns) {
    wanted.push_back({.name = rules.name(column), .must_be_readable = column != Column::kEd});
  }
  if (!rules.time_of_day.empty()) {
    wanted.push_back({.name = rules.time_of_day, .must_be_readable = true});
  }
  return wanted;
}

// Those on which it depends whether a row is malformed, and what its bytes are; create_time first.
std::vector<WantedColumn> columns_of_bytes(FileFormat format, const ReadingRules& rules) {
  std::vector<WantedColumn> wanted = wanted_columns(rules);
  if (format == FileFormat::kCsv) wanted.resize(1);
  return wanted;
}

Columns columns_of(FileFormat format) {
  return format == FileFormat::kNdjson ? Columns::kSeen : Columns::kDeclared;
}

}  // namespace

int64_t bucket_of_path(const std::string& absolute_path) {
  return static_cast<int64_t>(XXH3_64bits(absolute_path.data(), absolute_path.size()) & INT64_MAX);
}

Result<FileInspection> inspect_file(FileFormat format, const std::string& path,
                                    const ReadingRules& rules, const CsvSettings& csv) {
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(format, path, wanted_columns(rules), {}, csv));
  if (format == FileFormat::kNdjson) {
    Record record;
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (some && !record.malformed.empty()) {
      return fail(ErrorKind::kRejected, "read first row", path, record.malformed,
                  "rows of a raw log are JSON objects, one a line");
    }
  }
  FileInspection inspection{reader->found_columns(), reader->dialect()};
  const std::vector<std::string>& found = inspection.columns;
  if (found.empty()) return inspection;
  // Rows of NDJSON may leave out what is null, but that is never their id or time.
  const auto has = [&](Column column) {
    return std::ranges::find(found, rules.name(column)) != found.end();
  };
  const bool known = has(Column::kCreateTime) && (has(Column::kTs) || rules.arrival_is_event_time);
  HIRESTREAM_TRY(
      check_columns(rules, path, found, known ? columns_of(format) : Columns::kDeclared));
  return inspection;
}

Result<std::unique_ptr<FilesSource>> FilesSource::open(const FilesSourceOptions& options) {
  HIRESTREAM_ASSIGN(FileSet files, FileSet::open(options.format, options.path));
  return std::unique_ptr<FilesSource>(new FilesSource(options, std::move(files)));
}

FilesSource::FilesSource(const FilesSourceOptions& options, FileSet files)
    : format_(options.format),
      files_(std::move(files)),
      rules_(options.rules),
      on_columns_(options.on_columns),
      csv_(options.csv),
      on_note_(options.on_note),
      limits_{options.ids_max, options.contested_bytes_max},
      stop_(options.stop) {
  description_.strategy = Strategy::kFiles;
  description_.kind = format_name(format_);
  // As the warehouse gives it back.
  description_.identity = storable_text(files_.path(), SIZE_MAX);
  description_.shard_count = 1;
  description_.bucket_width = BucketWidth();
  description_.replicas = false;
  description_.unique_rows = true;
  description_.range_reads = false;
}

Result<std::unique_ptr<Discovery>> FilesSource::begin_discovery(
    std::span<const int32_t> /*shards*/) {
  HIRESTREAM_ASSIGN(std::vector<FileVersion> versions, files_.list(on_note_));
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
  FileSweep(FilesSource& source, std::vector<SliceRead> reads, bool may_begin_anew)
      : source_(source),
        reads_(std::move(reads)),
        may_begin_anew_(may_begin_anew),
        rows_(source.rules_) {}

  Result<std::optional<SweepPage>> next() override {
    while (done_ < reads_.size()) {
      if (!file_) HIRESTREAM_TRY(begin_file());
      if (auto filled = fill_page(); !filled) return give_up(std::move(filled.error()));
      if (!rows_.empty()) {
        note_delivered(static_cast<int64_t>(rows_.rows()), rows_.null_words());
        return std::optional(
            SweepPage{reads_[done_].slice, rows_, std::exchange(file_->begins_anew, false)});
      }
      if (auto ended = end_file(); !ended) {
        return of_one_file(std::move(ended.error()), file_->version.path);
      }
    }
    return std::optional<SweepPage>();
  }

 private:
  struct OpenFile {
    FileVersion version;
    // Nothing, and a null reader: not known yet.
    std::optional<Deduplicator> duplicates = std::nullopt;
    std::unique_ptr<RecordReader> reader = nullptr;
    // The same one, while rows are taken by columns; how many of its batch are taken one by one.
    ParquetReader* columns = nullptr;
    size_t records_left = 0;
    CsvWriting csv = {};
    bool learned = false;
    // With the next page.
    bool begins_anew = false;
    int64_t rows = 0;
    int64_t null_words = 0;
  };

  Result<void> begin_file() {
    HIRESTREAM_ASSIGN(const std::string path, source_.path_of(reads_[done_].slice));
    auto version = current_version(path);
    if (!version) {
      source_.paths_.clear();
      if (!is_nothing(errno)) {
        return of_one_file(
            file_failure(errno, "open file", path, "let the user who runs hirestream look at it")
                .value(),
            path);
      }
      return fail(ErrorKind::kTransient, "read file", path, "it vanished after it was listed");
    }
    file_.emplace(OpenFile{std::move(*version)});
    return {};
  }

  // Nothing in rows_: the file is at its end.
  Result<void> fill_page() {
    rows_.clear();
    if (!file_->reader) HIRESTREAM_TRY(open_reader());
    bytes_ = 0;
    while (rows_.rows() < kBatchRows && bytes_ < kBatchBytes) {
      const bool by_columns = file_->columns != nullptr && file_->records_left == 0;
      HIRESTREAM_ASSIGN(const bool some, by_columns ? fill_by_columns() : fill_by_record());
      if (!some) break;
    }
    return {};
  }

  // False: the file is at its end, as with fill_by_columns().
  Result<bool> fill_by_record() {
    Record record;
    HIRESTREAM_ASSIGN(const bool some, file_->reader->next(record));
    if (!some) return false;
    if (file_->records_left > 0) --file_->records_left;
    HIRESTREAM_ASSIGN(const bool taken, take(record));
    if (taken) add(record);
    return true;
  }

  void add(const Record& record) {
    bytes_ += record.bytes.size();
    rows_.add_row();
    if (has_create_time(record, source_.rules_)) {
      add_values(record);
    } else {
      add_malformed(record);
    }
  }

  // Before anything is learned.
  Result<bool> fill_by_columns() {
    HIRESTREAM_TRY(check_stop(source_.stop_, file_->version.path));
    ParquetReader& reader = *file_->columns;
    HIRESTREAM_ASSIGN(const size_t rows, reader.next_batch());
    if (rows == 0) return false;
    if (reader.is_long()) {
      file_->records_left = rows;
      return true;
    }
    wanted_.clear();
    for (uint32_t row = 0; row < rows; ++row) {
      HIRESTREAM_ASSIGN(const auto id, reader.id(row, source_.rules_));
      if (!id) {
        Record record;
        HIRESTREAM_TRY(reader.record(row, record));
        add(record);
        continue;
      }
      const auto first = file_->duplicates->take_first(id->id, reader.hash(row));
      if (first == Deduplicator::First::kBeginAnew) {
        HIRESTREAM_TRY(begin_anew());
        return true;
      }
      if (first == Deduplicator::First::kDeliver) wanted_.push_back({row, *id});
    }
    bytes_ += reader.text_bytes();
    HIRESTREAM_TRY(reader.add_rows(wanted_, rows_));
    rows_.sort_bad_cells();
    return true;
  }

  // Whether the row is to be delivered. False, too, when the file begins again.
  Result<bool> take(const Record& record) {
    if (file_->learned) return file_->duplicates->take(record);
    const Deduplicator::First first = file_->duplicates->take_first(record);
    if (first == Deduplicator::First::kBeginAnew) HIRESTREAM_TRY(begin_anew());
    return first == Deduplicator::First::kDeliver;
  }

  Result<void> begin_anew() {
    file_->begins_anew = file_->rows > 0;
    note_delivered(-file_->rows, -file_->null_words);
    rows_.clear();
    note_pass();
    HIRESTREAM_TRY(learn());
    return open_pass();
  }

  void note_delivered(int64_t rows, int64_t null_words) {
    file_->rows += rows;
    file_->null_words += null_words;
    source_.statistics_.rows += rows;
    source_.statistics_.null_words += null_words;
  }

  void note_pass() {
    source_.statistics_.bytes += file_->reader->file_bytes();
    ++source_.statistics_.requests;
  }

  Result<void> open_reader() {
    const std::string& path = file_->version.path;
    // Every pass reads it in one way.
    if (source_.format_ == FileFormat::kCsv) {
      HIRESTREAM_ASSIGN(file_->csv,
                        find_dialect(path, wanted_columns(source_.rules_), source_.csv_));
    }
    file_->duplicates.emplace(source_.format_, path, source_.rules_,
                              columns_of_bytes(source_.format_, source_.rules_), source_.limits_,
                              source_.stop_, file_->csv);
    if (!may_begin_anew_) HIRESTREAM_TRY(learn());
    HIRESTREAM_TRY(open_pass());
    return columns_of(source_.format_) == Columns::kDeclared ? check_columns() : Result<void>();
  }

  Result<void> learn() {
    file_->learned = true;
    return file_->duplicates->learn(source_.statistics_);
  }

  Result<void> open_pass() {
    const std::vector<WantedColumn> wanted = wanted_columns(source_.rules_);
    const ReadingRules& rules = source_.rules_;
    // Ids are read without a look at the words for null.
    const bool by_columns =
        source_.format_ == FileFormat::kParquet && !file_->learned && rules.time_of_day.empty() &&
        std::ranges::none_of(rules.null_words,
                             [](const std::string& word) { return read_uuid_text(word).is_uuid; });
    file_->columns = nullptr;
    file_->records_left = 0;
    if (by_columns) {
      HIRESTREAM_ASSIGN(auto reader, ParquetReader::open(file_->version.path, wanted));
      file_->columns = reader.get();
      file_->reader = std::move(reader);
      return {};
    }
    HIRESTREAM_ASSIGN(file_->reader, open_record_reader(source_.format_, file_->version.path,
                                                        wanted, source_.stop_, file_->csv));
    return {};
  }

  // Of an empty file there are none.
  Result<void> check_columns() const {
    const std::string& path = file_->version.path;
    const std::vector<std::string> found = file_->reader->found_columns();
    if (found.empty()) return {};
    HIRESTREAM_TRY(
        hirestream::check_columns(source_.rules_, path, found, columns_of(source_.format_)));
    if (source_.on_columns_) source_.on_columns_(path, found);
    return {};
  }

  void tell(const std::string& text) const {
    if (source_.on_note_ && !text.empty()) source_.on_note_(file_->version.path, text);
  }

  Result<void> end_file() {
    HIRESTREAM_TRY(check_unchanged(file_->version.path, file_->version));
    if (source_.format_ == FileFormat::kNdjson) HIRESTREAM_TRY(check_columns());
    tell(file_->reader->dialect());
    for (const std::string& note : file_->reader->notes()) tell(note);
    note_pass();
    file_.reset();
    ++done_;
    return {};
  }

  // Of an error in the middle of a file. Whoever goes on nevertheless begins the file again.
  tl::unexpected<Error> give_up(Error error) {
    if (auto unchanged = check_unchanged(file_->version.path, file_->version); !unchanged) {
      // What is wrong with a file that is being written need not be wrong with the whole one.
      error = std::move(unchanged.error());
    }
    auto told = of_one_file(std::move(error), file_->version.path);
    file_.reset();
    return told;
  }

  // One file of a directory that is not what it should be does not keep the others from being
  // counted.
  tl::unexpected<Error> of_one_file(Error error, const std::string& path) const {
    if (error.kind == ErrorKind::kConfig && path != source_.files_.path()) {
      error.kind = ErrorKind::kRejected;
      error.may_pass = false;
    }
    return tl::unexpected<Error>(std::move(error));
  }

  void add_values(const Record& record) {
    const auto& values = record.values;
    const auto text = [&](size_t place) { return values[place].value_or(std::string_view()); };
    rows_.set_texts([&](Column column) { return text(static_cast<size_t>(column)); },
                    values.size() > kColumnCount ? text(kColumnCount) : std::string_view());
    if (rows_.status(Column::kCreateTime, rows_.rows() - 1) == CellStatus::kBad) {
      rows_.set_id_of_none(malformed_row_id(record));
    }
  }

  void add_malformed(const Record& record) {
    const bool malformed = !record.malformed.empty();
    rows_.set_id(malformed_row_id(record));
    rows_.set_position(Position{0});
    rows_.set_bad(
        Column::kCreateTime,
        fmt::format("{}:{}: {}: {}", excerpt_of_end(file_->version.path, kRowExcerptBytes),
                    record.line, malformed ? std::string_view(record.malformed) : "no create_time",
                    excerpt(record.bytes, kRowExcerptBytes)),
        malformed ? "row_malformed" : "create_time_missing");
  }

  FilesSource& source_;
  std::vector<SliceRead> reads_;
  bool may_begin_anew_;
  size_t done_ = 0;
  std::optional<OpenFile> file_;  // of reads_[done_]
  TrackingBatch rows_;
  size_t bytes_ = 0;  // of what is in rows_
  std::vector<ParquetReader::RowOfBatch> wanted_;
};

Result<std::unique_ptr<Sweep>> FilesSource::sweep(SweepRequest request) {
  auto* reads = std::get_if<std::vector<SliceRead>>(&request.what);
  HIRESTREAM_CHECK(reads != nullptr);
  return std::make_unique<FileSweep>(*this, std::move(*reads), request.may_begin_anew);
}

}  // namespace hirestream
