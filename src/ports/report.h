// What people look at: sums over `events`, with names, and how the pipeline is doing. Read only; a
// read-only database user is enough. Implementations: adapters/mysql, adapters/sqlite, behind one
// contract suite.
//
// Hours are civil hours since 1970 in the reporting time zone (as CellKey::local_hour), ranges are
// half open. Rates are never stored or averaged: whoever shows them divides sums
// (model/key_figures.h).
//
// Threading: one thread at a time per object; blocking. Errors: kTransient = the warehouse does not
// answer, kConfig = no privilege or no tables (the hint says which grant or which `init`;
// lacks_tables() tells them apart). Two tables may be missing without an error, since older
// versions made warehouses without them: hirestream_minutes and hirestream_verifications; so may
// hirestream_minutes' column of rejected rows.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/contribution.h"
#include "model/mirror_progress.h"
#include "model/not_counted.h"
#include "model/result.h"
#include "model/slice.h"

namespace hirestream {

enum class Dimension : uint8_t { kCompany, kCampaign, kGroup, kPublisher, kJob };
inline constexpr std::array<Dimension, 5> kDimensions = {Dimension::kCompany, Dimension::kCampaign,
                                                         Dimension::kGroup, Dimension::kPublisher,
                                                         Dimension::kJob};
std::string_view dimension_name(Dimension dimension);  // "company", "campaign", …
std::optional<Dimension> find_dimension(std::string_view name);

struct ReportFilter {
  int32_t from_hour = 0;
  int32_t to_hour = 0;  // exclusive
  // Ids by dimension; a dimension that is not there, or has no id, is not restricted. 0 stands for
  // "unknown".
  std::map<Dimension, std::vector<int64_t>> ids;
};

// A range of hours as whole days, which the daily roll-up answers, and what is left of it at both
// ends.
struct RangeParts {
  struct Hours {
    int32_t from = 0;
    int32_t to = 0;  // exclusive; not above `from`: empty
    bool empty() const { return from >= to; }
  };
  Hours before;
  Hours days;  // both ends begin a day
  Hours after;
};
RangeParts parts_of(const ReportFilter& filter);

enum class TimeStep : uint8_t { kHour, kDay };

struct SeriesPoint {
  int32_t local_hour = 0;  // begin of the step
  Measures measures;
};

struct NamedId {
  int64_t id = 0;
  std::string name;  // empty: the directory has none
  friend bool operator==(const NamedId&, const NamedId&) = default;
};

struct ReportEntry {
  NamedId key;
  Measures measures;
};

struct ReportPage {
  int64_t total = 0;  // entries in all
  std::vector<ReportEntry> entries;
};

enum class Figure : uint8_t {
  kSpend,
  kImpressions,
  kClicks,
  kConversions,
  kQualified,
  kUnqualified,
};
inline constexpr std::array<Figure, 6> kFigures = {Figure::kSpend,     Figure::kImpressions,
                                                   Figure::kClicks,    Figure::kConversions,
                                                   Figure::kQualified, Figure::kUnqualified};
std::string_view figure_name(Figure figure);  // "spend", "impressions", …
std::optional<Figure> find_figure(std::string_view name);

struct EventsLine {
  CellKey key;
  int64_t company_id = 0;
  Measures measures;
  std::string sources;
  int64_t updated_at_us = 0;
};

inline constexpr int32_t kNamesDays = 31;

// Each id once, in the order of its first occurrence.
std::vector<int64_t> distinct_ids(std::span<const int64_t> ids);

// Where a bucket of times begins; of a strategy whose buckets are none: 0. (Both are in the
// source's fingerprint.) Scan: a bucket of event times, as those of settled_until are.
int64_t bucket_begin_us(std::string_view strategy, int64_t bucket_width_s, int64_t bucket);
// Of a slice's bucket; scan: where its event times begin. 0: no time.
int64_t slice_begin_us(std::string_view strategy, int64_t bucket_width_s, int64_t bucket);

// 64 bits of a text (FNV-1a) in hexadecimal: what version() makes of the state it looks at.
std::string digest_of(std::string_view text);

// One minute of one source's engine (or engines), as they reported it.
struct PipelineMinute {
  std::string source;
  int64_t minute_us = 0;  // begin, UTC
  int64_t new_rows = 0;
  int64_t rows_read = 0;
  int64_t requests = 0;
  int64_t commits = 0;
  int64_t commit_us_sum = 0;
  int64_t commit_us_max = 0;
  int64_t freshness_us_p50 = -1;  // < 0: no fresh row in that minute
  int64_t freshness_us_p95 = -1;
  int64_t freshness_us_max = -1;
  int64_t slices_settled = 0;
  int64_t slices_corrected = 0;
  int64_t slices_audited = 0;
  int64_t conflicts = 0;
  int64_t retries = 0;
  int64_t rejected = 0;  // newly; 0 in a warehouse of an older version
};

struct SourceQuality {
  std::string name;
  std::string kind;
  std::string attribution;  // "columns" or "payload", from the fingerprint
  std::string timezone;     // reporting zone, from the fingerprint
  RowClasses classes;
  int64_t slices_open = 0;
  int64_t slices_settled = 0;
  int64_t slices_frozen = 0;
  int64_t slices_held = 0;
  // Microseconds UTC before which everything is settled, by shard; not for files.
  std::map<int32_t, int64_t> settled_until_us;
  int64_t last_commit_us = 0;  // 0: never
};

// What a warehouse stores of the writer of one shard.
struct WriterProgress {
  int32_t shard = 0;
  std::optional<int64_t> settled_until;  // the first bucket that is not settled
  int64_t committed_us = 0;              // 0: never
};

// Takes it into the source's settled_until_us and last_commit_us. A raw log that is followed is
// counted in the order in which it was written: what arrived two minutes before a commit had been
// written then, and is settled.
void add_writer(SourceQuality& source, std::string_view strategy, int64_t bucket_width_s,
                const WriterProgress& writer);

// Of a source that is a mirror: one of those who keep it.
struct MirrorLine {
  std::string source;
  MirrorProgress progress;
  friend bool operator==(const MirrorLine&, const MirrorLine&) = default;
};

// What `verify` found of one source.
struct Verification {
  std::string source;
  int64_t at_us = 0;  // when it ended
  int64_t rows_read = 0;
  int64_t slices_checked = 0;
  int64_t slices_different = 0;
  int64_t slices_repaired = 0;
  int64_t slices_held = 0;
  int64_t slices_damaged = 0;
  int64_t cells_checked = 0;
  int64_t cells_different = 0;
  // What remained: slices that differ or are damaged, and cells of `events` that do not follow from
  // the ledger.
  int64_t differences() const { return slices_different + slices_damaged + cells_different; }
  friend bool operator==(const Verification&, const Verification&) = default;
};
inline constexpr int kVerificationsKept = 100;  // of each source

struct RejectGroup {
  std::string source;
  std::string reason;
  std::string column;
  int64_t kept = 0;  // of those kept; the classes count all
  RejectedRow sample;
  int64_t first_seen_us = 0;  // of the newest
};

// A kind of rows that was not counted.
struct KindLine {
  std::string source;
  NotCounted kind;
};
inline constexpr size_t kKindsReported = 20;  // of each source

struct SliceLine {
  std::string source;
  SliceKey key;
  int64_t begin_us = 0;  // tail, scan: begin of the bucket; else 0
  SliceState state = SliceState::kOpen;
  bool held = false;
  int64_t revision = 0;
  RowDigest digest;
  int64_t settled_at_us = 0;
  int64_t audited_at_us = 0;
  int64_t corrected_at_us = 0;  // 0 also in a warehouse of an older version
  int64_t updated_at_us = 0;
};

// Of a Report's error: the tables (or the database, or the file) are not there yet. `run` and
// `init` create them.
bool lacks_tables(const Error& error);

class Report {
 public:
  virtual ~Report() = default;

