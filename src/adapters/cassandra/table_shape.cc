#include "adapters/cassandra/table_shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/tracking_types.h"
#include "model/decimal.h"

namespace hirestream {
namespace {

constexpr std::string_view kOperation = "read table definition";

tl::unexpected<Error> refuse(std::string subject, std::string message, std::string hint = {}) {
  return fail(ErrorKind::kConfig, std::string(kOperation), std::move(subject), std::move(message),
              std::move(hint));
}

std::vector<std::string> id_of(const TableShape& shape) {
  return {std::string(shape.rules.name(Column::kCreateTime))};
}

// Nothing: it is the recommended key, of types that a layout can be read from.
std::optional<std::string> why_no_tail(const TableShape& shape) {
  auto partition = shape.key(ColumnKind::kPartitionKey);
  std::sort(partition.begin(), partition.end());
  if (partition != std::vector<std::string>{"bucket", "shard"} ||
      shape.key(ColumnKind::kClustering) != id_of(shape)) {
    return fmt::format("it has {}", shape.key_text());
  }
  const TableColumn& bucket = *shape.find("bucket");
  if (bucket.type != CqlType::kInt && bucket.type != CqlType::kBigint &&
      bucket.type != CqlType::kTimestamp && !is_text(bucket.type)) {
    return fmt::format(
        "its column bucket has the type {}, allowed: bigint (recommended), int, timestamp, text",
        bucket.type_name);
  }
  const TableColumn& shard = *shape.find("shard");
  if (shard.type != CqlType::kInt && shard.type != CqlType::kSmallint) {
    return fmt::format("its column shard has the type {}, allowed: int, smallint", shard.type_name);
  }
  return std::nullopt;
}

// Text of a cell that may be null.
std::string text_of(const std::optional<std::string>& cell) {
  return cell.value_or(std::string());
}

ColumnKind kind_of(std::string_view text) {
  return text == "partition_key" ? ColumnKind::kPartitionKey
         : text == "clustering"  ? ColumnKind::kClustering
         : text == "static"      ? ColumnKind::kStatic
                                 : ColumnKind::kRegular;
}

// A frozen map<text, text>: count, then length and bytes of each key and value (CQL binary
// protocol, section 6.22).
std::vector<std::pair<std::string, std::string>> read_text_map(const std::string& cell) {
  std::vector<std::pair<std::string, std::string>> entries;
  std::vector<std::string> parts;
  std::span<const uint8_t> rest = bytes_of(cell);
  if (rest.size() < 4) {
    return entries;
  }
  rest = rest.subspan(4);
  while (rest.size() >= 4) {
    const auto length = read_int32(rest.first(4));
    if (*length < 0 || static_cast<size_t>(*length) > rest.size() - 4) {
      break;
    }
    const auto size = static_cast<size_t>(*length);
    parts.emplace_back(reinterpret_cast<const char*>(rest.data()) + 4, size);
    rest = rest.subspan(4 + size);
  }
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    entries.emplace_back(parts[i], parts[i + 1]);
  }
  return entries;
}

constexpr int64_t kManyReplicas = 1000;

// Of a value in a keyspace's replication: "3"; "3/1" with one transient. Other words, its class: 0.
int64_t replicas_of(std::string_view factor) {
  return parse_integer(factor.substr(0, factor.find('/'))).value_or(0);
}

std::string without_package(const std::string& class_name) {
  return class_name.substr(class_name.rfind('.') + 1);
}

Error missing_table_error(CqlSession& session, const CassandraConfig& config) {
  const auto tables = session.query(
      "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", {config.keyspace});
  if (!tables) {
    return tables.error();
  }
  std::vector<std::string> names;
  for (const CqlRow& row : tables->rows) {
    names.push_back(text_of(row[0]));
  }
  const std::string hint = "hirestream init creates the recommended table";
  if (names.empty()) {
    return refuse(config.table_text(),
                  fmt::format("keyspace {} does not exist or has no tables", config.keyspace), hint)
        .value();
  }
  return refuse(
             config.table_text(), "there is no such table",
             fmt::format("keyspace {} has {}; {}", config.keyspace, fmt::join(names, ", "), hint))
      .value();
}

Result<void> read_columns(CqlSession& session, TableShape& shape) {
  HIRESTREAM_ASSIGN(
      const auto answer,
      session.query("SELECT column_name, type, kind, position FROM "
                    "system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
                    {shape.keyspace, shape.table}));
  for (const CqlRow& row : answer.rows) {
    TableColumn column;
    column.name = text_of(row[0]);
    column.type_name = text_of(row[1]);
    column.type = cql_type_from_name(column.type_name);
    column.kind = kind_of(text_of(row[2]));
    column.position = int_of(row[3]);
    shape.columns.push_back(std::move(column));
  }
  return {};
}

Result<void> read_cluster(CqlSession& session, TableShape& shape) {
  HIRESTREAM_ASSIGN(const auto local,
                    session.query("SELECT cluster_name, data_center, release_version FROM "
                                  "system.local WHERE key = 'local'",
                                  {}));
  if (local.rows.empty()) {
    return fail(ErrorKind::kTransient, std::string(kOperation), "system.local", "has no row");
  }
  shape.cluster_name = text_of(local.rows[0][0]);
  shape.data_center = text_of(local.rows[0][1]);
  shape.server_version = text_of(local.rows[0][2]);
  HIRESTREAM_ASSIGN(const auto keyspace,
                    session.query("SELECT replication FROM system_schema.keyspaces WHERE "
                                  "keyspace_name = ?",
                                  {shape.keyspace}));
  if (!keyspace.rows.empty() && keyspace.rows[0][0]) {
    std::vector<std::string> parts;
    int64_t replicas = 0;
    int64_t local_replicas = 0;
    for (const auto& [key, value] : read_text_map(*keyspace.rows[0][0])) {
      parts.push_back(fmt::format("'{}': '{}'", key, without_package(value)));
      const int64_t factor = replicas_of(value);
      replicas += factor;
      local_replicas = std::max(local_replicas, factor);
    }
    // A strategy that names no number keeps rows on every node.
    shape.replicas = replicas == 0 ? kManyReplicas : replicas;
    shape.local_replicas = replicas == 0 ? kManyReplicas : local_replicas;
    shape.replication = fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  return {};
}

}  // namespace

const TableColumn* TableShape::find(std::string_view name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const TableColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> TableShape::column_names() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) {
    names.push_back(column.name);
  }
  return names;
}

