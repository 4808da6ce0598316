#include "adapters/cassandra/cassandra_scan_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/floor_divide.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr uint32_t kRangesMin = 64;
constexpr uint32_t kRangesMax = 16'384;
// A range is one server's work within one request time-out even when nothing in it matches.
constexpr int64_t kPartitionsPerRange = 25'000;
constexpr int64_t kDayUs = 86'400'000'000;

std::string timestamp_cell(int64_t ms) {
  std::string cell;
  append_int64(ms, cell);
  return cell;
}

}  // namespace

std::string text_bound(int64_t from_us) {
  const int64_t days = floor_divide(from_us, kDayUs) - 2;
  // Before the year 1 and after 9999 there are no four digits to compare.
  const int64_t first = days_from_civil(1, 1, 1);
  const int64_t last = days_from_civil(9999, 12, 31);
  return format_date(static_cast<int32_t>(std::clamp(days, first, last)));
}

struct CassandraScanSource::Statements {
  CqlStatement complete;  // token from, token to
  CqlStatement bounded;   // token from, token to, ts from [, ts to]
};

CassandraScanSource::CassandraScanSource(std::unique_ptr<CassandraConnection> connection,
                                         RawPageDecoder decoder, const TimeZone& source_zone)
    : connection_(std::move(connection)), decoder_(std::move(decoder)), batch_(source_zone) {}

CassandraScanSource::~CassandraScanSource() = default;

Result<std::unique_ptr<CassandraScanSource>> CassandraScanSource::open(
    std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
    const TimeZone& source_zone, bool with_payload) {
  CqlSession& session = connection->session();
  std::vector<std::string> key;
  for (const std::string& name : shape.key(ColumnKind::kPartitionKey)) {
    key.push_back(quote_identifier(name));
  }
  const std::string token = fmt::format("token({})", fmt::join(key, ", "));
  const std::string select =
      fmt::format("SELECT {} FROM {}.{} WHERE {} > ? AND {} <= ?", shape.select_list(with_payload),
                  quote_identifier(shape.keyspace), quote_identifier(shape.table), token, token);
  const bool ts_is_text = is_text(shape.find("ts")->type);
  auto statements = std::make_unique<Statements>();
  HIRESTREAM_ASSIGN(statements->complete, session.prepare(select));
  HIRESTREAM_ASSIGN(
      statements->bounded,
      session.prepare(select + (ts_is_text ? " AND ts >= ? ALLOW FILTERING"
                                           : " AND ts >= ? AND ts < ? ALLOW FILTERING")));
  std::vector<std::pair<std::string, CqlType>> columns;
  for (const ResultColumn& column : statements->complete.columns) {
    columns.emplace_back(column.name, column.type);
  }
  HIRESTREAM_ASSIGN(auto decoder, RawPageDecoder::make(shape.table, columns));

  std::unique_ptr<CassandraScanSource> source(
      new CassandraScanSource(std::move(connection), std::move(decoder), source_zone));
  source->statements_ = std::move(statements);
  source->ts_is_text_ = ts_is_text;
  source->description_ = {.strategy = Strategy::kScan,
                          .kind = "cassandra",
                          .identity = shape.identity(),
                          .shard_count = 1,
                          .bucket_width_s = kScanBucketWidthS,
                          .range_reads = false};
  return source;
}

// From the server's estimate of its own share of the table, times the number of nodes.
Result<uint32_t> CassandraScanSource::range_count() {
  const CassandraConfig& config = connection_->config();
  CqlSession& session = connection_->session();
  const auto estimates = session.query(
      "SELECT partitions_count FROM system.size_estimates WHERE keyspace_name = ? "
      "AND table_name = ?",
      {config.keyspace, config.table});
  if (!estimates) {
    // Not every role may read it.
    return estimates.error().kind == ErrorKind::kConfig
               ? Result<uint32_t>(kRangesMin * 4)
               : Result<uint32_t>(forward(estimates.error()));
  }
  HIRESTREAM_ASSIGN(const auto peers, session.query("SELECT peer FROM system.peers", {}));
  int64_t partitions = 0;
  for (const CqlRow& row : estimates->rows) {
    if (row[0]) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(row[0]->data());
      partitions += read_int64({bytes, row[0]->size()}).value_or(0);
    }
  }
  const int64_t nodes = static_cast<int64_t>(peers.rows.size()) + 1;
  return static_cast<uint32_t>(
      std::clamp<int64_t>(partitions * nodes / kPartitionsPerRange, kRangesMin, kRangesMax));
}

Result<void> CassandraScanSource::scan(const ScanBound& bound, RowSink& sink) {
  BoundValues values;
  if (!bound.complete && ts_is_text_) {
    values.add(text_bound(bound.from_us));
  } else if (!bound.complete) {
    values.add(timestamp_cell(floor_divide(bound.from_us, 1000)));
    values.add(timestamp_cell(floor_divide(bound.to_us - 1, 1000) + 1));
  }
  HIRESTREAM_ASSIGN(const uint32_t ranges, range_count());
  const CassandraConfig& config = connection_->config();
  HIRESTREAM_ASSIGN(
      auto pages, connection_->session().scan(
                      bound.complete ? statements_->complete : statements_->bounded, ranges, values,
                      bound.level == ReadLevel::kStrongest ? config.strongest_consistency
                                                           : config.consistency));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, pages.next());
    if (!page) {
      return {};
    }
    batch_.clear();
    HIRESTREAM_TRY(decoder_.decode(page->rows(), page->row_count(), batch_));
    HIRESTREAM_TRY(sink.on_rows(0, batch_));
  }
}

Result<std::vector<SliceListing>> CassandraScanSource::discover(std::span<const int32_t>) {
  return fail(ErrorKind::kBug, "discover slices", description_.identity,
              "this source can only be scanned");
}

Result<int64_t> CassandraScanSource::newest_bucket(int64_t) {
  return 0;
}

Result<void> CassandraScanSource::read(std::span<const SliceRead>, RowSink&) {
  return fail(ErrorKind::kBug, "read slices", description_.identity,
              "this source can only be scanned");
}

ReadStatistics CassandraScanSource::statistics() const {
  return connection_->statistics();
}

}  // namespace hirestream