  virtual std::string server() const = 0;
  // Changes with every commit that changes anything a report shows, and with nothing else that
  // matters: for ETag and live pages. Cheap.
  virtual Result<std::string> version() = 0;
  // First hour and last hour with data; nothing: `events` is empty.
  virtual Result<std::optional<std::pair<int32_t, int32_t>>> hours() = 0;

  virtual Result<Measures> totals(const ReportFilter& filter) = 0;
  // Only steps with data, by time. kDay: begins at hour 0.
  virtual Result<std::vector<SeriesPoint>> series(const ReportFilter& filter, TimeStep step) = 0;
  // The largest first (ties by id), from `offset` on, at most `limit`.
  virtual Result<ReportPage> top(const ReportFilter& filter, Dimension dimension, Figure order,
                                 size_t limit, size_t offset) = 0;
  // Ids that occur in the job directory, or in the newest kNamesDays days of `events`, and whose
  // name or id contains the text (letters of ASCII without case); by name, those without a name
  // last, then id.
  virtual Result<std::vector<NamedId>> names(Dimension dimension, const std::string& text,
                                             size_t limit) = 0;
  // The names of these ids, whether they occur or not: each once, in the same order.
  virtual Result<std::vector<NamedId>> names_of(Dimension dimension,
                                                std::span<const int64_t> ids) = 0;
  // Rows of `events` after a key (nothing: from the begin of the range), in key order.
  virtual Result<std::vector<EventsLine>> lines(const ReportFilter& filter,
                                                const std::optional<CellKey>& after,
                                                size_t limit) = 0;

