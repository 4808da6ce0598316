// Strategy tail: a table with PRIMARY KEY ((bucket, shard), create_time). A slice is a partition; from a position on it is read as a range
// of create_time, which costs what is new and not what is there. Text UUIDs do not sort by time: those partitions are read whole.
//
// Threading, blocking, errors: see ports/event_source.h. Pages are fetched ahead while the sink works. Destroying the source
// cancels what is under way.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/table_shape.h"
#include "model/time_zone.h"
#include "ports/event_source.h"

namespace hirestream {

struct CqlStatement;

class CassandraTailSource : public EventSource {
 public:
  // `shape` must be a tail table's.
  static Result<std::unique_ptr<CassandraTailSource>> open(
      std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
      PartitionLayout layout, const TimeZone& source_zone, bool with_payload);
  ~CassandraTailSource() override;

  const SourceDescription& description() const override { return description_; }
  // By token ranges; kConfig when there are partitions that the layout does not know.
  Result<std::vector<SliceListing>> discover(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  Result<void> read(std::span<const SliceRead> requests, RowSink& sink) override;
  // A place is the upper half of a partition's token, shifted to begin at 0.
  Result<void> read_ring(uint64_t begin, uint64_t end, SliceSink& sink) override;
  Result<void> scan(const ScanBound& bound, RowSink& sink) override;  // kBug: not this strategy
  ReadStatistics statistics() const override;

 private:
  struct Statements;
  CassandraTailSource(std::unique_ptr<CassandraConnection> connection, RawPageDecoder decoder,
                      const TimeZone& source_zone);
  // Requests of one statement and level, by their indexes.
  Result<void> read_alike(std::span<const SliceRead> requests, std::span<const size_t> indexes,
                          bool range, ReadLevel level, RowSink& sink);
  Result<void> list_page(std::span<const uint8_t> rows, size_t row_count,
                         std::span<const int32_t> shards, std::vector<SliceListing>& out) const;

  // A page of rows that begin with bucket and shard: each run of rows of one slice to the sink.
  Result<void> deliver_slices(std::span<const uint8_t> rows, size_t row_count, SliceSink& sink);
  Result<SliceKey> slice_of(std::string_view bucket, std::string_view shard) const;

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statements> statements_;  // before connection_ when destroyed
  RawPageDecoder decoder_;
  TrackingBatch batch_;
  SourceDescription description_;
  PartitionLayout layout_;
  std::string table_;
  CqlType bucket_type_ = CqlType::kBigint;
  CqlType shard_type_ = CqlType::kInt;
};

}  // namespace hirestream
