// The embedded raw log: table `tracking` of a SQLite database, read in the order of its
// AUTOINCREMENT key `seq` (strategy kFollow). SQLite commits one writer at a time, so rows become
// visible in the order of seq and none comes late. A slice is a block of sequence numbers: bucket =
// seq / block (floored), shard = 0, position = seq.
//
// The tables are made by SqliteRawLogWriter; a `tracking` made by somebody else serves too if it
// has seq (unique, ascending) and the columns that are counted. Cells are read as text, whatever
// their type, and parsed by TrackingBatch: a cell that cannot be read is a bad cell, never an
// error. An overwritten row keeps its seq: if it was counted already, the change is found by
// settling, audits and verify.
//
// Threading: one thread at a time. Blocking: waits up to 5 s for a lock, then kTransient.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/database.h"
#include "model/reading_rules.h"
#include "ports/event_source.h"

namespace hirestream {

inline constexpr int64_t kRawLogBlockRows = 50'000;

struct SqliteRawLogOptions {
  std::string path;
  int64_t block_rows = kRawLogBlockRows;
  ReadingRules rules;
};

class SqliteRawLog : public EventSource {
 public:
  // kConfig: no file, no database, no table, columns missing (named).
  static Result<std::unique_ptr<SqliteRawLog>> open(const SqliteRawLogOptions& options);

  const SourceDescription& description() const override { return description_; }
  const std::vector<std::string>& column_names() const { return columns_; }
  // Cost: one index look-up per block.
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  // Of slices. A sweep sees one state of the database as long as it lasts.
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  ReadStatistics statistics() const override { return statistics_; }

 private:
  class BlockSweep;
  struct FileIdentity {
    uint64_t device = 0;
    uint64_t inode = 0;
    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
  };

  SqliteRawLog(sqlite::Database database, const SqliteRawLogOptions& options);
  static Result<FileIdentity> identify_file(const std::string& path);
  Result<void> read_columns();
  std::string read_columns_text() const;
  Result<void> read_identity();
  // kConfig when another file stands at the path by now.
  Result<void> check_same_file() const;
  void add_row(const sqlite::Statement& row);
  int64_t bucket_of(int64_t seq) const;

  sqlite::Database database_;
  std::string path_;  // absolute
  int64_t block_rows_;
  ReadingRules rules_;
  std::vector<std::string> columns_;
  std::string read_sql_;
  SourceDescription description_;
  FileIdentity file_;
  TrackingBatch batch_;  // of the sweep's page
  ReadStatistics statistics_;
};

}  // namespace hirestream
