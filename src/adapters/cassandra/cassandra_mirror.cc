#include "adapters/cassandra/cassandra_mirror.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "adapters/cassandra/companion_table.h"
#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/table_shape.h"

namespace hirestream {

struct CassandraMirrorTable::Statements {
  CqlStatement load;
  CqlStatement store;
  CqlStatement positions;
};

CassandraMirrorTable::CassandraMirrorTable(MirrorTableConfig config)
    : config_(std::move(config)), statements_(std::make_unique<Statements>()) {}

CassandraMirrorTable::~CassandraMirrorTable() = default;

Result<std::unique_ptr<CassandraMirrorTable>> CassandraMirrorTable::open(
    const MirrorTableConfig& config) {
  std::unique_ptr<CassandraMirrorTable> mirror(new CassandraMirrorTable(config));
  HIRESTREAM_ASSIGN(mirror->connection_, CassandraConnection::open(config.table));
  HIRESTREAM_ASSIGN(const TableShape shape, introspect_table(*mirror->connection_));
  if (shape.identity() == config.source) {
    return fail(ErrorKind::kConfig, "mirror", config.table.table_text(), "is --from and --to",
                "make another table: hirestream init --source cassandra://…/keyspace/table");
  }
  if (shape.strategy != Strategy::kTail) {
    return fail(
        ErrorKind::kConfig, "mirror", config.table.table_text(),
        fmt::format("has {}, which cannot be followed by the engine", shape.key_text()),
        "make the recommended table: hirestream init --source cassandra://…/keyspace/table");
  }
  mirror->key_ = fmt::format("{} <- {}", shape.table_id, config.source);
  HIRESTREAM_ASSIGN(mirror->late_notes_,
                    LateNoteWriter::open(*mirror->connection_, shape.table_id));
  HIRESTREAM_ASSIGN(mirror->writer_, CassandraWriter::open(config.table, config.source_zone));
  HIRESTREAM_ASSIGN(mirror->lookup_, RowLookup::open(*mirror->connection_, shape,
                                                     config.source_zone, mirror->layouts()));
  HIRESTREAM_TRY(mirror->prepare(shape.table_id));
  return mirror;
}

Result<void> CassandraMirrorTable::prepare(std::string_view table_id) {
  const std::string& keyspace = config_.table.keyspace;
  const std::string state = mirror_state_table_name(config_.table.table);
  CqlSession& session = connection_->session();
  HIRESTREAM_TRY(make_companion_table(*connection_, state,
                                      "mirror text, node text, position text, copied_parts int, "
                                      "copied_us bigint, PRIMARY KEY (mirror, node)",
                                      "", table_id));
  const std::string name = quote_identifier(keyspace) + "." + quote_identifier(state);
  HIRESTREAM_ASSIGN(
      statements_->load,
      session.prepare(fmt::format(
          "SELECT position, copied_parts, copied_us FROM {} WHERE mirror = ? AND node = ?", name)));
  HIRESTREAM_ASSIGN(statements_->store,
                    session.prepare(fmt::format("INSERT INTO {} (mirror, node, position, "
                                                "copied_parts, copied_us) VALUES (?, ?, ?, ?, ?)",
                                                name)));
  HIRESTREAM_ASSIGN(
      statements_->positions,
      session.prepare(fmt::format("SELECT node, position FROM {} WHERE mirror = ?", name)));
  return {};
}

Result<void> CassandraMirrorTable::write(std::span<const ChangedRow> rows) {
  return writer_->write_changes(rows,
                                config_.ttl_s == 0 ? std::nullopt : std::optional(config_.ttl_s));
}

Result<std::vector<size_t>> CassandraMirrorTable::find_lacking(std::span<const ChangedRow> rows) {
  return lookup_->find_lacking(rows);
}

std::optional<MirrorTable::Place> CassandraMirrorTable::place_of(const ChangedRow& row) const {
  const auto slice = writer_->slice_of(row.event);
  if (!slice) {
    return std::nullopt;
  }
  return MirrorTable::Place{.slice = *slice,
                            .end_us = (slice->bucket + 1) * bucket_width_s() * int64_t{1'000'000}};
}

int32_t CassandraMirrorTable::bucket_width_s() const {
  return writer_->layouts().front().layout.bucket_width_s;
}

Result<void> CassandraMirrorTable::note_late(std::span<const SliceKey> slices, int64_t now_us) {
  return late_notes_->write(slices, now_us);
}

Result<void> CassandraMirrorTable::note_late_anywhere(int64_t now_us) {
  const SliceKey any{.shard = LateNote::kAnyShard, .bucket = bucket_of(now_us, bucket_width_s())};
  return late_notes_->write({&any, 1}, now_us);
}

Result<std::optional<MirrorState>> CassandraMirrorTable::load() {
  HIRESTREAM_ASSIGN(const auto answer,
                    connection_->session().query(statements_->load, {key_, config_.node},
                                                 config_.table.consistency));
  if (answer.rows.empty()) {
    return std::optional<MirrorState>();
  }
  const CqlRow& row = answer.rows[0];
  MirrorState state;
  if (row[0] && !row[0]->empty()) {
    state.position = *row[0];
  }
  state.copied_parts = int_of(row[1]);
  state.copied_us = bigint_of(row[2]);
  return std::optional(std::move(state));
}

Result<void> CassandraMirrorTable::store(const MirrorState& state) {
  BoundValues values;
  values.add(key_);
  values.add(config_.node);
  values.add(state.position.value_or(std::string()));
  append_int32(static_cast<int32_t>(state.copied_parts), values.bytes());
  values.commit();
  append_int64(state.copied_us, values.bytes());
  values.commit();
  const uint32_t group = 1;
  return connection_->session().write(statements_->store, values, 5, {&group, 1});
}

Result<std::map<std::string, std::string>> CassandraMirrorTable::positions() {
  HIRESTREAM_ASSIGN(const auto answer, connection_->session().query(statements_->positions, {key_},
                                                                    config_.table.consistency));
  std::map<std::string, std::string> positions;
  for (const CqlRow& row : answer.rows) {
    positions.emplace(row[0].value_or(""), row[1].value_or(""));
  }
  return positions;
}

Result<bool> CassandraMirrorTable::node_has_state() {
  BoundValues key;
  key.add(key_);
  HIRESTREAM_ASSIGN(const std::string host_ids, connection_->session().replicas(key));
  const std::vector<std::string> nodes = host_ids_as_text(host_ids);
  HIRESTREAM_ASSIGN(
      const auto answer,
      connection_->session().query("SELECT durable_writes FROM system_schema.keyspaces WHERE "
                                   "keyspace_name = ?",
                                   {config_.table.keyspace}));
  const bool is_logged = !answer.rows.empty() && boolean_of(answer.rows[0][0]);
  return is_logged && std::ranges::find(nodes, config_.node) != nodes.end();
}

Result<std::unique_ptr<CassandraTableHistory>> CassandraTableHistory::open(
    const CassandraConfig& source, ReadingRules rules, bool with_payload) {
  HIRESTREAM_ASSIGN(auto history,
                    CassandraHistory::open(source, std::move(rules),
                                           with_payload ? CopiedColumns::kCountedWithPayload
                                                        : CopiedColumns::kCounted));
  return std::unique_ptr<CassandraTableHistory>(new CassandraTableHistory(std::move(history)));
}

Result<void> CassandraTableHistory::read(uint64_t begin_place, uint64_t end_place,
                                         const Take& take) {
  return history_->read(begin_place, end_place,
                        [&](std::span<const StoredEvent> events) -> Result<void> {
                          rows_.clear();
                          for (const StoredEvent& stored : events) {
                            rows_.push_back({.event = stored.event,
                                             .written_us = stored.values_written_us,
                                             .row_written_us = stored.written_us});
                          }
                          return take(rows_);
                        });
}

}  // namespace hirestream
