// Strategy tail: a table with PRIMARY KEY ((bucket, shard), create_time). A slice is a partition;
// from a position on it is read as a range of create_time, which costs what is new and not what is
// there. Text UUIDs do not sort by time: those partitions are read whole. A part of the ring is
// read by tokens (token_range.h), each page of a sweep is a run of rows of one partition.
//
// Threading, blocking, errors: see ports/event_source.h. Pages are fetched ahead; destroying the
// sweep cancels what is under way.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/late_notes.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/table_shape.h"
#include "ports/event_source.h"

namespace hirestream {

struct CqlStatement;

class CassandraTailSource : public EventSource {
 public:
  // `shape` must be a tail table's.
  static Result<std::unique_ptr<CassandraTailSource>> open(
      std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
      PartitionLayout layout, bool with_payload);
  ~CassandraTailSource() override;

  const SourceDescription& description() const override { return description_; }
  // By token ranges, a page at a time; kConfig when there are partitions that the layout does not
  // know.
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  // See late_notes.h.
  Result<std::vector<LateNote>> late_notes(int64_t now_us) override;
  Result<std::vector<MirrorProgress>> mirrors() override;
  ReadStatistics statistics() const override;

 private:
  struct Statements;
  class SliceSweep;
  class RingSweep;
  CassandraTailSource(std::unique_ptr<CassandraConnection> connection, RawPageDecoder decoder,
                      const ReadingRules& rules);
  class PartitionDiscovery;
  Result<void> list_page(std::span<const uint8_t> rows, size_t row_count,
                         std::span<const int32_t> shards, std::vector<SliceListing>& out) const;
  Result<SliceKey> slice_of(std::string_view bucket, std::string_view shard) const;

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statements> statements_;  // before connection_ when destroyed
  LateNoteReader late_notes_;
  RawPageDecoder decoder_;
  TrackingBatch batch_;  // of the sweep's page
  SourceDescription description_;
  PartitionLayout layout_;
  std::string table_;
  std::string table_id_;
  CqlType bucket_type_ = CqlType::kBigint;
  CqlType shard_type_ = CqlType::kInt;
};

}  // namespace hirestream
