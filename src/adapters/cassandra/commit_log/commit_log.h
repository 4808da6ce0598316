// Follows a node's commit log: the rows of one table, in the order of the log within a segment, as
// soon as they can be seen. Rows come again after a restart; the same row may come from several
// segments in any order: whoever takes them compares write times.
//
// What it cannot vouch for it calls a gap, and goes on behind it: then rows may be missing that
// only a copy of the table has. There is a gap when a segment went before it was read, when a
// section is damaged, when an entry with rows of the table is not understood (never guessed at),
// when the table was dropped and created again, and when the node was started again: rows that were
// given were replayed, but what was made of them on the same node may be lost.
//
// One thread. Blocking: reads of local files, the schema. Errors: those of the schema and of
// SegmentReader; kConfig when the folder is not there, is not readable or the table does not exist.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/cassandra/commit_log/log_position.h"
#include "adapters/cassandra/commit_log/log_schema.h"
#include "adapters/cassandra/commit_log/mutation_reader.h"
#include "adapters/cassandra/commit_log/segment_reader.h"
#include "model/result.h"

namespace hirestream {

struct CommitLogOptions {
  std::string folder;  // commitlog_directory of the node, or cdc_raw_directory
  std::string keyspace;
  std::string table;
  // A row that whoever follows writes itself, besides: its table and its first clustering value.
  // Empty: none.
  std::string own_keyspace = {};
  std::string own_table = {};
  std::string own_row = {};
  LogVisibility visibility = LogVisibility::kMarker;
  // The folder is cdc_raw_directory: segments wait there until somebody deletes them, oldest first
  // (delete_before()), but for those without a row of a table with CDC, which Cassandra deletes.
  bool is_cdc_raw = false;
  std::function<Result<LogSchema>()> load_schema;
};

struct CommitLogCounts {
  int64_t entries = 0;         // all tables'
  int64_t rows = 0;            // of the table
  int64_t own_written_us = 0;  // of CommitLogOptions::own_row, as it was read last; 0: never
  int64_t bytes = 0;           // of all entries
  int64_t schema_loads = 0;
  int64_t segments = 0;
};

class CommitLog {
 public:
  using Visit = MutationReader::Visit;
  static constexpr size_t kPollBytes = 64U << 20;

  static Result<std::unique_ptr<CommitLog>> open(CommitLogOptions options);
  ~CommitLog();

  // Where to begin. With a position: what is behind it; the gap tells why that is not all there
  // was. Without one, or with a gap: the segment before the one that is written now, from its
  // begin, so that a copy of the table that is begun afterwards misses nothing.
  Result<std::optional<std::string>> start(const std::optional<LogPosition>& position);

  struct Poll {
    bool more = false;               // there is more already
    std::optional<std::string> gap;  // between what was given before and what comes next
  };
  // At most about `rows_max` rows, for an entry is given whole, out of kPollBytes of entries.
  // Looks into the folder for new segments; that must happen often enough that none comes and goes
  // unseen.
  // After an error the next poll goes on behind the last row that was visited.
  Result<Poll> poll(size_t rows_max, const Visit& visit);
  // Behind the last row that was given.
  LogPosition position() const;
  // Of cdc_raw: deletes the segments before those of the position, which was stored, that Cassandra
  // has completed. One that it puts there again (it was killed, and replayed it) goes again.
  Result<void> delete_before(const LogPosition& stored) const;
  const CommitLogCounts& counts() const { return counts_; }
  // Of all tables, marked and not given yet, in the segments that were seen: SegmentReader.
  Result<int64_t> unread_bytes() const;
  const LogTable& table() const { return *table_; }
  // Rows can be seen when a section is written (commitlog_sync_period), not each 100 ms.
  bool compressed() const;

 private:
  explicit CommitLog(CommitLogOptions options);
  Result<void> reload_schema();
  // By id. With another suffix: of the files of that name, whether the segments are there or not.
  Result<std::map<int64_t, std::string>> segment_files(
      std::string_view suffix = SegmentReader::kSuffix) const;
  Result<void> look_for_segments();
  Result<void> add_segment(int64_t id, const std::string& path, SegmentPlace place);
  Result<void> continue_at(const LogPosition& position,
                           const std::map<int64_t, std::string>& files);
  Result<void> begin_anew(const std::map<int64_t, std::string>& files);
  Result<void> read_segment(SegmentReader& segment, const Visit& visit);
  bool poll_is_full() const { return rows_left_ == 0 || bytes_left_ == 0; }
  Result<void> read_entry(LogBytes entry, const Visit& visit);
  Result<void> retire_segments();
  Result<bool> is_read(const SegmentReader& segment, bool unlinked);
  bool is_own(LogBytes entry) const;
  void note_own(LogBytes entry);
  void note_restart();
  bool is_done_with(int64_t id, const std::string& path, int64_t first_kept) const;
  void note_gap(std::string why);

  CommitLogOptions options_;
  LogSchema schema_;
  const LogTable* table_ = nullptr;
  const LogTable* own_table_ = nullptr;
  std::unique_ptr<MutationReader> reader_;
  std::unique_ptr<MutationReader> own_reader_;
  std::set<TableId> gone_;  // tables that were dropped before their entries were read
  std::map<int64_t, std::unique_ptr<SegmentReader>> segments_;
  int64_t newest_id_ = -1;  // seen; lower ones that are not open are done
  size_t rows_left_ = 0;    // of this poll
  size_t bytes_left_ = 0;
  std::optional<std::string> gap_;
  CommitLogCounts counts_;
};

}  // namespace hirestream
