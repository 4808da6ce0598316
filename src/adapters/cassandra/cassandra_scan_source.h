// Strategy scan: a table that must be read through to find what is new, whatever its key. A part of
// the token ring is cut into small ranges, read in parallel; event times are filtered on the server
// where it lets us (TimeBound). An empty page is not the end: the server returns one when it has
// looked long enough. Slices are minutes of event time.
//
// Where create_time is not the whole key, rows with one create_time may lie in several places: then
// pages come in the order of the tokens, so that the same one of them is met first in every scan,
// and a bound is kSameIdMarginUs wider on both sides.
//
// Threading, blocking, errors: see ports/event_source.h. Pages are fetched ahead; destroying the
// sweep cancels what is under way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cql_value.h"
#include "adapters/cassandra/raw_page_decoder.h"
#include "adapters/cassandra/table_shape.h"
#include "ports/event_source.h"

namespace hirestream {

// How the server can be asked for event times.
enum class TimeBound : uint8_t {
  // Not at all: `ts` is a number of unknown unit.
  kNone,
  // Text sorts as text, not as times: a date two days early and open at its end, which any offset
  // fits in. Texts that do not begin with a date (numbers, blanks before it) sort elsewhere: a part
  // of the ring is asked so only after it was read without a bound, and not if one such text was
  // met. One that is written after that is found by the next sweep without event times.
  kText,
  kTimestamp,
  // A day early and a day late, for time zones.
  kDate,
};
TimeBound time_bound(CqlType ts);
// Why scans of the table cannot be bounded by event times now: a guardrail, its key, the type of
// ts. Nothing: they can.
Result<std::optional<std::string>> bound_refusal(CassandraConnection& connection,
                                                 const TableShape& shape);

inline constexpr int64_t kSameIdMarginUs = 3'600'000'000;

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
  // What somebody should know; may be empty.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Statements;
  class RingSweep;
  CassandraScanSource(std::unique_ptr<CassandraConnection> connection, RawPageDecoder decoder,
                      const ReadingRules& rules);
  Result<void> prepare_bound(const TableShape& shape, bool with_payload);
  Result<uint32_t> range_count(const RingPart& part);
  bool may_bound(const RingPart& part) const;

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statements> statements_;
  RawPageDecoder decoder_;
  TrackingBatch batch_;  // of the sweep's page
  SourceDescription description_;
  std::string table_id_;
  bool by_token_ = false;
  TimeBound time_bound_ = TimeBound::kNone;
  // Of kText: places (begin, end) that were read without a bound, and whether there was a text that
  // does not begin with a date.
  std::set<std::pair<uint64_t, uint64_t>> parts_known_;
  bool has_undated_texts_ = false;
  std::vector<std::string> notes_;
};

}  // namespace hirestream
