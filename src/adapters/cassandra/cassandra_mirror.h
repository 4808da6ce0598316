// The table that a mirror keeps, the state beside it, and the table that it is a mirror of
// (ports/mirror.h).
//
// The state lies in the table "<table>_mirror" beside the mirror: it belongs to the mirror's rows.
// Who makes the table anew, restores it or goes to another cluster has no state, and the mirror
// begins with a copy; with a file that would have to be remembered. A sidecar needs no volume.
//
// Threading, blocking, errors: one thread; see cassandra_connection.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cassandra_history.h"
#include "adapters/cassandra/cassandra_writer.h"
#include "adapters/cassandra/late_notes.h"
#include "adapters/cassandra/mirror_progress_query.h"
#include "adapters/cassandra/row_lookup.h"
#include "model/reading_rules.h"
#include "model/slice.h"
#include "model/time_zone.h"
#include "ports/mirror.h"

namespace hirestream {

struct MirrorTableConfig {
  CassandraConfig table;
  std::string source;  // TableShape::identity of the raw log
  std::string node;    // whose log is followed; each has a state of its own
  TimeZone source_zone;
  int32_t ttl_s = 9 * 86'400;  // of what is written, from then on; 0: as the table says
};

class CassandraMirrorTable : public MirrorTable {
 public:
  // kConfig: the table is not of the recommended layout. Makes the state table where it is missing.
  static Result<std::unique_ptr<CassandraMirrorTable>> open(const MirrorTableConfig& config);
  ~CassandraMirrorTable() override;

  Result<void> write(std::span<const ChangedRow> rows) override;
  Result<std::vector<size_t>> find_lacking(std::span<const ChangedRow> rows) override;
  std::optional<Place> place_of(const ChangedRow& row) const override;
  // See late_notes.h.
  Result<void> note_late(std::span<const SliceKey> slices, int64_t now_us) override;
  Result<void> note_late_anywhere(int64_t now_us) override;
  Result<std::optional<MirrorState>> load() override;
  Result<void> store(const MirrorState& state) override;
  Result<std::map<std::string, std::string>> positions() override;

  // The followed node can be reached, and its commit log has what store() writes.
  Result<bool> node_has_state();

  const std::vector<std::string>& notes() const { return writer_->notes(); }
  const LayoutHistory& layouts() const { return writer_->layouts(); }

 private:
  struct Statements;
  explicit CassandraMirrorTable(MirrorTableConfig config);
  Result<void> prepare(std::string_view table_id);
  int32_t bucket_width_s() const;

  MirrorTableConfig config_;
  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<CassandraWriter> writer_;
  std::unique_ptr<Statements> statements_;
  std::unique_ptr<LateNoteWriter> late_notes_;
  std::unique_ptr<RowLookup> lookup_;
  std::string key_;  // of the state: source, and the mirror's own table
};

class CassandraTableHistory : public TableHistory {
 public:
  static Result<std::unique_ptr<CassandraTableHistory>> open(const CassandraConfig& source,
                                                             ReadingRules rules, bool with_payload);
  Result<void> read(uint64_t begin_place, uint64_t end_place, const Take& take) override;

  const TableShape& shape() const { return history_->shape(); }

 private:
  explicit CassandraTableHistory(std::unique_ptr<CassandraHistory> history)
      : history_(std::move(history)) {}

  std::unique_ptr<CassandraHistory> history_;
  std::vector<ChangedRow> rows_;
};

}  // namespace hirestream
