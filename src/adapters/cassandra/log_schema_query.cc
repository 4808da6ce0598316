#include "adapters/cassandra/log_schema_query.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

using TableName = std::pair<std::string, std::string>;

struct KeyColumn {
  int32_t position = 0;
  std::string name;
  CellLayout layout;
};
struct FoundTable {
  LogTable table;
  std::vector<KeyColumn> partition_key;
  std::vector<KeyColumn> clustering;
};
using FoundTables = std::map<TableName, FoundTable>;

std::string text_of(const CqlRow& row, size_t column) {
  return row[column].value_or(std::string());
}

Result<void> read_names(CqlSession& session, const std::string& query, FoundTables& tables) {
  HIRESTREAM_ASSIGN(const auto answer, session.query(query, {}));
  for (const CqlRow& row : answer.rows) {
    FoundTable found;
    found.table.keyspace = text_of(row, 0);
    found.table.name = text_of(row, 1);
    const std::string id = text_of(row, 2);
    if (id.size() == found.table.id.size()) {
      std::ranges::copy(bytes_of(id), found.table.id.begin());
      tables.insert_or_assign({found.table.keyspace, found.table.name}, std::move(found));
    }
  }
  return {};
}

Result<void> read_columns(CqlSession& session, FoundTables& tables) {
  HIRESTREAM_ASSIGN(const auto answer,
                    session.query("SELECT keyspace_name, table_name, column_name, kind, position, "
                                  "type FROM system_schema.columns",
                                  {}));
  for (const CqlRow& row : answer.rows) {
    const auto found = tables.find({text_of(row, 0), text_of(row, 1)});
    if (found == tables.end()) {
      continue;
    }
    const std::string name = text_of(row, 2);
    const std::string kind = text_of(row, 3);
    const std::string type = text_of(row, 5);
    const CellLayout layout = cell_layout(type);
    found->second.table.columns.insert_or_assign(name, LogColumn{layout, type});
    if (kind == "partition_key" || kind == "clustering") {
      const int32_t position = int_of(row[4]);
      auto& key = kind == "clustering" ? found->second.clustering : found->second.partition_key;
      key.push_back({position, name, layout});
    }
  }
  return {};
}

Result<void> read_dropped_columns(CqlSession& session, FoundTables& tables) {
  HIRESTREAM_ASSIGN(const auto answer,
                    session.query("SELECT keyspace_name, table_name, column_name, type FROM "
                                  "system_schema.dropped_columns",
                                  {}));
  for (const CqlRow& row : answer.rows) {
    const auto found = tables.find({text_of(row, 0), text_of(row, 1)});
    if (found != tables.end()) {
      const std::string type = text_of(row, 3);
      // One that was added again is not dropped.
      found->second.table.columns.try_emplace(text_of(row, 2), LogColumn{cell_layout(type), type});
    }
  }
  return {};
}

}  // namespace

Result<LogSchema> read_log_schema(CassandraConnection& connection) {
  CqlSession& session = connection.session();
  FoundTables tables;
  HIRESTREAM_TRY(read_names(
      session, "SELECT keyspace_name, table_name, id FROM system_schema.tables", tables));
  HIRESTREAM_TRY(
      read_names(session, "SELECT keyspace_name, view_name, id FROM system_schema.views", tables));
  HIRESTREAM_TRY(read_columns(session, tables));
  HIRESTREAM_TRY(read_dropped_columns(session, tables));
  LogSchema schema;
  for (auto& [name, found] : tables) {
    std::ranges::sort(found.partition_key, {}, &KeyColumn::position);
    std::ranges::sort(found.clustering, {}, &KeyColumn::position);
    for (const KeyColumn& column : found.partition_key) {
      found.table.partition_key.push_back(column.name);
    }
    for (const KeyColumn& column : found.clustering) {
      found.table.clustering.push_back(column.layout);
      found.table.clustering_names.push_back(column.name);
    }
    schema.add(std::move(found.table));
  }
  return schema;
}

}  // namespace hirestream
