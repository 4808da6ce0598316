// What `doctor` tells about a Cassandra source.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/table_shape.h"
#include "model/result.h"
#include "ports/clock.h"

namespace hirestream {

struct TableAdvice {
  std::string finding;
  std::string remedy;  // what to do, and what becomes of the rows that are there
  friend bool operator==(const TableAdvice&, const TableAdvice&) = default;
};

struct CassandraProbe {
  TableShape shape;                 // server version, cluster name, key, TTL, gc_grace
  int64_t round_trip_us = 0;        // least of several small queries
  int64_t clock_difference_us = 0;  // server − local; known to half a round trip
  std::vector<TableAdvice> advice;  // empty: nothing to say
};

// Also tries what the engine will ask for: privileges on each table, guardrails.
Result<CassandraProbe> probe_cassandra(const CassandraConfig& config, const ReadingRules& rules,
                                       Clock& clock);

// The advice for a table and configuration. Pure.
std::vector<TableAdvice> table_advice(const TableShape& shape, const CassandraConfig& config);

// Of a table that mirrors keep, which have stored their places at these times, by node. `nodes`:
// the host ids of its cluster. Pure.
std::optional<TableAdvice> mirror_advice(const std::set<std::string>& nodes,
                                         const std::map<std::string, int64_t>& stored_us,
                                         int64_t now_us);

}  // namespace hirestream
