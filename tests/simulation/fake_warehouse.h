// A warehouse in memory: the database that all simulated processes share, and the port through
// which one of them works on it. It keeps the contract of ports/warehouse.h to the letter and
// checks the invariants inside every commit. Contributions are stored as the blobs of
// aggregation/contribution_codec.h.
//
// Faults: deadlock, connection lost before or after COMMIT, a COMMIT that takes effect long after
// the client gave up (the old transaction keeps its locks until then), lost answers of other calls,
// outages, damaged blobs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ports/warehouse.h"
#include "simulation/checks.h"
#include "simulation/world.h"

namespace hirestream::simulation {

class WarehouseDatabase {
 public:
  using SliceId = std::pair<SourceId, SliceKey>;

  struct EventRow {
    Measures measures;
    int64_t company_id = 0;
    int64_t updated_us = 0;
  };

  // With one source, whatever its name is.
  WarehouseDatabase(World& world, Checks& checks) : world_(world) { watch("", checks); }
  // Without a raw log to compare with: keeps the contract and checks nothing more.
  explicit WarehouseDatabase(World& world) : world_(world) {}
  // Compares what the source of that name counts with its raw log.
  void watch(const std::string& source, Checks& checks);

  // What the checks look at, by the source's name; without one: of the first source.
  const std::map<SliceKey, StoredSlice>& ledger(const std::string& source = "") const {
    return ledger_of(id_of(source));
  }
  const std::map<SliceKey, StoredSlice>& frozen_slices(const std::string& source = "") const {
    return watched_.at(source)->frozen_slices;
  }
  // Sums over all frozen days.
  FrozenDay frozen_sum() const;
  // How many of them there are: one for each source, shard and day.
  size_t frozen_days() const { return now_.frozen_days.size(); }
  // Below the shard's mark, and not in the ledger.
  bool is_frozen(const SliceKey& key, const std::string& source = "") const {
    return is_frozen(id_of(source), key);
  }
  // Of the first source's first shard.
  int64_t first_epoch() const { return now_.writers.begin()->second.epoch; }
  // The process that took the shard's epoch last; empty: none did.
  std::string writer(int32_t shard, const std::string& source) const {
    const auto found = last_takers_.find({id_of(source), shard});
    return found == last_takers_.end() ? std::string() : found->second;
  }
  // As it is registered; null: it is not.
  const Fingerprint* fingerprint(const std::string& source) const {
    const auto found = now_.sources.find(source);
    return found == now_.sources.end() ? nullptr : &found->second.second.fingerprint;
  }
  // When the last slice froze.
  int64_t last_frozen_us() const { return last_frozen_us_; }
  // Cells of what was counted straight into the frozen base.
  const CellMap& history_cells(const std::string& source = "") const {
    return watched_.at(source)->history;
  }
  const std::map<CellKey, EventRow>& events() const { return now_.events; }
  const std::map<CellKey, EventRow>& days() const { return now_.days; }
  std::vector<StoredReject> rejects(const std::string& source = "") const;
  int64_t commits() const { return commits_; }

  // events = frozen base + Σ ledger, and days = events summed up by day, all of it; kinds are what
  // the classes say, frozen ones, too.
  void check_atomic() const;
  bool is_atomic() const;
  // Flips a bit of a stored blob.
  void damage_a_blob();
  // Takes a slice's blobs away: the base, or what was appended to it.
  void lose_blobs(const SliceKey& key);
  // Transactions whose clients are gone: ends those whose time has come (all: every one).
  void end_orphans(bool all);

  // What somebody may do behind the warehouse's back.
  void damage_all_blobs();
  void empty_events();
  void forget_ledger();
  void forget_row_hashes();
  void forget_writers() { now_.writers.clear(); }
  void spoil_days();
  // All rows of a job: somebody else gives them another company.
  void set_company(int64_t job_id, int64_t company_id);
  // As a version leaves it that does not count stored jobs.
  void forget_jobs_version() { now_.jobs_version = 0; }
  // What migrate() leaves, without cells.
  void take_over(const MigratedHours& hours) { now_.migrated = hours; }
  // To a measure of a row of `events`, or of the roll-up by day; which of them is by `choice`.
  // False: there is no row.
  bool add_to_a_row(bool of_days, uint64_t choice, int64_t amount);

