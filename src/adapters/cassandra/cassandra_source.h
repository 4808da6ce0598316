// Opens a tracking table in Cassandra as an event source: looks at the table and picks the
// strategy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/table_shape.h"
#include "model/reading_rules.h"
#include "model/result.h"
#include "ports/event_source.h"

namespace hirestream {

struct CassandraSourceOptions {
  ReadingRules rules;
  bool with_payload = false;  // read `ed`, for attribution by payload
  // Nothing: what the table's key says. Any table can be scanned; kTail of a table without buckets
  // is an error kConfig.
  std::optional<Strategy> strategy;
};

struct OpenedCassandraSource {
  std::unique_ptr<EventSource> source;
  TableShape shape;
  std::vector<std::string> notes;  // what somebody should know; may be empty
};

Result<OpenedCassandraSource> open_cassandra_source(const CassandraConfig& config,
                                                    const CassandraSourceOptions& options);

}  // namespace hirestream
