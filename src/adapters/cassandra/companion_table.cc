#include "adapters/cassandra/companion_table.h"

#include <fmt/format.h>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/row_id.h"

namespace hirestream {

std::string companion_table_statement(std::string_view keyspace, std::string_view name,
                                      std::string_view columns, std::string_view options,
                                      std::string_view tracking_table_id) {
  const RowId id = read_uuid_text(fmt::format("{}/{}", tracking_table_id, name)).id;
  return fmt::format("CREATE TABLE IF NOT EXISTS {}.{} ({}) WITH id = {}{}{}",
                     quote_identifier(keyspace), quote_identifier(name), columns, format_uuid(id),
                     options.empty() ? "" : " ", options);
}

Result<void> make_companion_table(CassandraConnection& connection, const std::string& name,
                                  std::string_view columns, std::string_view options,
                                  std::string_view tracking_table_id) {
  HIRESTREAM_ASSIGN(const bool there, connection.has_table(name));
  if (there) {
    return {};
  }
  return connection.execute(companion_table_statement(connection.config().keyspace, name, columns,
                                                      options, tracking_table_id));
}

}  // namespace hirestream
