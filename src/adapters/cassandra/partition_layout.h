// How rows are spread over the partitions (bucket, shard) of the recommended table. Writers and
// readers must agree: the layout table beside the tracking table ("<table>_layout") says which
// bucket width and shard count hold.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cql_value.h"
#include "model/result.h"
#include "model/row_id.h"
#include "model/slice.h"

namespace hirestream {

struct PartitionLayout {
  int32_t bucket_width_s = 60;
  int32_t shard_count = 8;
  friend bool operator==(const PartitionLayout&, const PartitionLayout&) = default;

  // kConfig: width outside 1 … 86400 (and a divisor of a day), shards outside 1 … 1024.
  Result<void> validate() const;
};

// The layouts of one table over time: the shard count may grow, the width stays. A reader looks at
// the shards of the last entry from the start, so an entry can be added for a time to come, the
// readers restarted, and nothing is missed when the writers turn to it.
struct LayoutEntry {
  int64_t from_us = 0;  // arrival times from here on
  PartitionLayout layout;
};
// By time.
using LayoutHistory = std::vector<LayoutEntry>;
// kConfig naming the entry: impossible values, another width, fewer shards than before.
Result<void> check_history(const LayoutHistory& history);
// What holds for a row that arrived then; before the first entry: the first.
const PartitionLayout& layout_at(const LayoutHistory& history, int64_t arrival_us);

// The shard of a row: XXH3 (64 bits, seed 0) of the 16 bytes of its create_time in network order
// (RFC 4122), modulo the number of shards. Every writer of the table must do the same.
int32_t shard_of(const RowId& id, int32_t shard_count);

// The bucket of an arrival time: seconds since 1970 divided by the bucket width, rounded down.
int64_t bucket_of(int64_t arrival_us, int32_t bucket_width_s);

// Where the row belongs; nothing: its id is no version-1 UUID.
std::optional<SliceKey> slice_of(const RowId& id, const LayoutHistory& history);

// A bucket as a value of the column: int and bigint hold its number, text the number's decimal
// digits, timestamp the bucket's begin.
// False: it does not fit.
bool append_bucket(CqlType type, int64_t bucket, int32_t bucket_width_s, std::string& out);
// Nothing when the cell is no such value (a timestamp between two buckets, text that append_bucket
// would write otherwise or that is no number), or a bucket in which no version-1 UUID lies.
std::optional<int64_t> read_bucket(CqlType type, std::span<const uint8_t> cell,
                                   int32_t bucket_width_s);

std::string layout_table_name(const std::string& table);

struct LayoutInForce {
  LayoutHistory history = {{}};  // at least one entry
  std::string note;              // not empty: the layout table is missing or empty, defaults hold
};
// kConfig as check_history.
Result<LayoutInForce> read_layout(CassandraConnection& connection);

}  // namespace hirestream
