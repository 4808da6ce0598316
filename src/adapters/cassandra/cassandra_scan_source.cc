#include "adapters/cassandra/cassandra_scan_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/floor_divide.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kRangesMin = 64;
constexpr int64_t kRangesMax = 16'384;
// A range is one server's work within one request time-out even when nothing in it matches.
constexpr int64_t kPartitionsPerRange = 25'000;
constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400'000'000;

// Text says one id in several ways; of a longer key, rows with one id may lie in several places.
bool has_unique_rows(const TableShape& shape) {
  return shape.key(ColumnKind::kPartitionKey) ==
             std::vector<std::string>{shape.find(Column::kCreateTime)->name} &&
         shape.key(ColumnKind::kClustering).empty() &&
         is_uuid(shape.find(Column::kCreateTime)->type);
}

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
  CqlStatement all;  // token from, token to
  // token from, token to, ts from [, ts to]; nothing: the server has no event times to look at.
  std::optional<CqlStatement> by_times;
};

CassandraScanSource::CassandraScanSource(std::unique_ptr<CassandraConnection> connection,
                                         RawPageDecoder decoder, const ReadingRules& rules)
    : connection_(std::move(connection)), decoder_(std::move(decoder)), batch_(rules) {}

CassandraScanSource::~CassandraScanSource() = default;

Result<std::unique_ptr<CassandraScanSource>> CassandraScanSource::open(
    std::unique_ptr<CassandraConnection> connection, const TableShape& shape, bool with_payload) {
  CqlSession& session = connection->session();
  std::vector<std::string> key;
  for (const std::string& name : shape.key(ColumnKind::kPartitionKey)) {
    key.push_back(quote_identifier(name));
  }
  const std::string token = fmt::format("token({})", fmt::join(key, ", "));
  const std::string select =
      fmt::format("SELECT {} FROM {}.{} WHERE {} > ? AND {} <= ?", shape.select_list(with_payload),
                  quote_identifier(shape.keyspace), quote_identifier(shape.table), token, token);
  const TableColumn* ts = shape.rules.arrival_is_event_time ? nullptr : shape.find(Column::kTs);
  const bool ts_is_text = ts != nullptr && is_text(ts->type);
  auto statements = std::make_unique<Statements>();
  HIRESTREAM_ASSIGN(statements->all, session.prepare(select));
  if (ts != nullptr) {
    const std::string name = quote_identifier(ts->name);
    HIRESTREAM_ASSIGN(
        statements->by_times,
        session.prepare(fmt::format("{} AND {} >= ?{} ALLOW FILTERING", select, name,
                                    ts_is_text ? "" : fmt::format(" AND {} < ?", name))));
  }
  std::vector<std::pair<std::string, CqlType>> columns;
  for (const ResultColumn& column : statements->all.columns) {
    columns.emplace_back(column.name, column.type);
  }
  HIRESTREAM_ASSIGN(auto decoder, RawPageDecoder::make(shape.table, columns, shape.rules));

  std::unique_ptr<CassandraScanSource> source(
      new CassandraScanSource(std::move(connection), std::move(decoder), shape.rules));
  source->statements_ = std::move(statements);
  source->ts_is_text_ = ts_is_text;
  source->description_ = {.strategy = Strategy::kScan,
                          .kind = "cassandra",
                          .identity = shape.identity(),
                          .shard_count = 1,
                          .bucket_width = BucketWidth::seconds(60),
                          .columns = shape.column_list(with_payload),
                          .lifetime_us = shape.default_ttl_s > 0
                                             ? std::optional(shape.default_ttl_s * kSecondUs)
                                             : std::nullopt,
                          .unique_rows = has_unique_rows(shape),
                          .range_reads = false,
                          .slice_reads = false,
                          .ring_reads = true};
  return source;
}

// The whole ring's from the server's estimate of its own share of the table, times the number of
// nodes; of them the part's share.
Result<uint32_t> CassandraScanSource::range_count(const RingPart& part) {
  const CassandraConfig& config = connection_->config();
  CqlSession& session = connection_->session();
  const auto share = [&](int64_t ranges) {
    const uint64_t places = part.end - part.begin;
    return std::max(static_cast<uint32_t>(static_cast<uint64_t>(ranges) * places / kRingPlaces),
                    static_cast<uint32_t>(config.parallel_reads));
  };
  const auto estimates = session.query(
      "SELECT partitions_count FROM system.size_estimates WHERE keyspace_name = ? "
      "AND table_name = ?",
      {config.keyspace, config.table});
  if (!estimates) {
    // Not every role may read it.
    return estimates.error().kind == ErrorKind::kConfig
               ? Result<uint32_t>(share(kRangesMin * 4))
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
  return share(std::clamp(partitions * nodes / kPartitionsPerRange, kRangesMin, kRangesMax));
}

class CassandraScanSource::RingSweep : public Sweep {
 public:
  RingSweep(CassandraScanSource& source, CqlRead pages)
      : source_(source), pages_(std::move(pages)) {}

  Result<std::optional<SweepPage>> next() override {
    HIRESTREAM_ASSIGN(const auto page, pages_.next());
    if (!page) {
      return std::optional<SweepPage>();
    }
    TrackingBatch& batch = source_.batch_;
    batch.clear();
    HIRESTREAM_TRY(source_.decoder_.decode(page->rows(), page->row_count(), batch));
    return std::optional(SweepPage{std::nullopt, batch});
  }

 private:
  CassandraScanSource& source_;
  CqlRead pages_;
};

Result<std::unique_ptr<Sweep>> CassandraScanSource::sweep(SweepRequest request) {
  const auto* part = std::get_if<RingPart>(&request.what);
  HIRESTREAM_CHECK(part != nullptr);
  BoundValues values;
  const bool by_times = part->event_times && statements_->by_times;
  if (by_times && ts_is_text_) {
    values.add(text_bound(part->event_times->from_us));
  } else if (by_times) {
    values.add(timestamp_cell(floor_divide(part->event_times->from_us, 1000)));
    values.add(timestamp_cell(floor_divide(part->event_times->to_us - 1, 1000) + 1));
  }
  HIRESTREAM_ASSIGN(const uint32_t ranges, range_count(*part));
  HIRESTREAM_ASSIGN(CqlRead pages, connection_->session().scan(
                                       by_times ? *statements_->by_times : statements_->all,
                                       token_range(part->begin, part->end), ranges, values,
                                       connection_->config().consistency_at(request.level)));
  return std::make_unique<RingSweep>(*this, std::move(pages));
}

Result<std::unique_ptr<Discovery>> CassandraScanSource::begin_discovery(std::span<const int32_t>) {
  HIRESTREAM_CHECK(description_.slice_reads);
  return discovery_of({});
}

Result<int64_t> CassandraScanSource::newest_bucket(int64_t) {
  return 0;
}

ReadStatistics CassandraScanSource::statistics() const {
  return connection_->statistics();
}

}  // namespace hirestream
