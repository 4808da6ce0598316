// Where results live: the hourly table `events` and its roll-up by day, the ledger (what `events`
// contains of each slice), progress and rejects. Implementations: adapters/mysql (MySQL 8/9,
// MariaDB 10.11), adapters/sqlite. One contract suite runs over all.
//
// The pipeline decides what to write; the warehouse applies it in ONE transaction under the guards
// below and knows no more.
//
// Threading: one thread at a time per object; several objects (in several processes) may work on
// the same database. Errors: kTransient = definitely not applied, try again; kConfig = somebody
// must act. Commit outcomes that are not errors are CommitVerdicts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/contribution.h"
#include "model/job.h"
#include "model/not_counted.h"
#include "model/result.h"
#include "model/slice.h"

namespace hirestream {

using SourceId = int32_t;

// What defines a source's numbers: source identity, strategy, bucket width, shard count,
// attribution, kinds, time zones, tz version. Sorted by name. Stored at first registration; a later
// registration with other values is refused.
using Fingerprint = std::map<std::string, std::string>;
// In a fingerprint: which definition the row hashes of the ledger follow
// (RowClassifier::row_hash).
inline constexpr std::string_view kRowDigest = "row_digest";
inline constexpr std::string_view kRowDigestNow = "2";
// Scan: SourceDescription::arrival_width, in seconds. Ledgers of older versions, whose slices know
// no arrival, lack it.
inline constexpr std::string_view kArrivalWidth = "arrival_width_s";
// SourceDescription::identity.
inline constexpr std::string_view kRawLog = "source";
// SourceDescription::columns. Ledgers of older versions lack it, until their source is registered
// again.
inline constexpr std::string_view kReadColumns = "columns";
// ReadingRules::renames_text(), if there are any.
inline constexpr std::string_view kRenames = "column_names";
// The time of arrival from which on rows are counted, if there is one. A source keeps that of its
// first registration when later ones name none.
inline constexpr std::string_view kStartAt = "start_at";

struct SourceRegistration {
  std::string name;  // unique in the warehouse; default: the source's URI without user and password
  std::string kind;  // events.sources
  Fingerprint fingerprint;
};

struct WriterEpoch {
  int32_t shard = 0;
  int64_t epoch = 0;
};

// How far the slices of a shard are frozen: every slice whose bucket lies below `until`, unless the
// ledger has it. Those that the ledger never knew are history: they are counted in storage order,
// and those that lie before `history_place` of the ring have been.
struct FrozenMark {
  static constexpr uint64_t kAllHistory = uint64_t{1} << 32;
  int32_t shard = 0;
  int64_t until = INT64_MIN;
  uint64_t history_place = kAllHistory;
  friend bool operator==(const FrozenMark&, const FrozenMark&) = default;
};

// What is left of the frozen slices of a shard and day: their number, and counts and hash of all
// their rows.
struct FrozenDay {
  int32_t shard = 0;
  // Since 1970, UTC: of the bucket's begin, where buckets are times; else of the time when the
  // slice was settled.
  int32_t day = 0;
  int64_t slices = 0;
  RowDigest digest;
  RowClasses classes;
  // Another one of the same shard and day.
  FrozenDay& operator+=(const FrozenDay& other) {
    slices += other.slices;
    digest += other.digest;
    classes += other.classes;
    return *this;
  }
};

// By shard and day.
using FrozenDays = std::map<std::pair<int32_t, int32_t>, FrozenDay>;

inline void add_up(FrozenDays& sums, const FrozenDay& day) {
  const auto [sum, fresh] = sums.try_emplace({day.shard, day.day}, day);
  if (!fresh) {
    sum->second += day;
  }
}

enum class ChangeMode : uint8_t {
  // Contribution is a delta: stored beside the slice's others.
  kAppend,
  // Contribution is the slice's whole: stored folded, older deltas deleted.
  kReplace,
  // Contribution unchanged (state, audit time or the held mark changes).
  kKeep,
  // The slice leaves the ledger; what it gave stays in `events`, and is in the commit's frozen sums
  // or in its other slices. Its kinds become part of its shard's. Based on revision 0: it never was
  // there, and only its rejects are stored.
  kFreeze,
};

inline constexpr size_t kFrozenKindsMax = 64;

struct SliceChange {
  // The entry as it shall be after the commit, except revision: here the revision the change is
  // based on (0: the slice must not be in the ledger yet). The commit stores revision + 1. digest
  // and classes are totals of the slice, not deltas.
  LedgerEntry entry;
  ChangeMode mode = ChangeMode::kReplace;
  Contribution contribution;  // canonical
  // Rows rejected: for kAppend added to the slice's, for kReplace instead of them.
  std::vector<RejectedRow> rejects;
  // Rows of the classes other and unattributed, by kind, each once: added or instead, as rejects.
  std::vector<NotCounted> not_counted;
};

struct CellChange {
  CellKey key;
  Measures delta;
  int64_t company_id = 0;  // 0: unknown; never overwrites a known company
};

struct Commit {
  SourceId source = 0;
  // Guard Epoch: the transaction's first statement locks these rows and compares. Empty: not an
  // engine (repair, publish).
  std::vector<WriterEpoch> writers;
  uint64_t token = 0;  // unique per commit attempt series (the same when the same Commit is tried
                       // again); resolves unknown outcomes
  // Sorted by key, keys unique.
  std::vector<SliceChange> slices;
  // Sorted by key, keys unique, deltas non-zero: Σ of the slices' differences, and history.
  std::vector<CellChange> cells;
  // Per shard: buckets below this are settled (scan: buckets of event times). Only ever raised.
  std::vector<std::pair<int32_t, int64_t>> settled_until;
  // Freezing. Stored as they are, one a shard. A shard's first one is wholly before or behind each
  // commit without writers that puts a slice below it.
  std::vector<FrozenMark> frozen_marks;
  // Added to what is stored; sorted by (shard, day), each once.
  std::vector<FrozenDay> frozen_days;
  // What frozen slices gave, by hour (job, publisher, campaign and group are 0): added to
  // frozen_totals(). Canonical. Without writers: what is taken out of old hours again, with cells
  // of as much (events_retention.h).
  Contribution frozen_hours;
  // Of history, by shard: added to what is kept of the shard's frozen slices, of which the
  // kFrozenKindsMax most frequent kinds stay, the others as one.
  std::map<int32_t, NotCountedKinds> frozen_kinds;
  // Takes the place of the source's: its slices are cut anew with this commit.
  std::optional<Fingerprint> fingerprint;
  int64_t now_us = 0;  // events.updated_at
  // Only without writers: changes() as it was when that was read on which this commit is based.
  // kConflict if it has moved.
  std::optional<int64_t> based_on_changes;
  // jobs_version() as it was before those jobs were loaded that the rows' companies are of.
  // kJobsMoved if it has moved. None: of rows whose company does not matter.
  std::optional<int64_t> jobs_version;
  // What to change in the roll-up, instead of what `cells` give: to put it right. As `cells`, keys
  // with the day's first hour.
  std::optional<std::vector<CellChange>> days;
};

enum class CommitVerdict {
  kCommitted,
  kConflict,   // a slice's revision moved, or it exists already, or (without writers) it is frozen:
               // nothing applied; see conflicts
  kFenced,     // a newer epoch owns a shard: nothing applied, this writer must stop
  kUnknown,    // the connection was lost around COMMIT: ask resolve()
  kJobsMoved,  // see jobs_version: nothing applied
};

struct CommitOutcome {
  CommitVerdict verdict = CommitVerdict::kCommitted;
  std::vector<SliceKey> conflicts;  // at least one, not necessarily all
};

struct StoredJobs {
  int64_t rewritten = 0;  // rows of `events`
  int64_t version = 0;    // jobs_version() of this transaction
};

struct StoredContribution {
  LedgerEntry entry;  // revision 0 and an empty contribution when the slice is not in the ledger
  Contribution contribution;  // folded: base plus deltas
  bool damaged = false;  // a stored blob failed its checksum: contribution is useless; see repair
                         // in the pipeline
};

struct EventsRow {
  CellKey key;
  Measures measures;
  int64_t company_id = 0;
};

struct SourceStatus {
  SourceId id = 0;
  std::string name;
  std::string kind;
  Fingerprint fingerprint;
  // Sums over the ledger and the frozen days.
  RowClasses classes;
  int64_t slices_open = 0;
  int64_t slices_settled = 0;
  int64_t slices_frozen = 0;
  int64_t slices_held = 0;
  // By shard.
  std::map<int32_t, int64_t> settled_until;
};

struct StoredReject {
  SliceKey slice;
  RejectedRow row;
  int64_t first_seen_us = 0;
};

// Hours of the reporting time zone since 1970.
struct MigratedHours {
  int32_t first = 0;
  int32_t last = 0;
  friend bool operator==(const MigratedHours&, const MigratedHours&) = default;
};

enum class EventsTableState { kMissing, kReady, kAppendOnly, kForeign };

// What migrate() did.
struct Migration {
  int64_t rows_before = 0;
  int64_t rows_after = 0;
  std::string old_table;           // where the table of before is kept
  std::vector<std::string> notes;  // columns that were not there or had other names, for people
};

class Warehouse {
 public:
  virtual ~Warehouse() = default;