std::vector<std::string> TableShape::key(ColumnKind kind) const {
  std::vector<const TableColumn*> parts;
  for (const TableColumn& column : columns) {
    if (column.kind == kind) {
      parts.push_back(&column);
    }
  }
  std::sort(parts.begin(), parts.end(),
            [](const TableColumn* a, const TableColumn* b) { return a->position < b->position; });
  std::vector<std::string> names;
  for (const TableColumn* part : parts) {
    names.push_back(part->name);
  }
  return names;
}

std::string TableShape::key_text() const {
  const auto partition = key(ColumnKind::kPartitionKey);
  const auto clustering = key(ColumnKind::kClustering);
  if (clustering.empty() && partition.size() == 1) {
    return fmt::format("PRIMARY KEY ({})", partition[0]);
  }
  std::string text = fmt::format("PRIMARY KEY (({})", fmt::join(partition, ", "));
  for (const std::string& name : clustering) {
    text += ", " + name;
  }
  return text + ")";
}

bool TableShape::is_key(std::string_view name) const {
  const TableColumn* column = find(name);
  return column != nullptr &&
         (column->kind == ColumnKind::kPartitionKey || column->kind == ColumnKind::kClustering);
}

bool TableShape::id_is_whole_key() const {
  return key(ColumnKind::kPartitionKey) == id_of(*this) && key(ColumnKind::kClustering).empty();
}

std::string TableShape::identity() const {
  return fmt::format("cassandra cluster '{}' table {}.{} id {}", cluster_name, keyspace, table,
                     table_id);
}

std::vector<std::string> TableShape::read_columns(bool with_payload) const {
  return columns_read(rules, column_names(), with_payload);
}

std::string TableShape::column_list(bool with_payload) const {
  return fmt::format("{}", fmt::join(read_columns(with_payload), ","));
}

std::string TableShape::select_list(bool with_payload) const {
  std::vector<std::string> quoted;
  for (const std::string& name : read_columns(with_payload)) {
    quoted.push_back(quote_identifier(name));
  }
  return fmt::format("{}", fmt::join(quoted, ", "));
}

Result<void> check_shape(TableShape& shape) {
  const ReadingRules& rules = shape.rules;
  const std::string table = shape.keyspace + "." + shape.table;
  HIRESTREAM_TRY(check_columns(rules, table, shape.column_names(), Columns::kDeclared));
  for (const Column column : kAllColumns) {
    const TableColumn* found = shape.find(column);
    const bool unread = column == Column::kTs && rules.arrival_is_event_time;
    if (unread || found == nullptr) {
      continue;
    }
    const TableColumn* time_of_day =
        column == Column::kTs ? shape.find(rules.time_of_day) : nullptr;
    HIRESTREAM_TRY(time_of_day == nullptr
                       ? check_tracking_type(table, column, found->type_name)
                       : check_time_types(table, found->type_name, time_of_day->type_name));
  }
  shape.no_tail = why_no_tail(shape);
  shape.strategy = shape.no_tail ? Strategy::kScan : Strategy::kTail;
  return {};
}

bool may_miss_rows(const TableShape& shape, Consistency consistency) {
  int64_t asked = 0;
  int64_t replicas = shape.replicas;
  switch (consistency) {
    case Consistency::kLocalOne:
      asked = 1;
      replicas = shape.local_replicas;
      break;
    case Consistency::kOne:
      asked = 1;
      break;
    case Consistency::kTwo:
      asked = 2;
      break;
    case Consistency::kThree:
      asked = 3;
      break;
    default:
      return false;
  }
  return asked + replicas / 2 + 1 <= replicas;
}

Result<TableShape> introspect_table(CassandraConnection& connection, ReadingRules rules) {
  CqlSession& session = connection.session();
  TableShape shape;
  shape.rules = std::move(rules);
  shape.keyspace = connection.config().keyspace;
  shape.table = connection.config().table;
  HIRESTREAM_ASSIGN(
      const auto tables,
      session.query("SELECT id, default_time_to_live, gc_grace_seconds, compaction FROM "
                    "system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
                    {shape.keyspace, shape.table}));
  if (tables.rows.empty()) {
    return forward(missing_table_error(session, connection.config()));
  }
  const CqlRow& row = tables.rows[0];
  if (const auto id = row[0] ? read_uuid(bytes_of(*row[0])) : std::nullopt) {
    shape.table_id = format_uuid(*id);
  }
  shape.default_ttl_s = int_of(row[1]);
  shape.gc_grace_s = int_of(row[2]);
  for (const auto& [key, value] : read_text_map(text_of(row[3]))) {
    if (key == "class") {
      shape.compaction = without_package(value);
    }
  }
  HIRESTREAM_TRY(read_columns(session, shape));
  HIRESTREAM_TRY(read_cluster(session, shape));
  HIRESTREAM_TRY(check_shape(shape));
  return shape;
}

}  // namespace hirestream
