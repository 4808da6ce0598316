// What a tracking table in Cassandra looks like: its key decides the strategy, its column types how
// cells are read and written. Deployments differ; what is not understood is refused with what was
// found and what is allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cql_value.h"
#include "model/result.h"
#include "model/tracking_batch.h"
#include "ports/event_source.h"

namespace hirestream {

enum class ColumnKind : uint8_t { kRegular, kStatic, kPartitionKey, kClustering };

struct TableColumn {
  std::string name;
  std::string type_name;  // as the server writes it
  CqlType type = CqlType::kOther;
  ColumnKind kind = ColumnKind::kRegular;
  int32_t position = 0;  // within the key
};

struct TableShape {
  std::string keyspace;
  std::string table;
  std::string table_id;  // a table dropped and created again has another one
  std::string cluster_name;
  std::string data_center;  // of the node asked
  std::string server_version;
  std::string replication;     // of the keyspace, as CQL map text
  int64_t replicas = 1;        // of a row, in all data centers
  int64_t local_replicas = 1;  // where the most are: in one data center
  std::string compaction;      // class name without package
  int32_t default_ttl_s = 0;   // 0: none
  int32_t gc_grace_s = 0;
  Strategy strategy = Strategy::kScan;  // set by check_shape
  std::optional<std::string> no_tail;   // set by check_shape: why it can only be scanned
  std::vector<TableColumn> columns;     // by name
  ReadingRules rules;                   // how its rows are read

  const TableColumn* find(std::string_view name) const;
  const TableColumn* find(Column column) const { return find(rules.name(column)); }
  std::vector<std::string> column_names() const;
  std::vector<std::string> key(ColumnKind kind) const;  // names in order
  // read_columns() for SourceDescription::columns.
  std::string column_list(bool with_payload) const;
  bool is_key(std::string_view name) const;  // a part of it
  // PRIMARY KEY (create_time). Of any other key, rows with one create_time may lie in several
  // places.
  bool id_is_whole_key() const;
  // "PRIMARY KEY ((bucket, shard), create_time)"
  std::string key_text() const;
  // For SourceDescription::identity.
  std::string identity() const;
  // Columns of TrackingBatch that the table has and that are read, by their names there; `ed` only
  // when with_payload.
  std::vector<std::string> read_columns(bool with_payload) const;
  // The same, quoted and separated by commas.
  std::string select_list(bool with_payload) const;
};

// Sets shape.strategy: PRIMARY KEY ((bucket, shard), create_time) is tail, any other key is scan.
// kConfig for missing columns (check_columns()), and for column types that cannot be read.
Result<void> check_shape(TableShape& shape);

// Reads at that consistency may miss rows that a majority of the replicas has acknowledged
// (LOCAL_ONE: of those in one data center).
bool may_miss_rows(const TableShape& shape, Consistency consistency);

// Asks the server. kConfig when the table does not exist (the hint says what does) or check_shape
// refuses it.
Result<TableShape> introspect_table(CassandraConnection& connection, ReadingRules rules = {});

}  // namespace hirestream