  // Defect for testing the tests: take_epochs does not wait for old transactions.
  bool epochs_do_not_wait = false;

 private:
  friend class FakeWarehouse;

  struct Slice {
    LedgerEntry entry;
    std::string base;  // blob
    std::vector<std::string> deltas;
    uint64_t token = 0;
  };
  struct Writer {
    int64_t epoch = 0;
    uint64_t token = 0;
  };
  struct Orphan {
    Commit commit;
    std::map<int32_t, int64_t> taken;  // epochs its client had taken
    int64_t end_us = 0;
    bool commits = false;
  };
  struct RejectKey {
    SourceId source = 0;
    SliceKey slice;
    RowId row;
    friend auto operator<=>(const RejectKey&, const RejectKey&) = default;
  };
  using Kinds = std::map<std::pair<WhyNotCounted, std::string>, NotCounted>;
  // All that is stored: a snapshot is a copy.
  struct State {
    bool initialized = false;
    std::map<std::string, std::pair<SourceId, SourceRegistration>> sources;
    std::map<std::pair<SourceId, int32_t>, Writer> writers;
    std::map<SliceId, Slice> slices;
    std::map<SourceId, std::map<SliceKey, StoredSlice>> shadow;  // decoded
    std::map<CellKey, EventRow> events;
    std::map<CellKey, EventRow> days;
    // By hour, as frozen_totals() tells.
    CellMap frozen;
    std::optional<MigratedHours> migrated;
    std::map<std::tuple<SourceId, int32_t, int32_t>, FrozenDay> frozen_days;
    std::map<std::pair<SourceId, int32_t>, FrozenMark> frozen_marks;
    std::map<int64_t, Job> jobs;
    int64_t jobs_version = 0;
    std::map<RejectKey, StoredReject> rejects;
    std::map<SliceId, Kinds> kinds;
    std::map<std::pair<SourceId, int32_t>, Kinds> frozen_kinds;
    std::map<SourceId, std::map<int32_t, int64_t>> settled_until;
    int64_t changes = 0;  // commits without writers, jobs stored
  };

  // A source whose numbers are checked.
  struct Watched {
    Checks* checks = nullptr;
    // What was frozen, slice by slice: nobody but the checks knows any more.
    std::map<SliceKey, StoredSlice> frozen_slices;
    CellMap history;
    std::set<SliceKey> repaired;  // last changed by a repair
    // Held until a repair released them, which whoever counts them does not know yet.
    std::set<SliceKey> released;
  };

  SourceId id_of(const std::string& source) const;
  // Null: nobody checks it.
  Watched* watched(SourceId source) const;
  const std::map<SliceKey, StoredSlice>& ledger_of(SourceId source) const;
  bool is_frozen(SourceId source, const SliceKey& key) const;
  bool locks_overlap(const Commit& a, const Commit& b) const;
  CommitOutcome check_guards(const Commit& commit) const;
  void apply(const Commit& commit, const std::map<int32_t, int64_t>& taken);
  void check_cells(const std::set<CellKey>& touched) const;
  void apply_slice(const Commit& commit, const SliceChange& change, std::set<CellKey>& touched);
  static void apply_cell(std::map<CellKey, EventRow>& table, const CellChange& change,
                         int64_t now_us);
  std::map<CellKey, EventRow> days_of_events() const;
  CellMap history_of(const Commit& commit) const;
  void check_frozen(const Commit& commit, const CellMap& history) const;
  void check_not_frozen(const Commit& commit, const SliceChange& change) const;
  void apply_frozen(const Commit& commit);
  const StoredSlice* stored_slice(SourceId source, const SliceKey& key) const;
  void apply_rejects(SourceId source, const SliceChange& change, int64_t now_us);
  static void add_kinds(Kinds& kinds, std::span<const NotCounted> more);
  void freeze_kinds(SourceId source, int32_t shard, std::span<const NotCounted> more);
  void apply_kinds(SourceId source, const SliceChange& change);
  void check_kinds(SourceId source, const LedgerEntry& entry) const;
  void check_all_kinds() const;
  void check_companies(const Commit& commit) const;
  void check_fence(const Commit& commit, const std::map<int32_t, int64_t>& taken) const;
  void check_shape(const Commit& commit) const;
  StoredContribution load(const State& state, SourceId source, const SliceKey& key) const;

