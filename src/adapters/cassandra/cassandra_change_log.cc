#include "adapters/cassandra/cassandra_change_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/log_schema_query.h"

namespace hirestream {
namespace {

constexpr size_t kNodeSetsMax = 10'000;

// Where it is off, segments come and go there whatever they hold.
Result<void> check_cdc(CassandraConnection& connection, const std::string& folder) {
  const CassandraConfig& source = connection.config();
  HIRESTREAM_ASSIGN(const auto answer,
                    connection.session().query("SELECT cdc FROM system_schema.tables WHERE "
                                               "keyspace_name = ? AND table_name = ?",
                                               {source.keyspace, source.table}));
  const bool is_on = !answer.rows.empty() && boolean_of(answer.rows[0][0]);
  if (!is_on) {
    return fail(ErrorKind::kConfig, "follow commit log", source.table_text(),
                "CDC is off for this table, so that its segments are not kept in cdc_raw",
                fmt::format("ALTER TABLE {} WITH cdc = true, or give --commit-log in the place of "
                            "--cdc-raw",
                            source.table_text()));
  }
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail_for_now("follow commit log", folder, std::strerror(errno),
                        "segments that were read are deleted there: run as a user who may write "
                        "into it");
  }
  return {};
}

}  // namespace

CassandraChangeLog::CassandraChangeLog(ReadingRules rules, bool with_payload)
    : rules_(std::move(rules)), with_payload_(with_payload) {}

Result<std::unique_ptr<CassandraChangeLog>> CassandraChangeLog::open(
    const CassandraConfig& source, const ReadingRules& rules, const ChangeLogConfig& config) {
  if (!rules.time_of_day.empty()) {
    return fail(ErrorKind::kConfig, "follow commit log", source.table_text(),
                "its event time stands in two columns, and an update may write one of them",
                "mirror by reconciling alone (--commit-log none)");
  }
  std::unique_ptr<CassandraChangeLog> changes(new CassandraChangeLog(rules, config.with_payload));
  HIRESTREAM_ASSIGN(changes->connection_, CassandraConnection::open(source));
  if (config.is_cdc_raw) {
    HIRESTREAM_TRY(check_cdc(*changes->connection_, config.folder));
  }
  HIRESTREAM_ASSIGN(changes->log_,
                    CommitLog::open({.folder = config.folder,
                                     .keyspace = source.keyspace,
                                     .table = source.table,
                                     .own_keyspace = config.own_keyspace,
                                     .own_table = config.own_table,
                                     .own_row = config.own_row,
                                     .visibility = config.visibility,
                                     .is_cdc_raw = config.is_cdc_raw,
                                     .load_schema = [connection = changes->connection_.get()] {
                                       return read_log_schema(*connection);
                                     }}));
  return changes;
}

Result<std::optional<std::string>> CassandraChangeLog::start(
    const std::optional<std::string>& position) {
  if (!position) {
    return log_->start(std::nullopt);
  }
  // One that another version stored may not be understood: it names no segment, which is a gap.
  return log_->start(LogPosition::parse(*position).value_or(LogPosition()));
}

Result<ChangeLog::Poll> CassandraChangeLog::poll(size_t rows_max, std::vector<ChangedRow>& rows) {
  HIRESTREAM_ASSIGN(auto polled,
                    log_->poll(rows_max, [&](const LogRow& row) { take_row(row, rows); }));
  return Poll{.more = polled.more, .gap = std::move(polled.gap)};
}

std::string CassandraChangeLog::position() const {
  return log_->position().text();
}

Result<void> CassandraChangeLog::delete_before(const std::string& position) {
  const auto parsed = LogPosition::parse(position);
  HIRESTREAM_CHECK(parsed.has_value());
  return log_->delete_before(*parsed);
}

void CassandraChangeLog::choose_columns() {
  columns_.clear();
  for (NamedRawColumn& raw : raw_columns(rules_)) {
    const auto counted = counted_column(raw.column);
    const auto found = log_->table().columns.find(raw.name);
    const bool wanted = counted && (*counted != hirestream::Column::kEd || with_payload_);
    if (wanted && found != log_->table().columns.end()) {
      const CqlType type = cql_type_from_name(found->second.type);
      std::string name = raw.name;
      columns_.insert_or_assign(std::move(name), Column{std::move(raw), type});
    }
  }
  columns_of_load_ = log_->counts().schema_loads;
}

void CassandraChangeLog::take_row(const LogRow& row, std::vector<ChangedRow>& rows) {
  if (columns_of_load_ != log_->counts().schema_loads) {
    choose_columns();
  }
  const bool written = row.inserted_us || std::ranges::any_of(row.cells, [](const LogCell& cell) {
                         return !cell.deleted;
                       });
  if (row.kind != LogRow::Kind::kRow || !written) {
    return;
  }
  ChangedRow changed;
  changed.row_written_us = row.inserted_us.value_or(INT64_MIN);
  for (const LogCell& cell : row.cells) {
    if (!cell.deleted) {
      changed.row_written_us = std::max(changed.row_written_us, cell.written_us);
      take_value(cell.column, cell.value, cell.written_us, changed);
    }
  }
  take_key(row, changed);
  changed.nodes = nodes_of(row);
  apply_rules(rules_, changed.event);
  if (rules_.arrival_is_event_time) {
    changed.set_written(RawColumn::kTs, changed.row_written_us);
  }
  rows.push_back(std::move(changed));
}

// Not known is no error: the row is then nobody else's.
std::shared_ptr<const std::vector<std::string>> CassandraChangeLog::nodes_of(const LogRow& row) {
  BoundValues key;
  for (const LogBytes& part : row.partition_key) {
    key.bytes().append(part.begin(), part.end());
    key.commit();
  }
  const auto host_ids = connection_->session().replicas(key);
  if (!host_ids || host_ids->empty()) {
    return nullptr;
  }
  if (nodes_.size() == kNodeSetsMax) {
    nodes_.clear();
  }
  auto& nodes = nodes_[*host_ids];
  if (nodes == nullptr) {
    nodes = std::make_shared<const std::vector<std::string>>(host_ids_as_text(*host_ids));
  }
  return nodes;
}

void CassandraChangeLog::take_key(const LogRow& row, ChangedRow& changed) {
  for (size_t i = 0; i < row.partition_key.size(); ++i) {
    take_value(row.table->partition_key[i], row.partition_key[i], changed.row_written_us, changed);
  }
  for (size_t i = 0; i < row.clustering.size(); ++i) {
    if (row.clustering[i]) {
      take_value(row.table->clustering_names[i], *row.clustering[i], changed.row_written_us,
                 changed);
    }
  }
}

void CassandraChangeLog::take_value(std::string_view name, LogBytes value, int64_t written_us,
                                    ChangedRow& changed) {
  const auto column = columns_.find(name);
  if (column == columns_.end()) {
    return;
  }
  auto text = cell_text(column->second.type, value);
  if (!text && !value.empty()) {
    ++unreadable_values_;
    last_unreadable_ = fmt::format("{} = {}", name, shown_integer(value));
  }
  set_value(column->second.raw, std::move(text), changed.event);
  changed.set_written(column->second.raw.column, written_us);
}

}  // namespace hirestream
