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
  return shape.id_is_whole_key() && is_uuid(shape.find(Column::kCreateTime)->type);
}

// A partition that has nothing but static columns looks like a row without its clustering columns.
bool may_lack_rows(const TableShape& shape) {
  return shape.find(Column::kCreateTime)->kind == ColumnKind::kClustering;
}

std::string token_text(const TableShape& shape) {
  std::vector<std::string> key;
  for (const std::string& name : shape.key(ColumnKind::kPartitionKey)) {
    key.push_back(quote_identifier(name));
  }
  return fmt::format("token({})", fmt::join(key, ", "));
}

// Nothing: event times come from elsewhere.
const TableColumn* time_column(const TableShape& shape) {
  return shape.rules.arrival_is_event_time ? nullptr : shape.find(Column::kTs);
}

TimeBound bound_of(const TableShape& shape) {
  const TableColumn* ts = time_column(shape);
  return ts == nullptr ? TimeBound::kNone : time_bound(ts->type);
}

std::string bound_text(const TableShape& shape, TimeBound bound) {
  if (bound == TimeBound::kNone) {
    return {};
  }
  const std::string ts = quote_identifier(time_column(shape)->name);
  switch (bound) {
    case TimeBound::kTimestamp:
      return fmt::format(" AND {0} >= ? AND {0} < ? ALLOW FILTERING", ts);
    case TimeBound::kDate:
      return fmt::format(" AND {0} >= ? AND {0} <= ? ALLOW FILTERING", ts);
    default:
      return fmt::format(" AND {} >= ? ALLOW FILTERING", ts);
  }
}

std::string date_cell(int64_t days) {
  std::string cell;
  append_date_cell(days, cell);
  return cell;
}

std::string timestamp_cell(int64_t ms) {
  std::string cell;
  append_int64(ms, cell);
  return cell;
}

// `bound` kNone: of all event times.
std::string scan_statement(const TableShape& shape, bool with_payload, TimeBound bound) {
  const std::string token = token_text(shape);
  return fmt::format("SELECT {} FROM {}.{} WHERE {} > ? AND {} <= ?{}",
                     shape.select_list(with_payload), quote_identifier(shape.keyspace),
                     quote_identifier(shape.table), token, token, bound_text(shape, bound));
}

std::vector<std::string> bound_values(TimeBound bound, const EventTimes& times) {
  switch (bound) {
    case TimeBound::kText:
      return {text_bound(times.from_us)};
    case TimeBound::kTimestamp:
      return {timestamp_cell(floor_divide(times.from_us, 1000)),
              timestamp_cell(floor_divide(times.to_us - 1, 1000) + 1)};
    case TimeBound::kDate:
      return {date_cell(floor_divide(times.from_us, kDayUs) - 1),
              date_cell(floor_divide(times.to_us, kDayUs) + 1)};
    case TimeBound::kNone:
      break;
  }
  return {};
}

// What the server says where it refuses what it is asked.
Result<std::optional<std::string>> refusal_of(const Error& error) {
  if (error.kind != ErrorKind::kConfig) {
    return forward(error);
  }
  return std::optional(error.message);
}

// Asks the statement of no token at all.
Result<std::optional<std::string>> refusal_of(CassandraConnection& connection,
                                              const CqlStatement& by_times,
                                              const std::vector<std::string>& bounds) {
  std::vector<std::string> values = {timestamp_cell(0), timestamp_cell(0)};
  values.insert(values.end(), bounds.begin(), bounds.end());
  const auto answer = connection.session().query(by_times, values, connection.config().consistency);
  return answer ? Result<std::optional<std::string>>() : refusal_of(answer.error());
}

}  // namespace

TimeBound time_bound(CqlType ts) {
  return is_text(ts)                 ? TimeBound::kText
         : ts == CqlType::kTimestamp ? TimeBound::kTimestamp
         : ts == CqlType::kDate      ? TimeBound::kDate
                                     : TimeBound::kNone;
}

std::string text_bound(int64_t from_us) {
  const int64_t days = floor_divide(from_us, kDayUs) - 2;
  // Before the year 1 and after 9999 there are no four digits to compare.
  const int64_t first = days_from_civil(1, 1, 1);
  const int64_t last = days_from_civil(9999, 12, 31);
  return format_date(static_cast<int32_t>(std::clamp(days, first, last)));
}

struct CassandraScanSource::Statements {
  CqlStatement all;                      // token from, token to
  std::optional<CqlStatement> by_times;  // token from, token to, bounds; unless refused
};

CassandraScanSource::CassandraScanSource(std::unique_ptr<CassandraConnection> connection,
                                         RawPageDecoder decoder, const ReadingRules& rules)
    : connection_(std::move(connection)), decoder_(std::move(decoder)), batch_(rules) {}

CassandraScanSource::~CassandraScanSource() = default;

