// The tables' DDL, as init runs it or prints it for somebody else to run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/partition_layout.h"

namespace hirestream {

enum class TableTypes {
  kNative,  // timeuuid, timestamp, bigint, decimal; the rest text
  kText,    // all of it text: create_time does not sort by time then
};

// One statement each, with IF NOT EXISTS: keyspace, recommended tracking table, layout table and
// its entry. `replication` is a CQL map; empty: SimpleStrategy with one replica, for a single node.
std::vector<std::string> recommended_schema_statements(const std::string& keyspace,
                                                       const std::string& table,
                                                       const std::string& replication = {},
                                                       TableTypes types = TableTypes::kNative,
                                                       const PartitionLayout& layout = {});

// The table as it is usually met: create_time (text) alone as the key, all columns text or int.
std::vector<std::string> deployed_schema_statements(const std::string& keyspace,
                                                    const std::string& table,
                                                    const std::string& replication = {});

// What a role that only reads needs: SELECT on the two tables and on the server's size estimates
// (for scans). system_schema and system.local are open to everybody.
std::vector<std::string> reader_grant_statements(const std::string& keyspace,
                                                 const std::string& table, const std::string& role);

}  // namespace hirestream
