// What mirrors have stored beside the table that they keep (cassandra_mirror.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "model/mirror_progress.h"
#include "model/result.h"

namespace hirestream {

std::string mirror_state_table_name(const std::string& table);

// Of the connection's table, whose id that is. None where it is no mirror. Two small requests at
// LOCAL_ONE: what a replica lacks is there the next time.
Result<std::vector<MirrorProgress>> read_mirror_progress(CassandraConnection& connection,
                                                         std::string_view table_id);

}  // namespace hirestream
