#include "adapters/cassandra/cassandra_tail_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

// DISTINCT walks the partitions' index, not their rows: ranges need not be fine.
constexpr uint32_t kDiscoverRanges = 64;
// Parts of a ring read that are asked for side by side.
constexpr uint64_t kRingRequests = 16;
// 1582-10-15, the least time of a version-1 UUID.
constexpr int64_t kFirstVersion1Us = -12'219'292'800'000'000;

std::span<const uint8_t> bytes_of(const std::string& cell) {
  return {reinterpret_cast<const uint8_t*>(cell.data()), cell.size()};
}

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
                                         RawPageDecoder decoder, const TimeZone& source_zone)
    : connection_(std::move(connection)), decoder_(std::move(decoder)), batch_(source_zone) {}

CassandraTailSource::~CassandraTailSource() = default;

Result<std::unique_ptr<CassandraTailSource>> CassandraTailSource::open(
    std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
    PartitionLayout layout, const TimeZone& source_zone, bool with_payload) {
  HIRESTREAM_CHECK(shape.strategy == Strategy::kTail);
  HIRESTREAM_TRY(layout.validate());
  CqlSession& session = connection->session();
  const std::string table = quote_identifier(shape.keyspace) + "." + quote_identifier(shape.table);
  const std::string select = fmt::format("SELECT {} FROM {} WHERE bucket = ? AND shard = ?",
                                         shape.select_list(with_payload), table);
  auto statements = std::make_unique<Statements>();
  HIRESTREAM_ASSIGN(statements->whole, session.prepare(select));
  const bool range_reads = is_uuid(shape.find("create_time")->type);
  if (range_reads) {
    HIRESTREAM_ASSIGN(statements->range, session.prepare(select + " AND create_time >= ?"));
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
  HIRESTREAM_ASSIGN(auto decoder,
                    RawPageDecoder::make(shape.table, result_columns(statements->whole)));

  std::unique_ptr<CassandraTailSource> source(
      new CassandraTailSource(std::move(connection), std::move(decoder), source_zone));
  source->statements_ = std::move(statements);
  source->layout_ = layout;
  source->table_ = shape.keyspace + "." + shape.table;
  source->bucket_type_ = shape.find("bucket")->type;
  source->shard_type_ = shape.find("shard")->type;
  source->description_ = {.strategy = Strategy::kTail,
                          .kind = "cassandra",
                          .identity = shape.identity(),
                          .shard_count = layout.shard_count,
                          .bucket_width_s = layout.bucket_width_s,
                          .range_reads = range_reads,
                          .ring_reads = true};
  return source;
}

Result<std::vector<SliceListing>> CassandraTailSource::discover(std::span<const int32_t> shards) {
  HIRESTREAM_ASSIGN(
      auto read, connection_->session().scan(statements_->discover, kDiscoverRanges, BoundValues(),
                                             connection_->config().consistency));
  std::vector<SliceListing> listings;
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, read.next());
    if (!page) {
      break;
    }
    HIRESTREAM_TRY(list_page(page->rows(), page->row_count(), shards, listings));
  }
  std::sort(listings.begin(), listings.end(),
            [](const SliceListing& a, const SliceListing& b) { return a.key < b.key; });
  return listings;
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
      unknown = fmt::format("a bucket that is no multiple of {} s", layout_.bucket_width_s);
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

Result<int64_t> CassandraTailSource::newest_bucket(int64_t now_us) {
  return bucket_of(now_us, layout_.bucket_width_s);
}

Result<void> CassandraTailSource::read(std::span<const SliceRead> requests, RowSink& sink) {
  std::array<std::vector<size_t>, 4> groups;
  for (size_t i = 0; i < requests.size(); ++i) {
    const bool range = description_.range_reads && requests[i].from_position.has_value();
    const bool strongest = requests[i].level == ReadLevel::kStrongest;
    groups[(range ? 1U : 0U) + (strongest ? 2U : 0U)].push_back(i);
  }
  for (size_t group = 0; group < groups.size(); ++group) {
    if (!groups[group].empty()) {
      HIRESTREAM_TRY(read_alike(requests, groups[group], group % 2 == 1,
                                group >= 2 ? ReadLevel::kStrongest : ReadLevel::kConfigured, sink));
    }
  }
  return {};
}

Result<void> CassandraTailSource::read_alike(std::span<const SliceRead> requests,
                                             std::span<const size_t> indexes, bool range,
                                             ReadLevel level, RowSink& sink) {
  BoundValues values;
  for (const size_t index : indexes) {
    const SliceRead& request = requests[index];
    if (!append_bucket(bucket_type_, request.slice.bucket, layout_.bucket_width_s,
                       values.bytes())) {
      return fail(ErrorKind::kBug, "read slice", table_,
                  fmt::format("bucket {} does not fit its column", request.slice.bucket));
    }
    values.commit();
    HIRESTREAM_CHECK(append_integer(shard_type_, request.slice.shard, values.bytes()));
    values.commit();
    if (range) {
      // One microsecond early: uuid and timeuuid columns order equal times differently.
      append_uuid(lowest_version_1(std::max(*request.from_position - 1, kFirstVersion1Us)),
                  values.bytes());
      values.commit();
    }
  }
  const CassandraConfig& config = connection_->config();
  const Consistency consistency =
      level == ReadLevel::kStrongest ? config.strongest_consistency : config.consistency;
  HIRESTREAM_ASSIGN(auto pages,
                    connection_->session().read(range ? statements_->range : statements_->whole,
                                                values, range ? 3 : 2, consistency));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, pages.next());
    if (!page) {
      return {};
    }
    batch_.clear();
    HIRESTREAM_TRY(decoder_.decode(page->rows(), page->row_count(), batch_));
    HIRESTREAM_TRY(sink.on_rows(indexes[page->request()], batch_));
  }
}