  World& world_;
  std::map<std::string, std::unique_ptr<Watched>> watched_;
  State now_;
  // Frozen base + Σ ledger.
  std::map<CellKey, Measures> expected_events_;
  std::set<SliceId> damaged_;
  std::map<std::pair<SourceId, int32_t>, std::string> last_takers_;
  std::vector<Orphan> orphans_;
  int64_t commits_ = 0;
  int64_t last_frozen_us_ = 0;
};

class FakeWarehouse : public Warehouse {
 public:
  FakeWarehouse(World& world, WarehouseDatabase& database, std::string process)
      : world_(world), database_(database), process_(std::move(process)) {}

  std::string server() const override { return "simulated"; }
  std::vector<std::string> schema_statements() const override { return {}; }
  Result<EventsTableState> events_table() override;
  Result<void> init() override;
  Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) override;
  Result<std::optional<MigratedHours>> migrated_hours() override;

  Result<SourceId> register_source(const SourceRegistration& registration) override;
  Result<std::vector<SourceStatus>> sources() override;
  Result<std::vector<WriterEpoch>> take_epochs(SourceId source, std::span<const int32_t> shards,
                                               const std::string& owner) override;
  Result<std::vector<FrozenMark>> load_frozen_marks(SourceId source,
                                                    std::span<const int32_t> shards) override;
  Result<std::vector<FrozenDay>> load_frozen_days(SourceId source) override;
  Result<std::vector<LedgerEntry>> load_ledger(SourceId source, std::span<const int32_t> shards,
                                               int64_t from_bucket) override;
  Result<std::vector<StoredContribution>> load_contributions(
      SourceId source, std::span<const SliceKey> keys) override;
  Result<CommitOutcome> commit(const Commit& commit) override;
  Result<bool> resolve(const Commit& commit) override;
  Result<std::vector<Job>> load_jobs() override;
  Result<int64_t> jobs_version() override;
  Result<StoredJobs> store_jobs(std::span<const Job> changed, int64_t now_us) override;
  Result<void> store_publishers(std::span<const Publisher>) override { return {}; }  // names only
  Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_hour(int32_t local_hour,
                         const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) override;
  // Nobody else runs until the end.
  Result<void> begin_snapshot() override;
  void end_snapshot() override { snapshot_.reset(); }
  Result<int64_t> now_us() override;
  Result<int64_t> changes() override;
  Result<Contribution> frozen_totals() override;
  Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) override;
  Result<std::vector<NotCounted>> load_not_counted(SourceId source, size_t limit) override;
  Result<void> expire_rejects(int64_t before_us, int64_t cap) override;

 private:
  Result<void> begin(std::string_view call);
  void lose_server(const Commit& commit);
  void end(std::string_view call) {
    if (!snapshot_) {
      world_.port_call(process_, call);
    }
  }
  // What this object reads: as it is now, or as it was when its snapshot began.
  const WarehouseDatabase::State& state() const { return snapshot_ ? *snapshot_ : database_.now_; }
  Result<CommitOutcome> commit_now(const Commit& commit);
  std::string text_of(const Commit& commit) const;

  World& world_;
  WarehouseDatabase& database_;
  std::string process_;
  std::map<int32_t, int64_t> taken_;  // epochs this client took
  std::optional<WarehouseDatabase::State> snapshot_;
  bool fenced_ = false;  // was told so: it has to stop
};

}  // namespace hirestream::simulation
