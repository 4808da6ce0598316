// Where raw rows come from. One interface for the four strategies of reading; the pipeline picks its state machine by
// description().strategy. Implementations: adapters/cassandra (tail, scan), adapters/sqlite (follow), adapters/files.
//
// Threading: one thread at a time. Blocking: every call blocks until done or its own time-out; implementations may read
// with bounded concurrency inside a call. Errors: kTransient after the implementation's own page retries are used up (the
// caller discards what the call delivered and tries again later); kConfig for missing tables, permissions and the like.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/result.h"
#include "model/slice.h"
#include "model/tracking_batch.h"

namespace hirestream {

enum class Strategy { kTail, kScan, kFollow, kFiles };
std::string_view strategy_name(Strategy strategy);  // "tail", "scan", "follow", "files"

struct SourceDescription {
  Strategy strategy = Strategy::kTail;
  std::string kind;  // "cassandra", "sqlite", "csv", "ndjson": goes to events.sources
  std::string
      identity;  // which raw log this is, for the fingerprint: cluster name, table and table id; its own id; else a path
  int32_t shard_count = 1;
  int64_t bucket_width_s =
      60;  // tail, scan: seconds of a bucket. follow: sequence numbers of a block. files: 0
  bool range_reads = true;  // a slice can be read from a position on; else it is always read whole
  bool ring_reads = false;  // read_ring() works

  int64_t bucket_width_us() const { return bucket_width_s * 1'000'000; }
};

// How sure a read must be. Sources without replicas ignore it.
enum class ReadLevel { kConfigured, kStrongest };

struct SliceRead {
  SliceKey slice;
  // Rows whose position is >= this; nothing: the whole slice. Positions are arrival times in microseconds (tail) or sequence
  // numbers (follow). A source may deliver more rows than asked for.
  std::optional<int64_t> from_position;
  ReadLevel level = ReadLevel::kConfigured;
};

struct SliceListing {
  SliceKey key;
  std::string name;  // a file's path
  std::string tag;   // changes when the file changes
};

class RowSink {
 public:
  virtual ~RowSink() = default;
  // Rows of request `index` (0 for a scan). The batch is only valid during the call. The same row may come more than once.
  virtual Result<void> on_rows(size_t index, const TrackingBatch& batch) = 0;
};

// Rows of many slices, each batch of one slice.
class SliceSink {
 public:
  virtual ~SliceSink() = default;
  // The batch is only valid during the call. A slice may come in several batches.
  virtual Result<void> on_slice_rows(const SliceKey& slice, const TrackingBatch& batch) = 0;
};

// Places in a source's own storage order: slices lie somewhere in [0, kRingPlaces).
inline constexpr uint64_t kRingPlaces = uint64_t{1} << 32;

struct ReadStatistics {
  int64_t requests = 0;  // sent to the server: pages, queries
  int64_t retries = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
};

// Event-time bound of a scan, microseconds UTC, half open. Rows without a readable ts are delivered only when `complete`.
struct ScanBound {
  bool complete = true;  // everything, whatever its ts
  int64_t from_us = 0;
  int64_t to_us = 0;
  ReadLevel level = ReadLevel::kConfigured;
};

class EventSource {
 public:
  virtual ~EventSource() = default;

  virtual const SourceDescription& description() const = 0;
  // tail, follow, files: every slice that has rows now (of these shards), in key order. Cost may grow with history: for start-up and rare
  // rounds.
  virtual Result<std::vector<SliceListing>> discover(std::span<const int32_t> shards) = 0;
  // follow: the bucket that still receives rows. tail: the bucket of `now_us`. Others: 0.
  virtual Result<int64_t> newest_bucket(int64_t now_us) = 0;
  // All or nothing: success means every request was answered completely.
  virtual Result<void> read(std::span<const SliceRead> requests, RowSink& sink) = 0;
  // Only with ring_reads: every slice whose place is in [begin, end), each whole, of whatever shard. Much cheaper per slice than read() when
  // there are many small ones. All or nothing, as read().
  virtual Result<void> read_ring(uint64_t begin, uint64_t end, SliceSink& sink);
  // scan only. Success means every token range was read completely. Rows outside the bound may be delivered.
  virtual Result<void> scan(const ScanBound& bound, RowSink& sink) = 0;
  // Since the source was opened.
  virtual ReadStatistics statistics() const = 0;
};

}  // namespace hirestream
