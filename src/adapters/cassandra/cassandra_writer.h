// Writes raw rows into a tracking table of either layout, for generate and import. Null values are
// left unset. Rows carry client timestamps that rise in the order of the calls, so the later of two
// writes of one create_time wins, even when a write had to be repeated.
//
// Threading, blocking, errors: see ports/raw_log_writer.h. Writes are pipelined; rows of one
// partition go as small unlogged batches; an overloaded server is given time (see
// CassandraConfig::retries).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/cassandra/stored_event.h"
#include "adapters/cassandra/table_shape.h"
#include "model/changed_row.h"
#include "model/raw_event.h"
#include "model/slice.h"
#include "model/time_zone.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

struct CqlStatement;

class CassandraWriter : public RawLogWriter {
 public:
  // Opens a connection of its own. `source_zone`: of ts texts without offset, when the column is a
  // timestamp.
  static Result<std::unique_ptr<CassandraWriter>> open(const CassandraConfig& config,
                                                       const TimeZone& source_zone);
  ~CassandraWriter() override;

  Result<void> write(std::span<const RawEvent> events) override;
  // Rows of another table, with their own write times and what they have left to live: writing them
  // again changes nothing, and what was written later stays. Rows without a time to live get the
  // table's.
  Result<void> write_copies(std::span<const StoredEvent> events);
  // Values of rows, each with its own write time; what is not there stays as it is. All of it
  // lives so long from now on; nothing: as the table says.
  Result<void> write_changes(std::span<const ChangedRow> rows, std::optional<int32_t> ttl_s);
  Result<void> finish() override { return {}; }
  // What somebody should know: columns of raw rows that the table does not have, a missing layout
  // table.
  const std::vector<std::string>& notes() const { return notes_; }
  // Of the table, as SourceDescription::identity.
  const std::string& identity() const { return identity_; }
  const LayoutHistory& layouts() const { return layouts_; }
  // Of the recommended table: where the row belongs; nothing: it has no id, or one that is no
  // version-1 UUID.
  std::optional<SliceKey> slice_of(const RawEvent& event) const;

 private:
  struct Statement;
  struct Target {
    RawColumn column;
    CqlType type;
    bool is_key;
  };
  struct Placed;
  explicit CassandraWriter(std::unique_ptr<CassandraConnection> connection);
  Result<void> prepare(const TableShape& shape);
  Result<void> place(Placed& row) const;
  Result<void> write_rows(std::vector<Placed> rows, const CqlStatement& insert, bool with_ttl);
  Result<void> bind(const Placed& row, bool with_ttl);

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statement> statement_;
  TimeZone source_zone_;
  std::vector<Target> targets_;
  std::vector<std::string> notes_;
  std::string identity_;
  LayoutHistory layouts_ = {{}};
  bool partitioned_ = false;  // the recommended table
  CqlType bucket_type_ = CqlType::kBigint;
  CqlType shard_type_ = CqlType::kInt;
  int64_t last_timestamp_us_ = 0;
};

}  // namespace hirestream
