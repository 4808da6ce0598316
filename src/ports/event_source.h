// Where raw rows come from. One interface for the four strategies of reading; the pipeline picks
// its state machine by description().strategy. Implementations: adapters/cassandra (tail, scan),
// adapters/sqlite (follow), adapters/files.
//
// Reading is pulled: a sweep gives page after page of rows with the slice they belong to, and
// whoever reads decides when to go on, or to stop. What is swept are slices (tail, follow, files)
// or a part of the ring, the source's own storage order (tail, scan).
//
// Threading: one thread at a time. Blocking: every call blocks until done or its own time-out;
// implementations may read ahead with bounded concurrency. Errors: kTransient after the
// implementation's own page retries are used up (the caller discards what the sweep delivered and
// tries again later); kConfig for missing tables, permissions and the like; kRejected for a file
// that cannot be read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/mirror_progress.h"
#include "model/result.h"
#include "model/slice.h"
#include "model/tracking_batch.h"

namespace hirestream {

enum class Strategy { kTail, kScan, kFollow, kFiles };
std::string_view strategy_name(Strategy strategy);  // "tail", "scan", "follow", "files"

// "csv", "ndjson", "parquet": files are read when they come, not all the time.
bool is_kind_of_files(std::string_view kind);

struct SourceDescription {
  Strategy strategy = Strategy::kTail;
  // "cassandra", "sqlite", or is_kind_of_files: goes to events.sources.
  std::string kind;
  // Which raw log this is, for the fingerprint: cluster name, table and table id; its own id; else
  // a path.
  std::string identity;
  int32_t shard_count = 1;
  BucketWidth bucket_width = BucketWidth::seconds(60);
  // Scan: the period in which the rows of one slice arrive.
  BucketWidth arrival_width = BucketWidth::seconds(86'400);
  // Columns of the tracking table that it has and that are read, by their names there, for the
  // fingerprint. Empty: each part of the source has its own (files).
  std::string columns = {};
  // Rows expire so long after they were written; nothing: never, as far as the source can tell.
  std::optional<int64_t> lifetime_us = {};
  // Several replicas answer: reads at ReadLevel::kStrongest may find rows that others miss.
  bool replicas = true;
  // Reads at ReadLevel::kConfigured may miss rows that a majority of the replicas has acknowledged.
  bool may_miss_rows = false;
  // The source sees to it that each row comes once in a sweep; else whoever reads knows rows by
  // their ids.
  bool unique_rows = false;
  // A slice can be read from a position on; else it is always read whole.
  bool range_reads = true;
  // Slices can be swept by name, and listed by discover().
  bool slice_reads = true;
  // Parts of the ring can be swept. Much cheaper per slice when there are many small ones.
  bool ring_reads = false;
};

// 0, 1, …
std::vector<int32_t> all_shards(const SourceDescription& source);

// How sure a read must be. Sources without replicas ignore it.
enum class ReadLevel { kConfigured, kStrongest };

struct SliceRead {
  SliceKey slice;
  // Rows at or behind it; nothing: the whole slice. A source may deliver more rows than asked for.
  std::optional<Position> from_position;
};

// Places in a source's own storage order: rows lie somewhere in [0, kRingPlaces).
inline constexpr uint64_t kRingPlaces = uint64_t{1} << 32;

// Event times, microseconds UTC, half open.
struct EventTimes {
  int64_t from_us = 0;
  int64_t to_us = 0;
};

struct RingPart {
  uint64_t begin = 0;
  uint64_t end = kRingPlaces;
  // Only sources of strategy scan: rows outside these times, and rows without an event time, may be
  // left out.
  std::optional<EventTimes> event_times;
};

struct SweepRequest {
  std::variant<std::vector<SliceRead>, RingPart> what;
  ReadLevel level = ReadLevel::kConfigured;
  // Whoever reads understands SweepPage::anew. Spares a source a look at all of a slice beforehand.
  bool may_begin_anew = false;
};

struct SweepPage {
  // The slice of all rows; nothing (scan): each row's own, by row_slice().
  std::optional<SliceKey> slice;
  // Valid until the next call.
  const TrackingBatch& rows;
  // The slice begins again: what was delivered of it before is void.
  bool anew = false;
};

// Not longer than its source. Ended early, it gives up what it still had to read.
class Sweep {
 public:
  virtual ~Sweep() = default;
  // Nothing: everything asked for was delivered. A slice may come in several pages.
  virtual Result<std::optional<SweepPage>> next() = 0;
};

// Slice of a row of a scan (model/scan_bucket.h).
SliceKey row_slice(const TrackingBatch& rows, size_t row, const SourceDescription& source);

struct SliceListing {
  SliceKey key;
  // A file's path.
  std::string name;
  // Changes when the file changes.
  std::string tag;
};

// Not longer than its source. Ended early, it gives up what it still had to ask for. Sweeps may go
// on beside it.
class Discovery {
 public:
  virtual ~Discovery() = default;
  // One more part, behind what is in `out`. False: that was all.
  virtual Result<bool> next(std::vector<SliceListing>& out) = 0;
};

// Of slices that are known already.
std::unique_ptr<Discovery> discovery_of(std::vector<SliceListing> slices);

struct ReadStatistics {
  // Sent to the server: pages, queries.
  int64_t requests = 0;
  int64_t retries = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  // Words that were taken as null (ReadingRules).
  int64_t null_words = 0;
};

// A writer has put rows into a slice after its time: old ones that were replayed, say.
struct LateNote {
  // Of a shard: not which slices, but any whose bucket is not above the note's.
  static constexpr int32_t kAnyShard = -1;
  SliceKey key;
  int64_t noted_us = 0;  // by the writer's clock, after the rows
};

class EventSource {
 public:
  virtual ~EventSource() = default;

  virtual const SourceDescription& description() const = 0;
  // Every slice that has rows now (of these shards), once each, in any order; only with
  // slice_reads. Cost may grow with history: for start-up and rare rounds.
  virtual Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) = 0;
  // All of it at once, in key order.
  Result<std::vector<SliceListing>> discover(std::span<const int32_t> shards);
  // The bucket that receives rows now. Where buckets are no times and no sequence: 0.
  virtual Result<int64_t> newest_bucket(int64_t now_us) = 0;
  // At most one sweep at a time. What the description does not promise must not be asked for.
  virtual Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) = 0;
  // Notes that writers have left: all there are at the first call, then new ones, each once. An
  // engine counts those slices again at once, and not at their next audit.
  virtual Result<std::vector<LateNote>> late_notes(int64_t /*now_us*/) {
    return std::vector<LateNote>();
  }
  // Of what is a mirror of another raw log (docs/mirror.md). Asks the server.
  virtual Result<std::vector<MirrorProgress>> mirrors() { return std::vector<MirrorProgress>(); }
  // Since the source was opened.
  virtual ReadStatistics statistics() const = 0;
};

}  // namespace hirestream