Result<std::unique_ptr<CassandraScanSource>> CassandraScanSource::open(
    std::unique_ptr<CassandraConnection> connection, const TableShape& shape, bool with_payload) {
  auto statements = std::make_unique<Statements>();
  HIRESTREAM_ASSIGN(statements->all, connection->session().prepare(
                                         scan_statement(shape, with_payload, TimeBound::kNone)));
  std::vector<std::pair<std::string, CqlType>> columns;
  for (const ResultColumn& column : statements->all.columns) {
    columns.emplace_back(column.name, column.type);
  }
  HIRESTREAM_ASSIGN(auto decoder,
                    RawPageDecoder::make(shape.table, columns, shape.rules, may_lack_rows(shape)));

  std::unique_ptr<CassandraScanSource> source(
      new CassandraScanSource(std::move(connection), std::move(decoder), shape.rules));
  source->statements_ = std::move(statements);
  source->table_id_ = shape.table_id;
  source->by_token_ = !shape.id_is_whole_key();
  source->description_ = {
      .strategy = Strategy::kScan,
      .kind = "cassandra",
      .identity = shape.identity(),
      .shard_count = 1,
      .bucket_width = BucketWidth::seconds(60),
      .columns = shape.column_list(with_payload),
      .lifetime_us =
          shape.default_ttl_s > 0 ? std::optional(shape.default_ttl_s * kSecondUs) : std::nullopt,
      .may_miss_rows = may_miss_rows(shape, source->connection_->config().consistency),
      .unique_rows = has_unique_rows(shape),
      .range_reads = false,
      .slice_reads = false,
      .ring_reads = true};
  HIRESTREAM_TRY(source->prepare_bound(shape, with_payload));
  return source;
}

Result<std::optional<std::string>> bound_refusal(CassandraConnection& connection,
                                                 const TableShape& shape) {
  const TimeBound bound = bound_of(shape);
  if (bound == TimeBound::kNone) {
    const TableColumn* ts = time_column(shape);
    return ts == nullptr ? std::string("event times are those of arrival")
                         : fmt::format("{} is {}", ts->name, ts->type_name);
  }
  const auto by_times = connection.session().prepare(scan_statement(shape, false, bound));
  return by_times ? refusal_of(connection, *by_times, bound_values(bound, {0, 1}))
                  : refusal_of(by_times.error());
}

Result<void> CassandraScanSource::prepare_bound(const TableShape& shape, bool with_payload) {
  time_bound_ = bound_of(shape);
  HIRESTREAM_ASSIGN(const auto refusal, bound_refusal(*connection_, shape));
  if (refusal) {
    notes_.push_back(
        fmt::format("{}.{}: every scan reads all of it, for it cannot be asked for "
                    "recent event times: {}",
                    shape.keyspace, shape.table, *refusal));
  }
  if (time_bound_ == TimeBound::kNone) {
    return {};
  }
  auto statement = connection_->session().prepare(scan_statement(shape, with_payload, time_bound_));
  if (statement) {
    statements_->by_times = std::move(*statement);
  }
  return {};
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
  // `part`: what is read without a bound.
  RingSweep(CassandraScanSource& source, std::optional<RingPart> part, CqlRead pages)
      : source_(source), part_(part), pages_(std::move(pages)) {}

  Result<std::optional<SweepPage>> next() override {
    HIRESTREAM_ASSIGN(const auto page, pages_.next());
    if (!page) {
      if (part_) {
        source_.parts_known_.emplace(part_->begin, part_->end);
      }
      return std::optional<SweepPage>();
    }
    TrackingBatch& batch = source_.batch_;
    batch.clear();
    HIRESTREAM_TRY(source_.decoder_.decode(page->rows(), page->row_count(), batch));
    source_.has_undated_texts_ = source_.has_undated_texts_ || batch.undated_texts() > 0;
    return std::optional(SweepPage{std::nullopt, batch});
  }

 private:
  CassandraScanSource& source_;
  std::optional<RingPart> part_;
  CqlRead pages_;
};

bool CassandraScanSource::may_bound(const RingPart& part) const {
  if (!part.event_times || !statements_->by_times) {
    return false;
  }
  return time_bound_ != TimeBound::kText ||
         (!has_undated_texts_ && (parts_known_.contains({0, kRingPlaces}) ||
                                  parts_known_.contains({part.begin, part.end})));
}

Result<std::unique_ptr<Sweep>> CassandraScanSource::sweep(SweepRequest request) {
  const auto* part = std::get_if<RingPart>(&request.what);
  HIRESTREAM_CHECK(part != nullptr);
  if (!part->event_times) {
    HIRESTREAM_TRY(connection_->check_same_table(table_id_));
  }
  BoundValues values;
  bool bounded = may_bound(*part);
  if (bounded) {
    EventTimes times = *part->event_times;
    times.from_us -= by_token_ ? kSameIdMarginUs : 0;
    times.to_us += by_token_ ? kSameIdMarginUs : 0;
    const auto bounds = bound_values(time_bound_, times);
    // Guardrails can be set while the server runs.
    HIRESTREAM_ASSIGN(const auto refusal, refusal_of(*connection_, *statements_->by_times, bounds));
    bounded = !refusal;
    for (const std::string& value : bounds) {
      if (bounded) {
        values.add(value);
      }
    }
  }
  HIRESTREAM_ASSIGN(const uint32_t ranges, range_count(*part));
  HIRESTREAM_ASSIGN(CqlRead pages, connection_->session().scan(
                                       bounded ? *statements_->by_times : statements_->all,
                                       token_range(part->begin, part->end), ranges, values,
                                       connection_->consistency_at(request.level),
                                       by_token_ ? PageOrder::kByToken : PageOrder::kAsTheyCome));
  return std::make_unique<RingSweep>(*this, bounded ? std::nullopt : std::optional(*part),
                                     std::move(pages));
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
