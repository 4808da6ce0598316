// Reads the rows of one table out of commit log entries (mutations), in the serialization that
// segment versions 7 and 8 share: Cassandra 4.0 to 5.0, org.apache.cassandra.db.Mutation,
// partitions.PartitionUpdate, rows.UnfilteredSerializer, rows.Cell.
//
// What is not understood to its last byte is an error, never a guess. Collections and user types
// that are not frozen are passed over.
//
// One thread; nothing blocks; memory is bounded by a row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/commit_log/byte_cursor.h"
#include "adapters/cassandra/commit_log/log_schema.h"

namespace hirestream {

using LogBytes = std::span<const uint8_t>;

struct LogCell {
  std::string_view column;
  int64_t written_us = 0;
  int64_t ttl_s = 0;     // as written; 0: does not expire
  bool deleted = false;  // a null that was written, too
  LogBytes value;        // empty when deleted
};

// Valid during the visit.
struct LogRow {
  enum class Kind : uint8_t { kRow, kStatic, kPartitionDeletion, kRangeDeletion };
  Kind kind = Kind::kRow;
  const LogTable* table = nullptr;
  std::vector<LogBytes> partition_key;              // its parts
  std::vector<std::optional<LogBytes>> clustering;  // nothing: null
  std::optional<int64_t> inserted_us;  // of its row marker: an INSERT; nothing: an UPDATE
  int64_t ttl_s = 0;                   // of the row marker
  std::optional<int64_t> deleted_us;   // the whole row; of a deletion: its time
  std::vector<LogCell> cells;
};

enum class MutationOutcome : uint8_t {
  kOfOthers,       // no row of the table
  kRead,           // all its rows were visited
  kUnknownTable,   // the schema lacks a table; none of its rows was visited
  kUnknownColumn,  // … a column
  kMalformed,      // …  not understood
};

class MutationReader {
 public:
  using Visit = std::function<void(const LogRow&)>;

  // `schema` and `followed`, one of its tables, outlive the reader.
  MutationReader(const LogSchema& schema, const LogTable& followed)
      : schema_(schema), followed_(followed) {}

  // Rows are visited only after the whole entry was understood: it is walked through twice.
  MutationOutcome read(LogBytes entry, const Visit& visit);
  // After kUnknownTable.
  const TableId& unknown_table() const { return unknown_table_; }
  // After kUnknownTable, kUnknownColumn, kMalformed: what and where, for people.
  const std::string& problem() const { return problem_; }

 private:
  struct HeaderColumn {
    std::string_view name;
    CellLayout layout;
  };
  struct Header {
    int64_t timestamp_us = 0;
    int64_t ttl_s = 0;
    std::vector<HeaderColumn> statics;
    std::vector<HeaderColumn> regulars;
  };
  struct RowMarker {
    int64_t written_us = 0;
    int64_t ttl_s = 0;
  };

  MutationOutcome read_updates(ByteCursor cursor, uint64_t updates);
  MutationOutcome read_update(ByteCursor& cursor, const LogTable& table);
  bool read_key(LogBytes key, const LogTable& table);
  bool read_columns(ByteCursor& cursor, const LogTable& table, std::vector<HeaderColumn>& columns);
  bool read_rows(ByteCursor& cursor, const LogTable& table);
  bool read_range_bound(ByteCursor& cursor, const LogTable& table);
  bool read_clustering(ByteCursor& cursor, const LogTable& table, size_t count);
  bool read_row(ByteCursor& cursor, const LogTable& table, uint8_t flags, LogRow::Kind kind);
  bool choose_columns(ByteCursor& cursor, const std::vector<HeaderColumn>& columns, bool all);
  bool read_cells(ByteCursor& cursor, uint8_t flags, const RowMarker& marker);
  bool read_cell(ByteCursor& cursor, const HeaderColumn& column, const RowMarker& marker);
  int64_t read_timestamp(ByteCursor& cursor) const;
  int64_t read_deletion(ByteCursor& cursor) const;
  void begin_row(LogRow::Kind kind);
  void visit_deletion(LogRow::Kind kind, int64_t deleted_us);
  bool malformed(const ByteCursor& cursor, std::string_view what);

  const LogSchema& schema_;
  const LogTable& followed_;
  TableId unknown_table_{};
  std::string problem_;
  bool unknown_column_ = false;
  Header header_;
  std::vector<const HeaderColumn*> present_;
  const Visit* visit_ = nullptr;  // null while an entry is only checked
  bool wanted_ = false;           // the update is of the table, and is visited
  LogRow row_;
};

}  // namespace hirestream
