// Looks in a sample of the recommended table for rows that a writer put where they do not belong. A
// row's bucket follows from the time in its create_time, and its shard may be any function of its
// create_time alone: so a row that is written twice stays one row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/cassandra/table_shape.h"
#include "model/result.h"

namespace hirestream {

struct MisplacedRows {
  int64_t sampled = 0;
  int64_t in_wrong_bucket = 0;
  int64_t in_unread_shard = 0;  // below 0, or not below the shards of the layout's last entry
  int64_t in_two_shards = 0;    // among those that were looked for in every shard of their bucket
  int64_t of_other_shards = 0;  // their shard is not that of shard_of()
  std::string example = {};     // of the gravest kind that was found
};

// At most a few thousand rows of some hundred partitions, and some dozen reads of single rows.
Result<MisplacedRows> sample_misplaced_rows(const CassandraConfig& config,
                                            const TableShape& tail_shape);

// For people, the gravest first; empty: nothing to say. Pure.
std::vector<std::string> misplaced_rows_advice(const MisplacedRows& found,
                                               const std::string& table);

}  // namespace hirestream
