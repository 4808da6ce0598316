#include "adapters/cassandra/mirror_progress_query.h"

#include <fmt/format.h>

#include "adapters/cassandra/cql_session_internal.h"
#include "ports/mirror.h"

namespace hirestream {

std::string mirror_state_table_name(const std::string& table) {
  return table + "_mirror";
}

Result<std::vector<MirrorProgress>> read_mirror_progress(CassandraConnection& connection,
                                                         std::string_view table_id) {
  const CassandraConfig& config = connection.config();
  const std::string state = mirror_state_table_name(config.table);
  CqlSession& session = connection.session();
  std::vector<MirrorProgress> mirrors;
  HIRESTREAM_ASSIGN(const auto known, session.query("SELECT table_name FROM system_schema.tables "
                                                    "WHERE keyspace_name = ? AND table_name = ?",
                                                    {config.keyspace, state}));
  if (known.rows.empty()) {
    return mirrors;
  }
  HIRESTREAM_ASSIGN(
      const auto answer,
      session.query(fmt::format("SELECT mirror, node, copied_parts, copied_us, "
                                "writetime(copied_us) FROM {}.{}",
                                quote_identifier(config.keyspace), quote_identifier(state)),
                    {}));
  for (const CqlRow& row : answer.rows) {
    // One that kept a table of that name which was dropped has stored there, too.
    if (!row[0].value_or("").starts_with(table_id)) {
      continue;
    }
    mirrors.push_back({.node = row[1].value_or(""),
                       .stored_us = bigint_of(row[4]),
                       .copied_us = bigint_of(row[3]),
                       .is_copying = int_of(row[2]) < kMirrorCopyParts});
  }
  return mirrors;
}

}  // namespace hirestream
