#include "adapters/cassandra/cassandra_probe.h"

#include <fmt/format.h>

#include <cstdlib>

#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/partition_layout.h"

namespace hirestream {
namespace {

constexpr int kRoundTrips = 5;
constexpr int64_t kClockDifferenceMaxUs = 500'000;
constexpr int32_t kDayS = 86'400;
constexpr int32_t kWeekS = 7 * 86'400;

Result<void> measure_clock(CassandraConnection& connection, Clock& clock, CassandraProbe& probe) {
  HIRESTREAM_ASSIGN(const auto statement,
                    connection.session().prepare("SELECT now() FROM system.local"));
  for (int i = 0; i < kRoundTrips; ++i) {
    const int64_t begin = clock.now_us();
    HIRESTREAM_ASSIGN(const auto answer, connection.session().query(statement, {}));
    const int64_t end = clock.now_us();
    if (answer.rows.empty() || !answer.rows[0][0]) {
      return fail(ErrorKind::kTransient, "probe", "system.local", "has no row");
    }
    const std::string& cell = *answer.rows[0][0];
    const auto id = read_uuid({reinterpret_cast<const uint8_t*>(cell.data()), cell.size()});
    if (id && (i == 0 || end - begin < probe.round_trip_us)) {
      probe.round_trip_us = end - begin;
      probe.clock_difference_us = arrival_time_us(*id) - (begin + end) / 2;
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> table_advice(const TableShape& shape, const CassandraConfig& config) {
  std::vector<std::string> advice;
  const std::string table = shape.keyspace + "." + shape.table;
  if (shape.strategy == Strategy::kScan) {
    advice.push_back(fmt::format(
        "{} has {}: finding new rows means reading all of it again and again, and the cost grows "
        "with history. Use the recommended table, PRIMARY KEY ((bucket, shard), create_time): "
        "hirestream init --print shows it.",
        table, shape.key_text()));
  }
  if (shape.strategy == Strategy::kTail && is_text(shape.find(Column::kCreateTime)->type)) {
    advice.push_back(fmt::format(
        "{}.create_time is text, which does not sort by time: each poll reads whole partitions. "
        "Use timeuuid.",
        table));
  }
  const TableColumn* ts = shape.find(Column::kTs);
  if (ts != nullptr && is_text(ts->type)) {
    advice.push_back(fmt::format(
        "{}.ts is text: every value must be parsed, and scans cannot be bounded exactly. Use "
        "timestamp.",
        table));
  }
  if (shape.strategy == Strategy::kTail && shape.compaction != "TimeWindowCompactionStrategy") {
    advice.push_back(fmt::format(
        "{} is compacted by {}: for rows that are written once, TimeWindowCompactionStrategy with "
        "windows of a day costs less.",
        table, shape.compaction));
  }
  if (shape.strategy == Strategy::kScan && shape.default_ttl_s > 0 &&
      shape.default_ttl_s < 3 * kDayS) {
    advice.push_back(fmt::format(
        "{} drops rows after {} s: a scan keeps what a day gave only if it can look at that day's "
        "rows once more when the day is over. Keep raw rows for three days at least.",
        table, shape.default_ttl_s));
  }
  if (shape.strategy == Strategy::kTail && shape.default_ttl_s > 0 &&
      shape.default_ttl_s < kWeekS) {
    advice.push_back(fmt::format(
        "{} drops rows after {} s, before the ledger's retention ends (7 days by default): verify "
        "cannot recount what has expired. Keep raw rows longer, or set a shorter retention.",
        table, shape.default_ttl_s));
  }
  if (shape.replication.find("SimpleStrategy") != std::string::npos) {
    advice.push_back(fmt::format(
        "keyspace {} is replicated by SimpleStrategy: fine for one node, not for production.",
        shape.keyspace));
  }
  if (config.consistency == Consistency::kOne || config.consistency == Consistency::kLocalOne) {
    advice.push_back(fmt::format(
        "reads with consistency {} may miss rows until replicas agree; they are found late, by "
        "audits. LOCAL_QUORUM with LOCAL_QUORUM writes sees every acknowledged row.",
        consistency_name(config.consistency)));
  }
  return advice;
}

Result<CassandraProbe> probe_cassandra(const CassandraConfig& config, const ReadingRules& rules,
                                       Clock& clock) {
  HIRESTREAM_ASSIGN(const auto connection, CassandraConnection::open(config));
  CassandraProbe probe;
  HIRESTREAM_ASSIGN(probe.shape, introspect_table(*connection, rules));
  HIRESTREAM_TRY(measure_clock(*connection, clock, probe));
  probe.advice = table_advice(probe.shape, config);
  if (probe.shape.strategy == Strategy::kTail) {
    HIRESTREAM_ASSIGN(auto in_force, read_layout(*connection));
    if (!in_force.note.empty()) {
      probe.advice.push_back(std::move(in_force.note));
    }
  }
  if (std::abs(probe.clock_difference_us) > kClockDifferenceMaxUs) {
    probe.advice.push_back(fmt::format(
        "the server's clock differs from this machine's by {:.1f} s: rows seem to arrive early or "
        "late. Run NTP on both.",
        static_cast<double>(probe.clock_difference_us) / 1e6));
  }
  return probe;
}

}  // namespace hirestream