  // "mysql", "mariadb" or "sqlite" and the server's version, for people.
  virtual std::string server() const = 0;

  // --- schema
  // The DDL init would run, one statement each, with `IF NOT EXISTS`.
  virtual std::vector<std::string> schema_statements() const = 0;
  // kAppendOnly: an `events` without our unique key; kForeign: columns missing (the error text of
  // init names them).
  virtual Result<EventsTableState> events_table() = 0;
  // Creates what is missing; changes nothing that exists. kConfig: no privilege (hint names
  // `hirestream init --print`), append-only or foreign `events` (hint names `hirestream migrate`).
  virtual Result<void> init() = 0;
  // Turns an append-only `events` into ours: groups duplicates by key, sums measures, keeps the old
  // table as events_before_<UTC time>. Hours from `until_hour` on (local, since 1970) are left out:
  // whoever counts from now on counts their rows. The result is not in any ledger: it stays as it
  // is, under what is counted from now on. A row keeps its updated_at, and gets `now_us` where it
  // had none. kConfig: rows that cannot be taken over, which are shown; nothing is changed then.
  virtual Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) = 0;
  // The first and last hour of what migrate() took over. Nothing: it never did, or there was
  // nothing.
  virtual Result<std::optional<MigratedHours>> migrated_hours() = 0;

