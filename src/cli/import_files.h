// Moves rows of CSV and NDJSON files into a raw log. Knows files and the writer, not the command
// line.
//
// Rows with the same create_time are one row: exact repeats are left out, in one file or across
// files; a row that repeats a create_time with other values is written again, so that the later one
// stays (as in Cassandra). Rows that cannot be used are never written, not even in part. About 60
// bytes of memory per row tell repeats.
//
// One thread; blocking. Errors: kRejected for a bad row (unless bad rows are skipped), naming file,
// line and reason; those of the files and the writer. Rows before the error have been written;
// importing the same files again is harmless.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/files/csv_dialect.h"
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
  int64_t bad_rows = 0;     // skipped
  int64_t retries = 0;
  std::vector<BadRow> bad_sample;  // the first kBadSampleMax
  std::map<std::string, int64_t> bad_by_reason;
  bool interrupted = false;
};
inline constexpr size_t kBadSampleMax = 20;

class FileImporter {
 public:
  // Bytes of the files done so far.
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
  Result<void> import_file(const std::string& path, const std::stop_token& stop);
  RawEvent event_of(const Record& record) const;
  void note_absent_columns(const std::string& path, const std::vector<std::string>& found) const;
  Result<void> take(const std::string& path, int64_t line, RawEvent&& event);
  Result<void> flush(const std::string& path);
  Result<void> write_one_by_one(const std::string& path);
  Result<void> write_with_retries(std::span<const RawEvent> events);
  Result<void> bad_row(const std::string& path, int64_t line, std::string reason,
                       const std::string& group);
  void count_written(const Pending& pending);

  ImportOptions options_;
  RawLogWriter& writer_;
  Progress progress_;
  std::vector<NamedRawColumn> columns_;
  ImportReport report_;
  // Hash of the values each id has by now.
  std::unordered_map<RowId, uint64_t, RowIdHash> versions_;
  std::vector<RawEvent> batch_;
  std::vector<Pending> pending_;
  std::stop_token stop_;
  int64_t bytes_before_ = 0;  // of the files already done
};

}  // namespace hirestream
