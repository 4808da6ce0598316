#include "adapters/cassandra/cassandra_tail_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/mirror_progress_query.h"

namespace hirestream {
namespace {

// DISTINCT walks the partitions' index, not their rows: ranges need not be fine.
constexpr uint32_t kDiscoverRanges = 64;
constexpr uint32_t kRingRanges = 16;
// 1582-10-15, the least time of a version-1 UUID.
constexpr int64_t kFirstVersion1Us = -12'219'292'800'000'000;

std::vector<std::pair<std::string, CqlType>> result_columns(const CqlStatement& statement) {
  std::vector<std::pair<std::string, CqlType>> columns;
  for (const ResultColumn& column : statement.columns) {
    columns.emplace_back(column.name, column.type);
  }
  return columns;
}

}  // namespace

struct CassandraTailSource::Statements {
  CqlStatement whole;     // bucket, shard
  CqlStatement range;     // bucket, shard, create_time from; only when range reads are possible
  CqlStatement discover;  // token from, token to
  CqlStatement ring;      // token from, token to; bucket and shard before the tracking columns
};

CassandraTailSource::CassandraTailSource(std::unique_ptr<CassandraConnection> connection,
                                         RawPageDecoder decoder, const ReadingRules& rules)
    : connection_(std::move(connection)),
      late_notes_(*connection_),
      decoder_(std::move(decoder)),
      batch_(rules) {}

CassandraTailSource::~CassandraTailSource() = default;

Result<std::unique_ptr<CassandraTailSource>> CassandraTailSource::open(
    std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
    PartitionLayout layout, bool with_payload) {
  HIRESTREAM_CHECK(shape.strategy == Strategy::kTail);
  HIRESTREAM_TRY(layout.validate());
  CqlSession& session = connection->session();
  const std::string table = quote_identifier(shape.keyspace) + "." + quote_identifier(shape.table);
  const std::string select = fmt::format("SELECT {} FROM {} WHERE bucket = ? AND shard = ?",
                                         shape.select_list(with_payload), table);
  auto statements = std::make_unique<Statements>();
  HIRESTREAM_ASSIGN(statements->whole, session.prepare(select));
  const bool range_reads = is_uuid(shape.find(Column::kCreateTime)->type);
  if (range_reads) {
    HIRESTREAM_ASSIGN(
        statements->range,
        session.prepare(fmt::format("{} AND {} >= ?", select,
                                    quote_identifier(shape.rules.name(Column::kCreateTime)))));
  }
  const std::string key = fmt::format("{}", fmt::join(shape.key(ColumnKind::kPartitionKey), ", "));
  HIRESTREAM_ASSIGN(
      statements->discover,
      session.prepare(fmt::format(
          "SELECT DISTINCT bucket, shard FROM {} WHERE token({}) > ? AND token({}) <= ?", table,
          key, key)));
  HIRESTREAM_ASSIGN(statements->ring,
                    session.prepare(fmt::format(
                        "SELECT bucket, shard, {} FROM {} WHERE token({}) > ? AND token({}) <= ?",
                        shape.select_list(with_payload), table, key, key)));
  HIRESTREAM_ASSIGN(auto decoder, RawPageDecoder::make(
                                      shape.table, result_columns(statements->whole), shape.rules));

  std::unique_ptr<CassandraTailSource> source(
      new CassandraTailSource(std::move(connection), std::move(decoder), shape.rules));
  source->statements_ = std::move(statements);
  source->layout_ = layout;
  source->table_ = shape.keyspace + "." + shape.table;
  source->table_id_ = shape.table_id;
  source->bucket_type_ = shape.find("bucket")->type;
  source->shard_type_ = shape.find("shard")->type;
  source->description_ = {
      .strategy = Strategy::kTail,
      .kind = "cassandra",
      .identity = shape.identity(),
      .shard_count = layout.shard_count,
      .bucket_width = BucketWidth::seconds(layout.bucket_width_s),
      .columns = shape.column_list(with_payload),
      .may_miss_rows = may_miss_rows(shape, source->connection_->config().consistency),
      .range_reads = range_reads,
      .ring_reads = true};
  return source;
}

class CassandraTailSource::PartitionDiscovery : public Discovery {
 public:
  PartitionDiscovery(const CassandraTailSource& source, CqlRead pages,
                     std::span<const int32_t> shards)
      : source_(source), pages_(std::move(pages)), shards_(shards.begin(), shards.end()) {}

  Result<bool> next(std::vector<SliceListing>& out) override {
    HIRESTREAM_ASSIGN(const auto page, pages_.next());
    if (!page) {
      return false;
    }
    HIRESTREAM_TRY(source_.list_page(page->rows(), page->row_count(), shards_, out));
    return true;
  }

