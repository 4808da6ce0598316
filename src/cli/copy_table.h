// Copies the rows of one Cassandra table into another, with their write times and what they have
// left to live (`import --from`). Knows tables and the progress file, not the command line.
//
// The token ring is copied in kCopyParts parts, one after the other, the ranges of a part side by
// side. After each part the progress file says how far it is; a copy that was interrupted goes on
// there. What was copied twice is as if it was copied once.
//
// One thread; blocking. Errors: kRejected for a row that does not fit (unless bad rows are
// skipped); kConfig for a progress file of another copy; those of the tables, kTransient ones
// when no attempt got farther in a part for give_up_after_us after a first failure.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_history.h"
#include "adapters/cassandra/cassandra_writer.h"
#include "cli/generate_writing.h"
#include "model/result.h"

namespace hirestream {

inline constexpr int64_t kCopyParts = 128;

struct CopyOptions {
  std::string from;           // what is copied, for the progress file
  std::string to;             // where to
  std::string progress_file;  // removed when all is copied
  bool skip_bad_rows = false;
  int64_t give_up_after_us = 60'000'000;
  RetryNote on_retry = nullptr;
};

struct CopyReport {
  int64_t parts_before = 0;  // done by a copy that was interrupted
  int64_t parts = 0;         // done now, those before included
  int64_t rows_written = 0;
  int64_t bad_rows = 0;                 // skipped
  std::vector<std::string> bad_sample;  // the first kCopyBadSampleMax
  int64_t retries = 0;
  bool interrupted = false;
};
inline constexpr size_t kCopyBadSampleMax = 20;

class TableCopy {
 public:
  using OnProgress = std::function<void(const CopyReport& report)>;

  TableCopy(CopyOptions options, CassandraHistory& history, CassandraWriter& writer,
            OnProgress on_progress);
  // Ends early, without an error, when a stop is requested.
  Result<void> run(const std::stop_token& stop);
  const CopyReport& report() const { return report_; }

 private:
  Result<void> load_progress();
  Result<void> store_progress() const;
  Result<void> copy_part(const std::stop_token& stop);
  Result<void> copy_part_once(const std::stop_token& stop);
  Result<void> write(std::span<const StoredEvent> events);
  Result<void> write_one_by_one(std::span<const StoredEvent> events);

  CopyOptions options_;
  CassandraHistory& history_;
  CassandraWriter& writer_;
  OnProgress on_progress_;
  CopyReport report_;
};

}  // namespace hirestream
