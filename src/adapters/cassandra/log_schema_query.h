// The tables of a cluster as its commit log must be read with (commit_log/log_schema.h).
#pragma once

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/commit_log/log_schema.h"
#include "model/result.h"

namespace hirestream {

// Tables and materialized views of all keyspaces, with the columns that they lost.
Result<LogSchema> read_log_schema(CassandraConnection& connection);

}  // namespace hirestream