Result<void> CassandraTailSource::read_ring(uint64_t begin, uint64_t end, SliceSink& sink) {
  HIRESTREAM_CHECK(begin < end && end <= kRingPlaces);
  // Tokens are signed 64-bit numbers; a range excludes its begin, and no key has the least token (Murmur3Partitioner).
  const auto token_of = [](uint64_t place) {
    return place == kRingPlaces ? INT64_MAX
                                : static_cast<int64_t>((place << 32) ^ (uint64_t{1} << 63));
  };
  BoundValues values;
  const uint64_t requests = std::min(kRingRequests, end - begin);
  uint64_t from = begin;
  for (uint64_t i = 1; i <= requests; ++i) {
    const uint64_t to = begin + (end - begin) * i / requests;
    append_int64(token_of(from), values.bytes());
    values.commit();
    append_int64(token_of(to), values.bytes());
    values.commit();
    from = to;
  }
  HIRESTREAM_ASSIGN(auto pages, connection_->session().read(statements_->ring, values, 2,
                                                            connection_->config().consistency));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, pages.next());
    if (!page) {
      return {};
    }
    HIRESTREAM_TRY(deliver_slices(page->rows(), page->row_count(), sink));
  }
}

Result<SliceKey> CassandraTailSource::slice_of(std::string_view bucket,
                                               std::string_view shard) const {
  const auto bytes = [](std::string_view cell) {
    return std::span(reinterpret_cast<const uint8_t*>(cell.data()), cell.size());
  };
  const auto number = read_bucket(bucket_type_, bytes(bucket), layout_.bucket_width_s);
  const auto part = read_integer(shard_type_, bytes(shard)).value;
  if (!number || !part || *part < 0 || *part >= layout_.shard_count) {
    return fail(ErrorKind::kConfig, "read slices", table_,
                "there is a partition whose bucket or shard the layout does not know",
                fmt::format("the writers do not follow {}", layout_table_name(table_)));
  }
  return SliceKey{static_cast<int32_t>(*part), *number};
}

Result<void> CassandraTailSource::deliver_slices(std::span<const uint8_t> rows, size_t row_count,
                                                 SliceSink& sink) {
  const size_t columns = statements_->ring.columns.size();
  const uint8_t* at = rows.data();
  const uint8_t* const end = at + rows.size();
  const auto next_cell = [&at, end]() -> std::optional<std::string_view> {
    const auto length = end - at >= 4 ? read_int32({at, 4}) : std::nullopt;
    if (!length || *length > end - at - 4) {
      return std::nullopt;
    }
    const auto size = static_cast<size_t>(std::max(*length, 0));
    const std::string_view cell(reinterpret_cast<const char*>(at + 4), size);
    at += 4 + size;
    return cell;
  };
  std::string key;  // bucket and shard of the rows in batch_, serialized
  SliceKey slice;
  batch_.clear();
  for (size_t row = 0; row < row_count; ++row) {
    const auto bucket = next_cell();
    const auto shard = bucket ? next_cell() : std::nullopt;
    if (!shard) {
      return fail(ErrorKind::kTransient, "read", table_, "a page ends within a row");
    }
    // Both are parts of the key, never null; together they are told apart by the bucket's length, which is in front.
    const auto* head = reinterpret_cast<const char*>(bucket->data()) - 4;
    const std::string_view both(head,
                                static_cast<size_t>(reinterpret_cast<const char*>(at) - head));
    if (both != key) {
      if (!batch_.empty()) {
        HIRESTREAM_TRY(sink.on_slice_rows(slice, batch_));
        batch_.clear();
      }
      key = both;
      HIRESTREAM_ASSIGN(slice, slice_of(*bucket, *shard));
    }
    const uint8_t* const begin = at;
    for (size_t column = 2; column < columns; ++column) {
      if (!next_cell()) {
        return fail(ErrorKind::kTransient, "read", table_, "a page ends within a row");
      }
    }
    HIRESTREAM_TRY(decoder_.decode({begin, static_cast<size_t>(at - begin)}, 1, batch_));
  }
  return batch_.empty() ? Result<void>() : sink.on_slice_rows(slice, batch_);
}

Result<void> CassandraTailSource::scan(const ScanBound&, RowSink&) {
  return fail(ErrorKind::kBug, "scan", table_, "this source is read by slices");
}

ReadStatistics CassandraTailSource::statistics() const {
  return connection_->statistics();
}

}  // namespace hirestream
