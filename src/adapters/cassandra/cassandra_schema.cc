#include "adapters/cassandra/cassandra_schema.h"

#include <fmt/format.h>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/raw_event.h"

namespace hirestream {
namespace {

constexpr std::string_view kSingleNode = "{'class': 'SimpleStrategy', 'replication_factor': 1}";

std::string keyspace_statement(const std::string& keyspace, const std::string& replication) {
  return fmt::format("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {}",
                     quote_identifier(keyspace), replication.empty() ? kSingleNode : replication);
}

std::string qualified(const std::string& keyspace, const std::string& table) {
  return quote_identifier(keyspace) + "." + quote_identifier(table);
}

std::string_view native_type(RawColumn column) {
  switch (column) {
    case RawColumn::kCreateTime:
      return "timeuuid";
    case RawColumn::kTs:
      return "timestamp";
    case RawColumn::kJobId:
    case RawColumn::kPublisherId:
    case RawColumn::kCampaignId:
    case RawColumn::kGroupId:
      return "bigint";
    case RawColumn::kBid:
      return "decimal";
    default:
      return "text";
  }
}

std::string_view deployed_type(RawColumn column) {
  switch (column) {
    case RawColumn::kCd:
    case RawColumn::kEv:
    case RawColumn::kTz:
    case RawColumn::kV:
      return "int";
    default:
      return "text";
  }
}

template <typename TypeOf>
std::string column_list(TypeOf type_of) {
  std::string list;
  for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
    list += fmt::format("  {} {},\n", quote_identifier(kRawColumnNames[i]),
                        type_of(static_cast<RawColumn>(i)));
  }
  return list;
}

}  // namespace

std::vector<std::string> recommended_schema_statements(const std::string& keyspace,
                                                       const std::string& table,
                                                       const std::string& replication,
                                                       TableTypes types,
                                                       const PartitionLayout& layout) {
  const std::string columns = column_list([&](RawColumn column) {
    return types == TableTypes::kNative ? native_type(column) : std::string_view("text");
  });
  const std::string layout_table = layout_table_name(table);
  return {
      keyspace_statement(keyspace, replication),
      fmt::format(
          "CREATE TABLE IF NOT EXISTS {} (\n  bucket bigint,\n  shard int,\n{}"
          "  PRIMARY KEY ((bucket, shard), create_time)\n"
          ") WITH CLUSTERING ORDER BY (create_time ASC)\n"
          "  AND compaction = {{'class': 'TimeWindowCompactionStrategy', "
          "'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}}\n"
          "  AND comment = 'Raw tracking events. bucket = arrival time / width, shard = hash of "
          "create_time: see {}'",
          qualified(keyspace, table), columns, layout_table),
      fmt::format("CREATE TABLE IF NOT EXISTS {} (\n  from_bucket_time timestamp PRIMARY KEY,\n"
                  "  bucket_width_s int,\n  shard_count int\n"
                  ") WITH comment = 'How the rows of {} are spread over its partitions'",
                  qualified(keyspace, layout_table), table),
      fmt::format("INSERT INTO {} (from_bucket_time, bucket_width_s, shard_count) VALUES (0, {}, "
                  "{}) IF NOT EXISTS",
                  qualified(keyspace, layout_table), layout.bucket_width_s, layout.shard_count),
  };
}

std::vector<std::string> deployed_schema_statements(const std::string& keyspace,
                                                    const std::string& table,
                                                    const std::string& replication) {
  return {keyspace_statement(keyspace, replication),
          fmt::format("CREATE TABLE IF NOT EXISTS {} (\n{}  PRIMARY KEY (create_time)\n)",
                      qualified(keyspace, table), column_list(deployed_type))};
}

std::vector<std::string> reader_grant_statements(const std::string& keyspace,
                                                 const std::string& table,
                                                 const std::string& role) {
  const std::string to = quote_identifier(role);
  return {
      fmt::format("GRANT SELECT ON TABLE {} TO {}", qualified(keyspace, table), to),
      fmt::format("GRANT SELECT ON TABLE {} TO {}", qualified(keyspace, layout_table_name(table)),
                  to),
      fmt::format("GRANT SELECT ON TABLE system.size_estimates TO {}", to),
  };
}

}  // namespace hirestream
