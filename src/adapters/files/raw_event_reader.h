// All columns of raw rows from CSV or NDJSON files, for `import`: one pass, in the order of paths
// and lines, each row as it stands in its file (rows with the same create_time are left to the raw
// log they go to). Rows that cannot be understood or have no create_time are not among the events
// but reported one by one. One thread at a time; blocking; memory bounded by the batch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"
#include "model/raw_event.h"
#include "model/result.h"

namespace hirestream {

struct MalformedRow {
  std::string file;
  int64_t line = 0;
  std::string reason;
  std::string beginning;  // of the row, printable
};

class RawEventReader {
 public:
  using OnMalformed = std::function<void(const MalformedRow&)>;

  // `path`: a file, a directory or a glob. kConfig when there is nothing, or no file matches.
  static Result<RawEventReader> open(FileFormat format, const std::string& path,
                                     OnMalformed on_malformed);

  // Puts the next rows, at most `rows_max`, into `events` instead of what is there; none: the end.
  // kConfig: a header lacks create_time or ts. kRejected: damaged compressed data.
  Result<void> next(std::vector<RawEvent>& events, size_t rows_max);

  // Of the files themselves (compressed, if they are).
  int64_t bytes_read() const;
  int64_t bytes_total() const { return bytes_total_; }
  size_t file_count() const { return files_.size(); }

 private:
  RawEventReader(FileFormat format, std::vector<FileVersion> files, OnMalformed on_malformed);
  Result<bool> open_next_file();
  void add(const Record& record, std::vector<RawEvent>& events);

  FileFormat format_;
  std::vector<FileVersion> files_;
  OnMalformed on_malformed_;
  size_t opened_ = 0;  // files opened so far
  std::unique_ptr<RecordReader> reader_;
  int64_t bytes_before_ = 0;  // of the files read to their end
  int64_t bytes_total_ = 0;
};

}  // namespace hirestream