  // --- sources and writers
  // Guard Fingerprint: kConfig naming each difference when it is known with another fingerprint. A
  // new name is refused (kConfig) when another one has the same raw log, when it would count rows
  // of migrated hours a second time (both: source_check.h), and the first name of all when `events`
  // has rows but hirestream_frozen none: they would be counted twice. A known name is refused
  // (kConfig) when `events` is empty though the ledger has counted rows.
  virtual Result<SourceId> register_source(const SourceRegistration& registration) = 0;
  virtual Result<std::vector<SourceStatus>> sources() = 0;
  // Raises each shard's epoch by one in one transaction and returns the new ones. `owner` is for
  // people ("host:pid").
  virtual Result<std::vector<WriterEpoch>> take_epochs(SourceId source,
                                                       std::span<const int32_t> shards,
                                                       const std::string& owner) = 0;

  // --- ledger
  // Of these shards, one each, in their order.
  virtual Result<std::vector<FrozenMark>> load_frozen_marks(SourceId source,
                                                            std::span<const int32_t> shards) = 0;
  // Sorted by (shard, day).
  virtual Result<std::vector<FrozenDay>> load_frozen_days(SourceId source) = 0;
  // All entries of the shards (empty: every shard), sorted by key, with bucket >= from_bucket.
  virtual Result<std::vector<LedgerEntry>> load_ledger(SourceId source,
                                                       std::span<const int32_t> shards,
                                                       int64_t from_bucket) = 0;
  // In the order of the keys, from one consistent snapshot.
  virtual Result<std::vector<StoredContribution>> load_contributions(
      SourceId source, std::span<const SliceKey> keys) = 0;

  virtual Result<CommitOutcome> commit(const Commit& commit) = 0;
  // After kUnknown: on a new connection, with a locking read that waits for the old transaction's
  // end. True: it was committed.
  virtual Result<bool> resolve(const Commit& commit) = 0;

  // --- dimension
  // The jobs last stored, sorted by id.
  virtual Result<std::vector<Job>> load_jobs() = 0;
  // How often jobs were stored. 0: never, or only by a version that did not count: rows may have
  // other companies than their jobs.
  virtual Result<int64_t> jobs_version() = 0;
  // In one transaction, of which changes() and jobs_version() count one more: stores these jobs and
  // rewrites company_id of their rows in `events` (in key order) and in the roll-up. A commit that
  // names its jobs_version is wholly before it, and its rows are rewritten too, or after it.
  virtual Result<StoredJobs> store_jobs(std::span<const Job> changed, int64_t now_us) = 0;
  // Names for reports; those of other publishers stay.
  virtual Result<void> store_publishers(std::span<const Publisher> changed) = 0;

  // The warehouse's own clock, as Clock tells time. A warehouse that is a file has this host's.
  virtual Result<int64_t> now_us() = 0;

  // --- for verify, rejects and people
  // Until end_snapshot() everything that this object reads is of one committed state. Only reads in
  // between. A connection that is lost ends it: the next read is kTransient.
  virtual Result<void> begin_snapshot() = 0;
  virtual void end_snapshot() = 0;
  // Rises with every committed change by somebody who is no engine: repairs, published slices,
  // jobs.
  virtual Result<int64_t> changes() = 0;
  // Calls visit for every row of `events`, in key order. visit's error ends the walk and is
  // returned.
  virtual Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) = 0;
  // The rows of one hour alone.
  virtual Result<void> read_hour(int32_t local_hour,
                                 const std::function<Result<void>(const EventsRow&)>& visit) = 0;
  // The same for the daily roll-up hirestream_days (ports/day_changes.h): keys have the day's first
  // hour.
  virtual Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) = 0;
  // Sum of the measures of frozen slices of all sources, by (date and) hour: cells whose job,
  // publisher, campaign and group are 0.
  virtual Result<Contribution> frozen_totals() = 0;
  virtual Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) = 0;
  // Which kinds of rows were not counted: the most frequent first, at most `limit`, the rows of
  // further ones as kOtherKinds. Without rows that a version counted which did not keep kinds.
  virtual Result<std::vector<NotCounted>> load_not_counted(SourceId source, size_t limit) = 0;
  // Deletes rejects first seen before that time, and the oldest beyond the cap. The classes' counts
  // stay.
  virtual Result<void> expire_rejects(int64_t before_us, int64_t cap) = 0;
};

}  // namespace hirestream
