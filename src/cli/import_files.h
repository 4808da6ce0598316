// Moves rows of CSV and NDJSON files into a raw log. Knows files and the writer, not the command
// line.
//
// Ids are read as they are when they are counted (read_uuid_text) and written in their usual form.
// Rows with the same create_time are one row: exact repeats are left out, in one file or across
// files; a row that repeats a create_time with other values is written again, so that the later one
// stays (as in Cassandra). Into what cannot replace a row (RawLogWriter::is_whole_or_nothing) only
// the last version is written: the files are read twice, first to learn which that is. Rows that
// cannot be used are never written, not even in part. About 60 bytes of memory per row tell
// repeats.
//
// Finishes the writer, but for a target that is a whole or nothing when it was stopped before.
//
// One thread; blocking. Errors: kRejected for a bad row (unless bad rows are skipped), naming file,
// line and reason; kTransient for a file that changed while it was read; those of the files and the
// writer. Rows before the error have been written, but into what is a whole or nothing; importing
// the same files again is harmless.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/files/csv_dialect.h"
#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"
#include "cli/generate_writing.h"
#include "model/raw_columns.h"
#include "model/raw_event.h"
#include "model/result.h"
#include "model/row_id.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

struct BadRow {
  std::string file;
  int64_t line = 0;
  std::string reason;
  std::string text() const;  // "FILE:LINE: reason"
};

struct ImportOptions {
  std::vector<std::string> files;
  bool skip_bad_rows = false;
  CsvSettings csv = {};
  ReadingRules rules = {};
  // Told of a file how it is written, if not as usual, and what of it was passed over.
  std::function<void(const std::string& path, const std::string& text)> on_note = nullptr;
  size_t batch_rows = 5000;
  int64_t give_up_after_us = 60'000'000;  // how long a failing write is tried again
  RetryNote on_retry = nullptr;
};

struct ImportReport {
  int64_t files = 0;      // read to the end
  int64_t rows_read = 0;  // records, bad ones included
  int64_t rows_written = 0;
  int64_t duplicates = 0;   // exact repeats, left out
  int64_t overwritten = 0;  // of rows_written: the create_time was there before, with other values
  int64_t superseded = 0;   // left out, for a version with other values came later
  int64_t bad_rows = 0;     // skipped
  int64_t retries = 0;
  std::vector<BadRow> bad_sample;  // the first kBadSampleMax
  std::map<std::string, int64_t> bad_by_reason;
  bool interrupted = false;
  bool kept = true;  // false: interrupted before the end of what is a whole or nothing
};
inline constexpr size_t kBadSampleMax = 20;

class FileImporter {
 public:
  // Bytes of the files done so far; those of files that are read twice count twice.
  using Progress = std::function<void(int64_t bytes, const ImportReport& report)>;

  FileImporter(ImportOptions options, RawLogWriter& writer, Progress progress);
  // Ends early, without an error, when a stop is requested.
  Result<void> run(const std::stop_token& stop);
  const ImportReport& report() const { return report_; }

 private:
  struct Pending {
    int64_t line = 0;
    bool overwrites = false;
  };
  struct Row {
    RawEvent event;
    RowId id;
    uint64_t hash = 0;  // of the values
  };
  struct Version {
    uint64_t hash = 0;
    bool written = false;
  };
  // Why a row cannot be used, and among what such rows are counted.
  struct Fault {
    std::string reason;
    std::string group;
  };
  Result<std::unique_ptr<RecordReader>> open(const std::string& path) const;
  Result<void> read_files(Result<void> (FileImporter::*read)(const std::string& path));
  Result<void> learn_versions(const std::string& path);
  Result<void> finish();
  // All rows but the last ones, which stay in the batch.
  Result<void> import_file(const std::string& path);
  // Of the file that was read, if it is in the batch.
  void leave_out_last_row();
  std::optional<Fault> read_row(const Record& record, Row& row) const;
  RawEvent event_of(const Record& record) const;
  void note_absent_columns(const std::string& path, const std::vector<std::string>& found) const;
  void take(int64_t line, Row&& row);
  void take_last_version(int64_t line, Row&& row);
  Result<void> flush(const std::string& path);
  static Fault misfit(const Error& error);
  Result<void> write_one_by_one(const std::string& path);
  // False: a stop was requested meanwhile.
  Result<bool> write_with_retries(std::span<const RawEvent> events);
  Result<void> bad_row(const std::string& path, int64_t line, std::string reason,
                       const std::string& group);
  void interrupted_before(size_t rows);
  void count_written(const Pending& pending);

  ImportOptions options_;
  RawLogWriter& writer_;
  Progress progress_;
  std::vector<NamedRawColumn> columns_;
  ImportReport report_;
  // What each id has by now; of a whole or nothing: what it has in the end.
  std::unordered_map<RowId, Version, RowIdHash> versions_;
  // What the files were when they were read first: those that are read twice must be the same.
  std::map<std::string, std::optional<FileVersion>> first_read_;
  std::vector<RawEvent> batch_;
  std::vector<Pending> pending_;
  int64_t last_line_ = 0;  // read last, of the file that is being read
  std::stop_token stop_;
  int64_t bytes_before_ = 0;  // of the files already done
};

}  // namespace hirestream