 private:
  const CassandraTailSource& source_;
  CqlRead pages_;
  std::vector<int32_t> shards_;
};

Result<std::unique_ptr<Discovery>> CassandraTailSource::begin_discovery(
    std::span<const int32_t> shards) {
  HIRESTREAM_TRY(connection_->check_same_table(table_id_));
  HIRESTREAM_ASSIGN(
      auto read, connection_->session().scan(statements_->discover, TokenRange(), kDiscoverRanges,
                                             BoundValues(), connection_->config().consistency));
  return std::make_unique<PartitionDiscovery>(*this, std::move(read), shards);
}

Result<void> CassandraTailSource::list_page(std::span<const uint8_t> rows, size_t row_count,
                                            std::span<const int32_t> shards,
                                            std::vector<SliceListing>& out) const {
  std::string unknown;
  const auto visit = [&](const CqlRow& row) {
    const auto bucket = row[0]
                            ? read_bucket(bucket_type_, bytes_of(*row[0]), layout_.bucket_width_s)
                            : std::nullopt;
    const auto shard = row[1] ? read_integer(shard_type_, bytes_of(*row[1])).value : std::nullopt;
    if (!bucket) {
      unknown = fmt::format(
          "a bucket that is no multiple of {} s, beyond the times of ids, or "
          "written otherwise than its number",
          layout_.bucket_width_s);
    } else if (!shard || *shard < 0 || *shard >= layout_.shard_count) {
      unknown = fmt::format("shard {} in bucket {}, where the layout has {} shards",
                            shard.value_or(-1), *bucket, layout_.shard_count);
    } else if (std::find(shards.begin(), shards.end(), *shard) != shards.end()) {
      out.push_back({.key = {static_cast<int32_t>(*shard), *bucket}, .name = {}, .tag = {}});
    }
  };
  HIRESTREAM_TRY(for_each_row(rows, row_count, 2, visit));
  if (!unknown.empty()) {
    return fail(ErrorKind::kConfig, "discover slices", table_, "there is " + unknown,
                fmt::format("nobody would read those rows. Has {0} a new entry? Start again, it is "
                            "read at the start. If not, the writers do not follow {0}",
                            layout_table_name(table_)));
  }
  return {};
}

Result<std::vector<MirrorProgress>> CassandraTailSource::mirrors() {
  return read_mirror_progress(*connection_, table_id_);
}

Result<std::vector<LateNote>> CassandraTailSource::late_notes(int64_t now_us) {
  return late_notes_.read(now_us);
}

Result<int64_t> CassandraTailSource::newest_bucket(int64_t now_us) {
  return bucket_of(now_us, layout_.bucket_width_s);
}

Result<SliceKey> CassandraTailSource::slice_of(std::string_view bucket,
                                               std::string_view shard) const {
  const auto number = read_bucket(bucket_type_, bytes_of(bucket), layout_.bucket_width_s);
  const auto part = read_integer(shard_type_, bytes_of(shard)).value;
  if (!number || !part || *part < 0 || *part >= layout_.shard_count) {
    return fail(ErrorKind::kConfig, "read slices", table_,
                "there is a partition whose bucket or shard the layout does not know",
                fmt::format("the writers do not follow {}", layout_table_name(table_)));
  }
  return SliceKey{static_cast<int32_t>(*part), *number};
}

// Slices read from a position on first, then whole ones: a statement for each.
class CassandraTailSource::SliceSweep : public Sweep {
 public:
  SliceSweep(CassandraTailSource& source, std::vector<SliceRead> reads, ReadLevel level)
      : source_(source), reads_(std::move(reads)), level_(level) {
    const auto wholes =
        std::stable_partition(reads_.begin(), reads_.end(), [&source](const SliceRead& read) {
          return source.description_.range_reads && read.from_position.has_value();
        });
    range_count_ = static_cast<size_t>(wholes - reads_.begin());
  }

  Result<std::optional<SweepPage>> next() override {
    for (;;) {
      if (!pages_) {
        if (end_ == reads_.size()) {
          return std::optional<SweepPage>();
        }
        HIRESTREAM_TRY(start_statement());
      }
      HIRESTREAM_ASSIGN(const auto page, pages_->next());
      if (page) {
        TrackingBatch& batch = source_.batch_;
        batch.clear();
        HIRESTREAM_TRY(source_.decoder_.decode(page->rows(), page->row_count(), batch));
        return std::optional(SweepPage{reads_[begin_ + page->request()].slice, batch});
      }
      pages_.reset();
    }
  }

 private:
  // Asks for the next reads of one statement.
  Result<void> start_statement() {
    const size_t begin = end_;
    const bool range = begin < range_count_;
    const size_t end = range ? range_count_ : reads_.size();
    BoundValues values;
    for (size_t i = begin; i < end; ++i) {
      HIRESTREAM_TRY(bind(reads_[i], range, values));
    }
    const Statements& statements = *source_.statements_;
    CassandraConnection& connection = *source_.connection_;
    HIRESTREAM_ASSIGN(CqlRead pages,
                      connection.session().read(range ? statements.range : statements.whole, values,
                                                range ? 3 : 2, connection.consistency_at(level_)));
    pages_.emplace(std::move(pages));
    begin_ = begin;
    end_ = end;
    return {};
  }

