// Raw rows from CSV or NDJSON files: strategy kFiles. A file is a slice: shard 0, bucket = xxh3 of the absolute path (63 bits),
// name = the path, tag = size, time of change and inode. A watched directory or glob is listed anew by each discover().
//
// Delivery: write the file under a hidden name, *.tmp or *.part (or elsewhere on the same file system) and rename it into place. A
// file that changes while it is read is kTransient.
// Same create_time twice in one file is one row: the greater bytes of the row win. So a file is read twice (three times when
// different bytes contest an id): first to learn the ids, then to deliver. Memory: 32 to 64 bytes per row of one file, plus the
// bytes of contested rows.
// Rows that cannot be understood are delivered with a bad create_time cell: reason "row_malformed" (or "create_time_missing"), text =
// file, line, what is wrong and the row's beginning.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"
#include "model/time_zone.h"
#include "ports/event_source.h"

namespace hirestream {

// Told of each file that is read whose header lacks columns of the tracking table.
using OnAbsentColumns =
    std::function<void(const std::string& path, std::span<const std::string_view> columns)>;

struct FilesSourceOptions {
  FileFormat format = FileFormat::kCsv;
  std::string path;  // a file, a glob or a directory
  TimeZone source_zone;
  OnAbsentColumns on_absent_columns = nullptr;
};

class FilesSource : public EventSource {
 public:
  // kConfig when there is nothing at the path.
  static Result<std::unique_ptr<FilesSource>> open(const FilesSourceOptions& options);

  const SourceDescription& description() const override { return description_; }
  Result<std::vector<SliceListing>> discover(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  // Whole files, whatever from_position says. kTransient: a file changed or vanished meanwhile. kRejected: damaged compressed data, or a
  // slice whose file does not exist any more. kConfig: the header lacks create_time or ts.
  Result<void> read(std::span<const SliceRead> requests, RowSink& sink) override;
  Result<void> scan(const ScanBound& bound, RowSink& sink) override;
  ReadStatistics statistics() const override { return statistics_; }

 private:
  class Deduplicator;
  class BatchFiller;

  FilesSource(const FilesSourceOptions& options, FileSet files);
  Result<std::string> path_of(const SliceKey& slice);
  Result<void> read_file(size_t index, const std::string& path, RowSink& sink);
  Result<void> deliver(size_t index, const std::string& path, Deduplicator& duplicates,
                       RowSink& sink);

  FileFormat format_;
  FileSet files_;
  TimeZone source_zone_;
  OnAbsentColumns on_absent_columns_;
  SourceDescription description_;
  ReadStatistics statistics_;
  std::map<int64_t, std::string> paths_;  // by bucket, of the last listing
};

// Reads only the beginning: the columns of the tracking table that the header lacks. kConfig: what read() says of the header.
// kRejected: the first row of an NDJSON file is none, or has no create_time or ts.
Result<std::vector<std::string_view>> inspect_file(FileFormat format, const std::string& path);

// The bucket of a file's slice.
int64_t bucket_of_path(const std::string& absolute_path);

}  // namespace hirestream
