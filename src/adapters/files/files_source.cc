#include "adapters/files/files_source.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <unordered_map>

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

constexpr std::array<WantedColumn, 2> kIdColumns = {{{"create_time", true}, {"ts", true}}};

// Equal for texts that TrackingBatch gives the same id, and only for those.
RowId identity_of(std::string_view create_time) {
  if (const auto id = parse_uuid(create_time)) return *id;
  const XXH128_hash_t hash = XXH3_128bits(create_time.data(), create_time.size());
  return RowId{hash.high64 & ~uint64_t{0xF000}, hash.low64};
}

uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

bool has_identity(const Record& record) {
  return record.malformed.empty() && record.values[0].has_value();
}

}  // namespace

int64_t bucket_of_path(const std::string& absolute_path) {
  return static_cast<int64_t>(hash_of(absolute_path) & INT64_MAX);
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

// Which of the rows with one id is the row.
class FilesSource::Deduplicator {
 public:
  // First passes over the file.
  Result<void> learn(FileFormat format, const std::string& path, ReadStatistics& statistics) {
    HIRESTREAM_ASSIGN(auto reader, open_record_reader(format, path, kIdColumns));
    for (Record record;;) {
      HIRESTREAM_ASSIGN(const bool some, reader->next(record));
      if (!some) break;
      if (has_identity(record)) note(identity_of(*record.values[0]), hash_of(record.bytes));
    }
    hashes_ = {};
    statistics.bytes += reader->file_bytes();
    ++statistics.requests;
    return any_contested_ ? settle_contests(format, path, statistics) : Result<void>{};
  }

  // Whether this row is to be delivered: the winner of its id, the first time.
  bool take(const Record& record) {
    if (winners_.empty() || !has_identity(record)) return true;
    const auto winner = winners_.find(identity_of(*record.values[0]));
    if (winner == winners_.end()) return true;
    if (winner->second.delivered || winner->second.hash != hash_of(record.bytes)) return false;
    winner->second.delivered = true;
    return true;
  }

 private:
  struct Winner {
    uint64_t hash = 0;
    bool contested = false;
    bool delivered = false;
  };

  void note(const RowId& id, uint64_t hash) {
    const auto [first, is_new] = hashes_.emplace(id, hash);
    if (is_new) return;
    Winner& winner = winners_[id];
    winner.hash = hash;
    if (first->second != hash) winner.contested = any_contested_ = true;
  }

  Result<void> settle_contests(FileFormat format, const std::string& path,
                               ReadStatistics& statistics) {
    std::unordered_map<RowId, std::string, RowIdHash> greatest;
    HIRESTREAM_ASSIGN(auto reader, open_record_reader(format, path, kIdColumns));
    for (Record record;;) {
      HIRESTREAM_ASSIGN(const bool some, reader->next(record));
      if (!some) break;
      if (!has_identity(record)) continue;
      const RowId id = identity_of(*record.values[0]);
      const auto winner = winners_.find(id);
      if (winner == winners_.end() || !winner->second.contested) continue;
      std::string& bytes = greatest[id];
      if (record.bytes > bytes) {
        bytes = record.bytes;
        winner->second.hash = hash_of(record.bytes);
      }
    }
    statistics.bytes += reader->file_bytes();
    ++statistics.requests;
    return {};
  }

  // Of the bytes of the row that had the id first: 30 to 60 bytes of memory a row.
  boost::unordered_flat_map<RowId, uint64_t, RowIdHash> hashes_;
  bool any_contested_ = false;
  std::unordered_map<RowId, Winner, RowIdHash> winners_;  // of ids that stand there more than once
};

// Turns records into batches for the sink.
class FilesSource::BatchFiller {
 public:
  BatchFiller(size_t index, const std::string& path, const TimeZone& zone, RowSink& sink,
              ReadStatistics& statistics)
      : index_(index), path_(path), batch_(zone), sink_(sink), statistics_(statistics) {}

  Result<void> add(const Record& record) {
    batch_.add_row();
    if (has_identity(record)) {
      add_values(record.values);
    } else {
      add_malformed(record);
    }
    bytes_ += record.bytes.size();
    if (batch_.rows() < kBatchRows && bytes_ < kBatchBytes) return {};
    return flush();
  }

  Result<void> flush() {
    if (batch_.empty()) return {};
    statistics_.rows += static_cast<int64_t>(batch_.rows());
    HIRESTREAM_TRY(sink_.on_rows(index_, batch_));
    batch_.clear();
    bytes_ = 0;
    return {};
  }

 private:
  void add_values(std::span<const std::optional<std::string_view>> values) {
    const auto text = [&](Column column) {
      return values[static_cast<size_t>(column)].value_or(std::string_view());
    };
    batch_.set_id_text(text(Column::kCreateTime));
    batch_.set_ts_text(text(Column::kTs));
    for (const Column column :
         {Column::kJobId, Column::kPublisherId, Column::kCampaignId, Column::kGroupId}) {
      batch_.set_integer_text(column, text(column));
    }
    batch_.set_bid_text(text(Column::kBid));
    for (const Column column : {Column::kCustomTrack, Column::kEv, Column::kEd}) {
      batch_.set_text(column, text(column));
    }
  }

  void add_malformed(const Record& record) {
    const bool malformed = !record.malformed.empty();
    batch_.set_id(malformed_row_id(record));
    batch_.set_position(0);
    batch_.set_bad(Column::kCreateTime,
                   fmt::format("{}:{}: {}: {}", excerpt(path_, kRowExcerptBytes), record.line,
                               malformed ? std::string_view(record.malformed) : "no create_time",
                               excerpt(record.bytes, kRowExcerptBytes)),
                   malformed ? "row_malformed" : "create_time_missing");
  }

  size_t index_;
  const std::string& path_;
  TrackingBatch batch_;
  size_t bytes_ = 0;
  RowSink& sink_;
  ReadStatistics& statistics_;
};

Result<std::unique_ptr<FilesSource>> FilesSource::open(const FilesSourceOptions& options) {
  HIRESTREAM_ASSIGN(FileSet files, FileSet::open(options.format, options.path));
  return std::unique_ptr<FilesSource>(new FilesSource(options, std::move(files)));
}

FilesSource::FilesSource(const FilesSourceOptions& options, FileSet files)
    : format_(options.format),
      files_(std::move(files)),
      source_zone_(options.source_zone),
      on_absent_columns_(options.on_absent_columns) {
  description_.strategy = Strategy::kFiles;
  description_.kind = format_ == FileFormat::kCsv ? "csv" : "ndjson";
  description_.identity = files_.path();
  description_.shard_count = 1;
  description_.bucket_width_s = 0;
  description_.range_reads = false;
}

Result<std::vector<SliceListing>> FilesSource::discover(std::span<const int32_t> /*shards*/) {
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
  return sorted;
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

Result<void> FilesSource::read(std::span<const SliceRead> requests, RowSink& sink) {
  for (size_t index = 0; index < requests.size(); ++index) {
    HIRESTREAM_ASSIGN(const std::string path, path_of(requests[index].slice));
    HIRESTREAM_TRY(read_file(index, path, sink));
  }
  return {};
}

Result<void> FilesSource::read_file(size_t index, const std::string& path, RowSink& sink) {
  const auto before = current_version(path);
  if (!before) {
    paths_.clear();
    return fail(ErrorKind::kTransient, "read file", path, "it vanished after it was listed");
  }
  Deduplicator duplicates;
  auto outcome = duplicates.learn(format_, path, statistics_);
  if (outcome) outcome = deliver(index, path, duplicates, sink);
  const auto after = current_version(path);
  if (!after || after->tag != before->tag) {
    return fail(ErrorKind::kTransient, "read file", path, "changed while being read",
                "write files under another name and rename them when they are complete");
  }
  // One file of a directory that is not what it should be does not keep the others from being
  // counted.
  if (!outcome && outcome.error().kind == ErrorKind::kConfig && path != files_.path()) {
    outcome.error().kind = ErrorKind::kRejected;
  }
  return outcome;
}

Result<void> FilesSource::deliver(size_t index, const std::string& path, Deduplicator& duplicates,
                                  RowSink& sink) {
  const std::vector<WantedColumn> wanted = all_columns();
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(format_, path, wanted));
  const std::vector<std::string_view> absent = reader->absent_columns();
  if (on_absent_columns_ && !absent.empty()) on_absent_columns_(path, absent);
  BatchFiller filler(index, path, source_zone_, sink, statistics_);
  for (Record record;;) {
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (!some) break;
    if (duplicates.take(record)) HIRESTREAM_TRY(filler.add(record));
  }
  statistics_.bytes += reader->file_bytes();
  ++statistics_.requests;
  return filler.flush();
}

Result<void> FilesSource::scan(const ScanBound& /*bound*/, RowSink& /*sink*/) {
  return fail(ErrorKind::kBug, "scan", files_.path(), "files cannot be scanned by time");
}

}  // namespace hirestream
