#include "adapters/cassandra/cassandra_probe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "adapters/cassandra/cassandra_mirror.h"
#include "adapters/cassandra/cassandra_scan_source.h"
#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/partition_layout.h"

namespace hirestream {
namespace {

constexpr int kRoundTrips = 5;
constexpr int64_t kClockDifferenceMaxUs = 500'000;
constexpr int64_t kMirrorSilentUs = 300'000'000;
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

std::string copy_text(const TableShape& shape) {
  return fmt::format(
      "make the recommended table beside it (hirestream init --source "
      "cassandra://…/{}/{}_by_bucket), copy the rows that are there (hirestream import --from … "
      "--to …), let the writers write to it; where they must stay as they are, hirestream mirror "
      "on the node keeps it equal by the commit log, within a second",
      shape.keyspace, shape.table);
}

std::vector<TableAdvice> scan_advice(const TableShape& shape) {
  std::vector<TableAdvice> advice;
  const std::string table = shape.keyspace + "." + shape.table;
  advice.push_back(
      {fmt::format("{} can only be scanned, for {}: finding new rows means reading all of it again "
                   "and again, and the cost grows with history",
                   table, shape.no_tail.value_or("--strategy says so")),
       copy_text(shape)});
  if (!shape.id_is_whole_key()) {
    advice.push_back(
        {fmt::format("rows of {} with one create_time may lie in several places: only the first of "
                     "them counts, and each scan remembers all ids",
                     table),
         "nothing, if the writers make each create_time once"});
  }
  if (shape.default_ttl_s > 0 && shape.default_ttl_s < 3 * kDayS) {
    advice.push_back(
        {fmt::format("{} drops rows after {} s: a scan keeps what a day gave only if it can look "
                     "at that day's rows once more when the day is over",
                     table, shape.default_ttl_s),
         "keep raw rows for three days at least; ALTER TABLE … WITH default_time_to_live holds for "
         "new rows, those that are there expire as they were written"});
  }
  return advice;
}

std::vector<TableAdvice> tail_advice(const TableShape& shape) {
  std::vector<TableAdvice> advice;
  const std::string table = shape.keyspace + "." + shape.table;
  if (is_text(shape.find(Column::kCreateTime)->type)) {
    advice.push_back({fmt::format("{}.create_time is text, which does not sort by time: each poll "
                                  "reads whole partitions",
                                  table),
                      "use timeuuid; the type of a key cannot be altered: " + copy_text(shape)});
  }
  if (shape.compaction != "TimeWindowCompactionStrategy") {
    advice.push_back({fmt::format("{} is compacted by {}: for rows that are written once, "
                                  "TimeWindowCompactionStrategy with windows of a day costs less",
                                  table, shape.compaction),
                      "ALTER TABLE … WITH compaction; the rows that are there are compacted anew "
                      "then, once"});
  }
  if (shape.default_ttl_s > 0 && shape.default_ttl_s < kWeekS) {
    advice.push_back(
        {fmt::format("{} drops rows after {} s, before the ledger's retention ends (7 days by "
                     "default): verify cannot recount what has expired",
                     table, shape.default_ttl_s),
         "a shorter --retention, or a longer default_time_to_live, which holds for new rows; those "
         "that are there expire as they were written"});
  }
  return advice;
}

// One statement of each table, as the engine asks it.
Result<void> try_privileges(CassandraConnection& connection, CassandraProbe& probe) {
  const CassandraConfig& config = connection.config();
  CqlSession& session = connection.session();
  const auto may_read = [&](const std::string& keyspace, const std::string& table) {
    const auto answer =
        session.query(fmt::format("SELECT * FROM {}.{} LIMIT 1", quote_identifier(keyspace),
                                  quote_identifier(table)),
                      {}, config.consistency);
    return answer || answer.error().kind != ErrorKind::kConfig ? Result<void>()
                                                               : forward(answer.error());
  };
  HIRESTREAM_TRY(may_read(config.keyspace, config.table));
  if (probe.shape.strategy == Strategy::kScan && !may_read("system", "size_estimates")) {
    probe.advice.push_back(
        {"this user may not read system.size_estimates: scans guess how finely to cut the table",
         "GRANT SELECT ON TABLE system.size_estimates, as hirestream init --print shows"});
  }
  return {};
}

Result<void> try_bounds(CassandraConnection& connection, CassandraProbe& probe) {
  HIRESTREAM_ASSIGN(const auto refusal, bound_refusal(connection, probe.shape));
  if (refusal) {
    probe.advice.push_back(
        {fmt::format("every scan reads all of {}, for it cannot be asked for recent event times: "
                     "{}",
                     connection.config().table_text(), *refusal),
         "nothing is counted wrongly; it costs less with a ts of the type timestamp, and where "
         "allow_filtering_enabled lets this user filter"});
  }
  return {};
}

void try_guardrails(CassandraConnection& connection, CassandraProbe& probe) {
  const CassandraConfig& config = connection.config();
  const Consistency strongest = connection.consistency_at(ReadLevel::kStrongest);
  if (strongest != config.strongest_consistency) {
    probe.advice.push_back(
        {fmt::format("the server refuses reads at {} (read_consistency_levels_disallowed): a "
                     "slice that seems to lack rows is read again at {} and held as long as they "
                     "are missing",
                     consistency_name(config.strongest_consistency), consistency_name(strongest)),
         "write at LOCAL_QUORUM at least, then no acknowledged row is missed; or allow the level "
         "to this user"});
  }
}

}  // namespace

std::vector<TableAdvice> table_advice(const TableShape& shape, const CassandraConfig& config) {
  std::vector<TableAdvice> advice =
      shape.strategy == Strategy::kScan ? scan_advice(shape) : tail_advice(shape);
  const TableColumn* ts = shape.find(Column::kTs);
  if (ts != nullptr && is_text(ts->type)) {
    advice.push_back(
        {fmt::format("{}.{}.ts is text: every value must be parsed, and scans cannot "
                     "be bounded exactly",
                     shape.keyspace, shape.table),
         "use timestamp in a new table; the rows that are there are read as they are"});
  }
  if (shape.replication.find("SimpleStrategy") != std::string::npos) {
    advice.push_back({fmt::format("keyspace {} is replicated by SimpleStrategy: fine for one node, "
                                  "not for production",
                                  shape.keyspace),
                      "ALTER KEYSPACE … WITH replication, then nodetool repair --full, so that the "
                      "rows that are there reach their new replicas"});
  }
  if (may_miss_rows(shape, config.consistency)) {
    advice.push_back({fmt::format("reads with consistency {} may miss rows until replicas agree; "
                                  "they are found late, by audits",
                                  consistency_name(config.consistency)),
                      "LOCAL_QUORUM with LOCAL_QUORUM writes sees every acknowledged row; of rows "
                      "that were written at ONE, nodetool repair"});
  }
  return advice;
}

std::optional<TableAdvice> mirror_advice(const std::set<std::string>& nodes,
                                         const std::map<std::string, int64_t>& stored_us,
                                         int64_t now_us) {
  bool has_mirror = false;  // one of another cluster's node is none of ours
  std::vector<std::string> without;
  for (const std::string& node : nodes) {
    const auto stored = stored_us.find(node);
    has_mirror = has_mirror || stored != stored_us.end();
    if (stored == stored_us.end() || now_us - stored->second > kMirrorSilentUs) {
      without.push_back(node);
    }
  }
  if (!has_mirror || without.empty()) {
    return std::nullopt;
  }
  return TableAdvice{fmt::format("no mirror was heard of in the last five minutes on {} of {} "
                                 "nodes: {}",
                                 without.size(), nodes.size(), fmt::join(without, ", ")),
                     "run hirestream mirror on each node that replicates the plain table; rows "
                     "none of whose replicas has one are mirrored by the next comparison"};
}

namespace {

Result<std::optional<TableAdvice>> try_mirrors(CassandraConnection& connection, Clock& clock) {
  const CassandraConfig& config = connection.config();
  const std::string table = mirror_state_table_name(config.table);
  HIRESTREAM_ASSIGN(const bool there, connection.has_table(table));
  if (!there) {
    return std::optional<TableAdvice>();
  }
  std::set<std::string> nodes;
  for (const char* select :
       {"SELECT host_id FROM system.local", "SELECT host_id FROM system.peers"}) {
    HIRESTREAM_ASSIGN(const auto answer, connection.session().query(select, {}));
    for (const CqlRow& row : answer.rows) {
      if (const auto id = row[0] ? read_uuid(bytes_of(*row[0])) : std::nullopt) {
        nodes.insert(format_uuid(*id));
      }
    }
  }
  HIRESTREAM_ASSIGN(const auto stored,
                    connection.session().query(
                        fmt::format("SELECT node, WRITETIME(copied_parts) FROM {}.{}",
                                    quote_identifier(config.keyspace), quote_identifier(table)),
                        {}, config.consistency));
  std::map<std::string, int64_t> stored_us;
  for (const CqlRow& row : stored.rows) {
    const auto us = row[1] ? read_int64(bytes_of(*row[1])) : std::nullopt;
    int64_t& newest = stored_us[row[0].value_or("")];
    newest = std::max(newest, us.value_or(0));
  }
  return mirror_advice(nodes, stored_us, clock.now_us());
}

}  // namespace

Result<CassandraProbe> probe_cassandra(const CassandraConfig& config, const ReadingRules& rules,
                                       Clock& clock) {
  HIRESTREAM_ASSIGN(const auto connection, CassandraConnection::open(config));
  CassandraProbe probe;
  HIRESTREAM_ASSIGN(probe.shape, introspect_table(*connection, rules));
  HIRESTREAM_TRY(measure_clock(*connection, clock, probe));
  probe.advice = table_advice(probe.shape, config);
  HIRESTREAM_TRY(try_privileges(*connection, probe));
  try_guardrails(*connection, probe);
  if (probe.shape.strategy == Strategy::kScan) {
    HIRESTREAM_TRY(try_bounds(*connection, probe));
  }
  if (probe.shape.strategy == Strategy::kTail) {
    HIRESTREAM_ASSIGN(auto in_force, read_layout(*connection));
    if (!in_force.note.empty()) {
      probe.advice.push_back({std::move(in_force.note),
                              fmt::format("write how the rows that are there are spread into {}.{} "
                                          "(hirestream init --print shows the entry)",
                                          config.keyspace, layout_table_name(config.table))});
    }
  }
  // Somebody who may read the table need not be allowed to read the mirrors'.
  if (auto advice = try_mirrors(*connection, clock); advice && *advice) {
    probe.advice.push_back(std::move(**advice));
  }
  if (std::abs(probe.clock_difference_us) > kClockDifferenceMaxUs) {
    probe.advice.push_back(
        {fmt::format("the server's clock differs from this machine's by {:.1f} s: rows seem to "
                     "arrive early or late",
                     static_cast<double>(probe.clock_difference_us) / 1e6),
         "run NTP on both; rows that are there keep the time they have"});
  }
  return probe;
}

}  // namespace hirestream
