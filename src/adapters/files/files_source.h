// Raw rows from CSV, NDJSON or Parquet files: strategy kFiles. A file is a slice: shard 0,
// bucket = xxh3 of the absolute path (63 bits), name = the path, tag = size, time of change and
// inode. A watched directory or glob is listed anew by each discover().
//
// Delivery: write the file under a hidden name, *.tmp or *.part (or elsewhere on the same file
// system) and rename it into place. A file that changes while it is read is kTransient.
// Same create_time twice in one file is one row: the greater bytes of the row win (of Parquet, of
// its columns that are read, as a CSV line). So a file is read twice or more often, in bounded
// memory: first to learn which ids repeat (deduplicator.h), then to deliver; or once, where a slice
// may begin anew. A file of any length needs less than 512 MB, if few of its rows repeat.
// Rows that cannot be understood are delivered with a bad create_time cell: reason "row_malformed"
// (or "create_time_missing"), text = file, line, what is wrong and the row's beginning.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/files/deduplicator.h"
#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"
#include "model/reading_rules.h"
#include "ports/event_source.h"

namespace hirestream {

// Told the columns of each file that is read: those of its header, or those seen in its rows.
using OnColumns =
    std::function<void(const std::string& path, std::span<const std::string> columns)>;

// Told at the end of each file how it is written, if not as usual, and what of it was passed over.
using OnFileNote = std::function<void(const std::string& path, const std::string& text)>;

// A file with more rows takes more passes. Just below the number at which the memory for them
// doubles.
inline constexpr size_t kFileIdsMax = 6'000'000;

struct FilesSourceOptions {
  FileFormat format = FileFormat::kCsv;
  std::string path;  // a file, a glob or a directory
  ReadingRules rules;
  OnColumns on_columns = nullptr;
  CsvSettings csv = {};
  OnFileNote on_note = nullptr;
  // Ids of one file that are held in memory at once; tests set it low.
  size_t ids_max = kFileIdsMax;
  size_t contested_bytes_max = DeduplicatorLimits{}.contested_bytes_max;
  // Ends a read that is under way: kTransient, operation "stop".
  std::stop_token stop = {};
};

class FilesSource : public EventSource {
 public:
  // kConfig when there is nothing at the path.
  static Result<std::unique_ptr<FilesSource>> open(const FilesSourceOptions& options);

  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  // Of slices: whole files, one after the other, whatever from_position says. kTransient: a file
  // changed or vanished meanwhile, which shows when its last page was delivered. kRejected: damaged
  // data, or a slice whose file does not exist any more. kConfig: columns are missing (see
  // check_columns()).
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  ReadStatistics statistics() const override { return statistics_; }

 private:
  class FileSweep;

  FilesSource(const FilesSourceOptions& options, FileSet files);
  Result<std::string> path_of(const SliceKey& slice);

  FileFormat format_;
  FileSet files_;
  ReadingRules rules_;
  OnColumns on_columns_;
  CsvSettings csv_;
  OnFileNote on_note_;
  DeduplicatorLimits limits_;
  std::stop_token stop_;
  SourceDescription description_;
  ReadStatistics statistics_;
  std::map<int64_t, std::string> paths_;  // by bucket, of the last listing
};

struct FileInspection {
  std::vector<std::string> columns;  // of the header, or of the first row; none: the file is empty
  std::string dialect;               // RecordReader::dialect()
};
// Reads only the beginning. kConfig: what sweep() says of the columns. kRejected: the first row of
// an NDJSON file is none.
Result<FileInspection> inspect_file(FileFormat format, const std::string& path,
                                    const ReadingRules& rules, const CsvSettings& csv = {});

// The bucket of a file's slice.
int64_t bucket_of_path(const std::string& absolute_path);

}  // namespace hirestream
