// Strategy scan: a table that must be read through to find what is new (create_time alone is the
// key). A part of the token ring is cut into small ranges, read in parallel; event times are
// filtered on the server. An empty page is not the end: the server returns one when it has looked
// long enough. Slices are minutes of event time.
//
// Text ts sort as text, not as times: there the bound is a date two days early and open at its end,
// which any offset fits in; only texts that do not begin with a date can be missed, and sweeps
// without event times find those.
//
// Threading, blocking, errors: see ports/event_source.h. Pages are fetched ahead; destroying the
// sweep cancels what is under way.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/table_shape.h"
#include "ports/event_source.h"

namespace hirestream {

// Lower bound on a text ts for rows from that time on: the date two days before.
std::string text_bound(int64_t from_us);

class CassandraScanSource : public EventSource {
 public:
  // Any shape.
  static Result<std::unique_ptr<CassandraScanSource>> open(
      std::unique_ptr<CassandraConnection> connection, const TableShape& shape, bool with_payload);
  ~CassandraScanSource() override;

  const SourceDescription& description() const override { return description_; }
  // Must not be called: there are no slice_reads.
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override;
  // 0
  Result<int64_t> newest_bucket(int64_t now_us) override;
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  ReadStatistics statistics() const override;

 private:
  struct Statements;
  class RingSweep;
  CassandraScanSource(std::unique_ptr<CassandraConnection> connection, RawPageDecoder decoder,
                      const ReadingRules& rules);
  Result<uint32_t> range_count(const RingPart& part);

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statements> statements_;
  RawPageDecoder decoder_;
  TrackingBatch batch_;  // of the sweep's page
  SourceDescription description_;
  bool ts_is_text_ = true;
};

}  // namespace hirestream