  Result<void> bind(const SliceRead& read, bool range, BoundValues& values) const {
    if (!append_bucket(source_.bucket_type_, read.slice.bucket, source_.layout_.bucket_width_s,
                       values.bytes())) {
      return fail(ErrorKind::kConfig, "read slice", source_.table_,
                  fmt::format("bucket {} does not fit its column", read.slice.bucket),
                  "the column bucket needs a wider type");
    }
    values.commit();
    HIRESTREAM_CHECK(append_integer(source_.shard_type_, read.slice.shard, values.bytes()));
    values.commit();
    if (range) {
      // One microsecond early: uuid and timeuuid columns order equal times differently.
      append_uuid(lowest_version_1(std::max(read.from_position->value - 1, kFirstVersion1Us)),
                  values.bytes());
      values.commit();
    }
    return {};
  }

  CassandraTailSource& source_;
  std::vector<SliceRead> reads_;
  size_t range_count_ = 0;
  ReadLevel level_;
  // Of reads_[begin_, end_).
  std::optional<CqlRead> pages_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// Rows that begin with bucket and shard.
class CassandraTailSource::RingSweep : public Sweep {
 public:
  RingSweep(CassandraTailSource& source, CqlRead pages)
      : source_(source), pages_(std::move(pages)) {}

  Result<std::optional<SweepPage>> next() override {
    while (rows_left_ == 0) {
      HIRESTREAM_ASSIGN(auto page, pages_.next());
      if (!page) {
        return std::optional<SweepPage>();
      }
      page_.emplace(std::move(*page));
      rest_ = page_->rows();
      rows_left_ = page_->row_count();
    }
    return next_run();
  }

 private:
  // The page's next rows, as long as they are of one slice.
  Result<std::optional<SweepPage>> next_run() {
    const size_t columns = source_.statements_->ring.columns.size();
    TrackingBatch& batch = source_.batch_;
    batch.clear();
    std::string_view key;  // bucket and shard of the run, serialized
    SliceKey slice;
    while (rows_left_ > 0) {
      const std::span<const uint8_t> row = rest_;
      const auto bucket = next_cell();
      const auto shard = bucket ? next_cell() : std::nullopt;
      if (!shard) {
        return malformed();
      }
      // Both are parts of the key, never null; together they are told apart by the bucket's length,
      // which is in front.
      const std::string_view row_key(reinterpret_cast<const char*>(row.data()),
                                     row.size() - rest_.size());
      if (batch.empty()) {
        key = row_key;
        HIRESTREAM_ASSIGN(slice, source_.slice_of(*bucket, *shard));
      } else if (row_key != key) {
        rest_ = row;
        break;
      }
      const std::span<const uint8_t> cells = rest_;
      for (size_t column = 2; column < columns; ++column) {
        if (!next_cell()) {
          return malformed();
        }
      }
      HIRESTREAM_TRY(source_.decoder_.decode(cells.first(cells.size() - rest_.size()), 1, batch));
      --rows_left_;
    }
    return std::optional(SweepPage{slice, batch});
  }

  // Nothing: the page ends within it. Null cells are empty.
  std::optional<std::string_view> next_cell() {
    const auto length = rest_.size() >= 4 ? read_int32(rest_.first(4)) : std::nullopt;
    const auto size = static_cast<size_t>(std::max(length.value_or(0), 0));
    if (!length || size > rest_.size() - 4) {
      return std::nullopt;
    }
    const std::string_view cell(reinterpret_cast<const char*>(rest_.data() + 4), size);
    rest_ = rest_.subspan(4 + size);
    return cell;
  }

  tl::unexpected<Error> malformed() const {
    return fail(ErrorKind::kTransient, "read", source_.table_, "a page ends within a row");
  }

  CassandraTailSource& source_;
  CqlRead pages_;
  std::optional<CqlPage> page_;
  // Of the page, still to be delivered.
  std::span<const uint8_t> rest_;
  size_t rows_left_ = 0;
};

Result<std::unique_ptr<Sweep>> CassandraTailSource::sweep(SweepRequest request) {
  if (auto* reads = std::get_if<std::vector<SliceRead>>(&request.what)) {
    return std::make_unique<SliceSweep>(*this, std::move(*reads), request.level);
  }
  const auto& part = std::get<RingPart>(request.what);
  HIRESTREAM_CHECK(!part.event_times);
  HIRESTREAM_ASSIGN(
      CqlRead pages,
      connection_->session().scan(statements_->ring, token_range(part.begin, part.end), kRingRanges,
                                  BoundValues(), connection_->consistency_at(request.level)));
  return std::make_unique<RingSweep>(*this, std::move(pages));
}

ReadStatistics CassandraTailSource::statistics() const {
  return connection_->statistics();
}

}  // namespace hirestream