  virtual Result<std::vector<SourceQuality>> quality() = 0;
  // The same without classes and numbers of slices (all 0), which take a walk over the ledger. By
  // registration.
  virtual Result<std::vector<SourceQuality>> sources() = 0;
  virtual Result<std::vector<RejectGroup>> rejects() = 0;
  // By source, as Warehouse::load_not_counted with kKindsReported; none where this user may not
  // read them.
  virtual Result<std::vector<KindLine>> not_counted() = 0;
  // The newest of each source, by registration; none where this user may not read them.
  virtual Result<std::vector<Verification>> verifications() = 0;
  // The newest slices of each source, by source, then time, then shard; where slices are no times,
  // the last changed ones.
  virtual Result<std::vector<SliceLine>> slices(size_t limit_per_source) = 0;
  virtual Result<std::vector<PipelineMinute>> minutes(int64_t from_us) = 0;
  // As the source's engine told them last: by source, then node.
  virtual Result<std::vector<MirrorLine>> mirrors() = 0;
};

// For implementations of slices(): of one source's slices, found shard by shard, the `limit` newest
// go to the end of `out`, in the order that slices() promises. `by_change`: their buckets are no
// order.
void append_newest(std::vector<SliceLine> found, bool by_change, size_t limit,
                   std::vector<SliceLine>& out);

// Keeps the engines' own figures, and what `verify` found. One thread at a time; blocking; losing
// any of it loses no truth.
class PipelineLog {
 public:
  virtual ~PipelineLog() = default;
  // Adds up with what the minute has already (several engines, restarts); maxima and quantiles: the
  // larger one stays. Minutes of a source that is not registered are left out. Deletes minutes
  // before `expire_before_us`.
  virtual Result<void> record(std::span<const PipelineMinute> minutes,
                              int64_t expire_before_us) = 0;
  // In the place of those that the source had; none: it has none any more. Nothing happens for a
  // source that is not registered.
  virtual Result<void> record_mirrors(const std::string& source,
                                      std::span<const MirrorProgress> mirrors) = 0;
  // Keeps the newest kVerificationsKept of that source. A source that is not registered is left
  // out.
  virtual Result<void> record_verification(const Verification& verification) = 0;
};

}  // namespace hirestream
