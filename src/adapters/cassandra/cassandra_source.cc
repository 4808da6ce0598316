#include "adapters/cassandra/cassandra_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/cassandra/cassandra_scan_source.h"
#include "adapters/cassandra/cassandra_tail_source.h"

namespace hirestream {
namespace {

Result<void> check_strategy(const TableShape& shape, Strategy strategy) {
  const std::string table = shape.keyspace + "." + shape.table;
  if (strategy == Strategy::kTail && shape.strategy != Strategy::kTail) {
    return fail(ErrorKind::kConfig, "open source", table,
                fmt::format("cannot be tailed: {}", shape.no_tail.value_or("")),
                "leave --strategy away, or use a table with PRIMARY KEY ((bucket, shard), "
                "create_time)");
  }
  if (strategy != Strategy::kTail && strategy != Strategy::kScan) {
    return fail(
        ErrorKind::kConfig, "open source", table,
        fmt::format("cannot be read by strategy {}, allowed: tail, scan", strategy_name(strategy)));
  }
  return {};
}

}  // namespace

Result<OpenedCassandraSource> open_cassandra_source(const CassandraConfig& config,
                                                    const CassandraSourceOptions& options) {
  HIRESTREAM_ASSIGN(auto connection, CassandraConnection::open(config));
  OpenedCassandraSource opened;
  HIRESTREAM_ASSIGN(opened.shape, introspect_table(*connection, options.rules));
  const Strategy strategy = options.strategy.value_or(opened.shape.strategy);
  HIRESTREAM_TRY(check_strategy(opened.shape, strategy));
  if (std::string lacks =
          missing_columns_text(options.rules, opened.shape.column_names(), options.with_payload);
      !lacks.empty()) {
    opened.notes.push_back(fmt::format("{}: {}", config.table_text(), lacks));
  }
  if (strategy == Strategy::kScan) {
    HIRESTREAM_ASSIGN(auto source, CassandraScanSource::open(std::move(connection), opened.shape,
                                                             options.with_payload));
    std::ranges::copy(source->notes(), std::back_inserter(opened.notes));
    opened.source = std::move(source);
    return opened;
  }
  HIRESTREAM_ASSIGN(auto in_force, read_layout(*connection));
  if (!in_force.note.empty()) {
    opened.notes.push_back(std::move(in_force.note));
  }
  HIRESTREAM_ASSIGN(opened.source, CassandraTailSource::open(std::move(connection), opened.shape,
                                                             in_force.history.back().layout,
                                                             options.with_payload));
  return opened;
}

}  // namespace hirestream
