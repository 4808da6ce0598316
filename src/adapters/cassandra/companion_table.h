// Tables of our own beside a tracking table.
#pragma once

#include <string>
#include <string_view>

#include "adapters/cassandra/cassandra_connection.h"
#include "model/result.h"

namespace hirestream {

// CREATE TABLE with `columns` and their key, and `options` ("" or "AND …"). Its id follows from the
// name and from the tracking table's id: programs beside several nodes make it at the same time,
// and with an id of each node's own the cluster would hold two tables of one name ("Table ID
// mismatch"). A tracking table that is dropped and made anew has another id, so what the log still
// has of the old companion never comes into the new one. A companion alone is emptied by TRUNCATE:
// one that is dropped and made again is the same table to a node that was away.
std::string companion_table_statement(std::string_view keyspace, std::string_view name,
                                      std::string_view columns, std::string_view options,
                                      std::string_view tracking_table_id);

// Makes it where it is missing; needs no permission where it is there.
Result<void> make_companion_table(CassandraConnection& connection, const std::string& name,
                                  std::string_view columns, std::string_view options,
                                  std::string_view tracking_table_id);

}  // namespace hirestream
