// Strategy scan: a table that must be read through to find what is new (create_time alone is the key). The token ring is cut into small
// ranges, read in parallel; a bound on ts is filtered on the server. An empty page is not the end: the server returns one when it has
// looked long enough.
//
// Text ts sort as text, not as times: there the bound is a date two days early and open at its end, which any offset fits in; only texts that
// do not begin with a date can be missed, and complete scans find those.
//
// Threading, blocking, errors: see ports/event_source.h. Destroying the source cancels what is under way.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/table_shape.h"
#include "model/time_zone.h"
#include "ports/event_source.h"

namespace hirestream {

// The slices of a scan are minutes of event time.
inline constexpr int64_t kScanBucketWidthS = 60;

// Lower bound on a text ts for a scan from that time: the date two days before.
std::string text_bound(int64_t from_us);

class CassandraScanSource : public EventSource {
 public:
  // Any shape.
  static Result<std::unique_ptr<CassandraScanSource>> open(
      std::unique_ptr<CassandraConnection> connection, const TableShape& shape,
      const TimeZone& source_zone, bool with_payload);
  ~CassandraScanSource() override;

  const SourceDescription& description() const override { return description_; }
  Result<std::vector<SliceListing>> discover(std::span<const int32_t> shards) override;  // kBug
  Result<int64_t> newest_bucket(int64_t now_us) override;                                // 0
  Result<void> read(std::span<const SliceRead> requests, RowSink& sink) override;        // kBug
  Result<void> scan(const ScanBound& bound, RowSink& sink) override;
  ReadStatistics statistics() const override;

 private:
  struct Statements;
  CassandraScanSource(std::unique_ptr<CassandraConnection> connection, RawPageDecoder decoder,
                      const TimeZone& source_zone);
  Result<uint32_t> range_count();

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statements> statements_;
  RawPageDecoder decoder_;
  TrackingBatch batch_;
  SourceDescription description_;
  bool ts_is_text_ = true;
};

}  // namespace hirestream
