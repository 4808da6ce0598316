#include "simulation/defects.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace hirestream::simulation {
namespace {

struct Description {
  Defect defect;
  std::string_view name;
  Strategy strategy = Strategy::kTail;
  uint64_t first_seed = 1;
};

constexpr std::array kDescriptions = {
    Description{Defect::kIgnoreEpochs, "ignore_epochs"},
    Description{Defect::kIgnoreRevisions, "ignore_revisions"},
    Description{Defect::kLateRevisionInRepair, "late_revision_in_repair", Strategy::kTail, 700},
    Description{Defect::kAssumeCommitted, "assume_committed"},
    Description{Defect::kApplyTwice, "apply_twice"},
    Description{Defect::kResolveLies, "resolve_lies"},
    Description{Defect::kSwallowConflicts, "swallow_conflicts"},
    Description{Defect::kDropLedgerRows, "drop_ledger_rows"},
    Description{Defect::kKeepLedgerOnSettle, "keep_ledger_on_settle"},
    Description{Defect::kSplitTransactions, "split_transactions"},
    Description{Defect::kCutLookBack, "cut_look_back"},
    Description{Defect::kShortLookBack, "short_look_back"},
    Description{Defect::kDropPageEnd, "drop_page_end", Strategy::kFollow},
    Description{Defect::kPartialReadSucceeds, "partial_read_succeeds", Strategy::kTail, 1180},
    Description{Defect::kCountRepeatedRows, "count_repeated_rows"},
    Description{Defect::kTrustStaleReplica, "trust_stale_replica"},
    Description{Defect::kForgetOpenSlices, "forget_open_slices"},
    Description{Defect::kNoAudits, "no_audits"},
    Description{Defect::kLoseClasses, "lose_classes"},
    Description{Defect::kEpochsDoNotWait, "epochs_do_not_wait"},
    Description{Defect::kNeverRefreshJobs, "never_refresh_jobs"},
};

// Passes everything on; defects override what they break.
class WarehouseDecorator : public Warehouse {
 public:
  WarehouseDecorator(Defect defect, bool repair, std::unique_ptr<Warehouse> inner)
      : defect_(defect), repair_(repair), inner_(std::move(inner)) {}

  std::string server() const override { return inner_->server(); }
  std::vector<std::string> schema_statements() const override {
    return inner_->schema_statements();
  }
  Result<EventsTableState> events_table() override { return inner_->events_table(); }
  Result<void> init() override { return inner_->init(); }
  Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) override {
    return inner_->migrate(now_us, until_hour);
  }
  Result<std::optional<MigratedHours>> migrated_hours() override {
    return inner_->migrated_hours();
  }
  Result<SourceId> register_source(const SourceRegistration& registration) override {
    return inner_->register_source(registration);
  }
  Result<std::vector<SourceStatus>> sources() override { return inner_->sources(); }
  Result<std::vector<WriterEpoch>> take_epochs(SourceId source, std::span<const int32_t> shards,
                                               const std::string& owner) override {
    return inner_->take_epochs(source, shards, owner);
  }
  Result<std::vector<FrozenMark>> load_frozen_marks(SourceId source,
                                                    std::span<const int32_t> shards) override {
    return inner_->load_frozen_marks(source, shards);
  }
  Result<std::vector<FrozenDay>> load_frozen_days(SourceId source) override {
    return inner_->load_frozen_days(source);
  }
  Result<std::vector<LedgerEntry>> load_ledger(SourceId source, std::span<const int32_t> shards,
                                               int64_t from_bucket) override;
  Result<std::vector<StoredContribution>> load_contributions(
      SourceId source, std::span<const SliceKey> keys) override {
    return inner_->load_contributions(source, keys);
  }
  Result<CommitOutcome> commit(const Commit& commit) override;
  Result<bool> resolve(const Commit& commit) override;
  Result<std::vector<Job>> load_jobs() override { return inner_->load_jobs(); }
  Result<int64_t> jobs_version() override { return inner_->jobs_version(); }
  Result<StoredJobs> store_jobs(std::span<const Job> changed, int64_t now_us) override {
    return inner_->store_jobs(changed, now_us);
  }
  Result<void> store_publishers(std::span<const Publisher> changed) override {
    return inner_->store_publishers(changed);
  }
  Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) override {
    return inner_->read_events(visit);
  }
  Result<void> read_hour(int32_t local_hour,
                         const std::function<Result<void>(const EventsRow&)>& visit) override {
    return inner_->read_hour(local_hour, visit);
  }
  Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) override {
    return inner_->read_days(visit);
  }
  Result<void> begin_snapshot() override { return inner_->begin_snapshot(); }
  void end_snapshot() override { inner_->end_snapshot(); }
  Result<int64_t> now_us() override { return inner_->now_us(); }
  Result<int64_t> changes() override { return inner_->changes(); }
  Result<Contribution> frozen_totals() override { return inner_->frozen_totals(); }
  Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) override {
    return inner_->load_rejects(source, limit);
  }
  Result<std::vector<NotCounted>> load_not_counted(SourceId source, size_t limit) override {
    return inner_->load_not_counted(source, limit);
  }
  Result<void> expire_rejects(int64_t before_us, int64_t cap) override {
    return inner_->expire_rejects(before_us, cap);
  }

 private:
  Result<void> take_revisions(Commit& commit);
  Result<CommitOutcome> commit_twice(const Commit& commit);
  Result<CommitOutcome> commit_in_two(Commit commit);
  Result<void> spoil(Commit& commit);

  Defect defect_;
  bool repair_;
  std::unique_ptr<Warehouse> inner_;
};

Result<std::vector<LedgerEntry>> WarehouseDecorator::load_ledger(SourceId source,
                                                                 std::span<const int32_t> shards,
                                                                 int64_t from_bucket) {
  auto entries = inner_->load_ledger(source, shards, from_bucket);
  if (entries && defect_ == Defect::kForgetOpenSlices && !repair_) {
    for (LedgerEntry& entry : *entries) {
      entry.state = entry.state == SliceState::kOpen ? SliceState::kSettled : entry.state;
    }
  }
  return entries;
}

Result<void> WarehouseDecorator::take_revisions(Commit& commit) {
  std::vector<SliceKey> keys;
  for (const SliceChange& change : commit.slices) {
    keys.push_back(change.entry.key);
  }
  HIRESTREAM_ASSIGN(const std::vector<StoredContribution> stored,
                    inner_->load_contributions(commit.source, keys));
  for (size_t i = 0; i < stored.size(); ++i) {
    commit.slices[i].entry.revision = stored[i].entry.revision;
  }
  return {};
}

Result<CommitOutcome> WarehouseDecorator::commit_twice(const Commit& commit) {
  auto outcome = inner_->commit(commit);
  if (outcome && outcome->verdict == CommitVerdict::kUnknown) {
    Commit again = commit;
    HIRESTREAM_TRY(take_revisions(again));
    return inner_->commit(again);
  }
  return outcome;
}

Result<CommitOutcome> WarehouseDecorator::commit_in_two(Commit commit) {
  Commit cells;
  cells.source = commit.source;
  cells.writers = commit.writers;
  cells.token = commit.token + 1;
  cells.now_us = commit.now_us;
  cells.cells = std::exchange(commit.cells, {});
  HIRESTREAM_ASSIGN(CommitOutcome outcome, inner_->commit(cells));
  if (outcome.verdict != CommitVerdict::kCommitted) {
    return outcome;
  }
  return inner_->commit(commit);
}

Result<void> WarehouseDecorator::spoil(Commit& commit) {
  if (defect_ == Defect::kIgnoreEpochs) {
    commit.writers.clear();
  }
  if (defect_ == Defect::kIgnoreRevisions ||
      (defect_ == Defect::kLateRevisionInRepair && repair_)) {
    HIRESTREAM_TRY(take_revisions(commit));
  }
  for (SliceChange& change : commit.slices) {
    if (change.mode == ChangeMode::kAppend && defect_ == Defect::kDropLedgerRows) {
      change.contribution.clear();
    }
    if (change.mode == ChangeMode::kAppend && defect_ == Defect::kLoseClasses) {
      change.entry.classes = {};
    }
    if (change.mode == ChangeMode::kReplace && defect_ == Defect::kKeepLedgerOnSettle &&
        change.entry.revision != 0) {
      change.mode = ChangeMode::kAppend;
      change.contribution.clear();
    }
  }
  return {};
}

Result<CommitOutcome> WarehouseDecorator::commit(const Commit& commit) {
  Commit changed = commit;
  HIRESTREAM_TRY(spoil(changed));
  if (defect_ == Defect::kApplyTwice) {
    return commit_twice(changed);
  }
  if (defect_ == Defect::kSplitTransactions) {
    return commit_in_two(std::move(changed));
  }
  auto outcome = inner_->commit(changed);
  if (outcome &&
      ((outcome->verdict == CommitVerdict::kUnknown && defect_ == Defect::kAssumeCommitted) ||
       (outcome->verdict == CommitVerdict::kConflict && defect_ == Defect::kSwallowConflicts))) {
    return CommitOutcome{};
  }
  return outcome;
}

Result<bool> WarehouseDecorator::resolve(const Commit& commit) {
  auto resolved = inner_->resolve(commit);
  if (resolved && defect_ == Defect::kResolveLies) {
    return true;
  }
  return resolved;
}

class SourceDecorator : public EventSource {
 public:
  SourceDecorator(Defect defect, std::unique_ptr<EventSource> inner)
      : defect_(defect), inner_(std::move(inner)) {}

  const SourceDescription& description() const override { return inner_->description(); }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override {
    return inner_->begin_discovery(shards);
  }
  Result<int64_t> newest_bucket(int64_t now_us) override { return inner_->newest_bucket(now_us); }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  Result<std::vector<LateNote>> late_notes(int64_t now_us) override {
    return inner_->late_notes(now_us);
  }
  ReadStatistics statistics() const override { return inner_->statistics(); }

 private:
  class SpoiledSweep;

  Defect defect_;
  std::unique_ptr<EventSource> inner_;
  std::set<RowId> delivered_;
  uint64_t fresh_ids_ = 0;
  std::map<SliceKey, Position> highest_;
};

void copy_cell(const TrackingBatch& from, size_t row, Column column, TrackingBatch& to) {
  if (from.status(column, row) != CellStatus::kValue) {
    return;
  }
  switch (column) {
    case Column::kCreateTime:
      break;
    case Column::kTs:
      to.set_ts_us(from.ts_us(row));
      break;
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      to.set_text(column, from.text(column, row));
      break;
    default:
      to.set_integer(column, from.integer(column, row));
  }
}

// Copies a row, bad values as nulls; with `id` as its identity.
void copy_row(const TrackingBatch& from, size_t row, const RowId& id, TrackingBatch& to) {
  to.add_row();
  to.set_id(id);
  to.set_position(from.position(row));
  for (size_t i = 0; i < kColumnCount; ++i) {
    copy_cell(from, row, static_cast<Column>(i), to);
  }
}

// Whether a request is for what is new in slices.
bool is_poll(const SweepRequest& request) {
  const auto* slices = std::get_if<std::vector<SliceRead>>(&request.what);
  return slices != nullptr &&
         std::any_of(slices->begin(), slices->end(),
                     [](const SliceRead& read) { return read.from_position.has_value(); });
}

class SourceDecorator::SpoiledSweep : public Sweep {
 public:
  SpoiledSweep(SourceDecorator& owner, bool poll, std::unique_ptr<Sweep> inner)
      : owner_(owner), poll_(poll), inner_(std::move(inner)) {}

  Result<std::optional<SweepPage>> next() override {
    auto page = inner_->next();
    if (!page && owner_.defect_ == Defect::kPartialReadSucceeds &&
        page.error().message == "page failed") {
      return std::optional<SweepPage>();
    }
    if (!page || !*page || owner_.defect_ == Defect::kPartialReadSucceeds) {
      return page;
    }
    return std::optional<SweepPage>(spoil(**page));
  }

 private:
  SweepPage spoil(const SweepPage& page) {
    copy_.clear();
    const TrackingBatch& rows = page.rows;
    for (size_t row = 0; row < rows.rows(); ++row) {
      RowId id = rows.id(row);
      if (page.slice) {
        Position& highest = owner_.highest_[*page.slice];
        highest = std::max(highest, rows.position(row));
      }
      if (owner_.defect_ == Defect::kCountRepeatedRows && poll_ &&
          !owner_.delivered_.insert(id).second) {
        id.low ^= ++owner_.fresh_ids_ << 8;
      }
      const bool last = poll_ && rows.rows() > 1 && row + 1 == rows.rows();
      if (owner_.defect_ != Defect::kDropPageEnd || !last) {
        copy_row(rows, row, id, copy_);
      }
    }
    return {page.slice, copy_};
  }

  SourceDecorator& owner_;
  bool poll_;
  std::unique_ptr<Sweep> inner_;
  TrackingBatch copy_;
};

Result<std::unique_ptr<Sweep>> SourceDecorator::sweep(SweepRequest request) {
  const bool poll = is_poll(request);
  if (auto* slices = std::get_if<std::vector<SliceRead>>(&request.what);
      slices != nullptr && defect_ == Defect::kCutLookBack) {
    for (SliceRead& read : *slices) {
      if (read.from_position) {
        read.from_position =
            std::max(*read.from_position, Position{highest_[read.slice].value + 1});
      }
    }
  }
  HIRESTREAM_ASSIGN(auto inner, inner_->sweep(std::move(request)));
  return std::unique_ptr<Sweep>(std::make_unique<SpoiledSweep>(*this, poll, std::move(inner)));
}

class JobDecorator : public JobDirectory {
 public:
  explicit JobDecorator(std::unique_ptr<JobDirectory> inner) : inner_(std::move(inner)) {}
  Result<Loaded<Job>> load() override {
    if (!first_) {
      HIRESTREAM_ASSIGN(first_, inner_->load());
    }
    return *first_;
  }
  Result<Loaded<Publisher>> load_publishers() override { return inner_->load_publishers(); }

 private:
  std::unique_ptr<JobDirectory> inner_;
  std::optional<Loaded<Job>> first_;
};

bool concerns_source(Defect defect) {
  return defect == Defect::kCutLookBack || defect == Defect::kDropPageEnd ||
         defect == Defect::kPartialReadSucceeds || defect == Defect::kCountRepeatedRows;
}

}  // namespace

std::vector<Defect> all_defects() {
  std::vector<Defect> out;
  for (const Description& description : kDescriptions) {
    out.push_back(description.defect);
  }
  return out;
}

std::string_view defect_name(Defect defect) {
  for (const Description& description : kDescriptions) {
    if (description.defect == defect) {
      return description.name;
    }
  }
  HIRESTREAM_CHECK(false);
}

std::optional<Defect> find_defect(std::string_view name) {
  for (const Description& description : kDescriptions) {
    if (description.name == name) {
      return description.defect;
    }
  }
  return std::nullopt;
}

Strategy strategy_for(Defect defect) {
  for (const Description& description : kDescriptions) {
    if (description.defect == defect) {
      return description.strategy;
    }
  }
  HIRESTREAM_CHECK(false);
}

uint64_t first_seed_for(Defect defect) {
  for (const Description& description : kDescriptions) {
    if (description.defect == defect) {
      return description.first_seed;
    }
  }
  HIRESTREAM_CHECK(false);
}

std::unique_ptr<Warehouse> with_defect(std::optional<Defect> defect, bool repair,
                                       std::unique_ptr<Warehouse> warehouse) {
  if (!defect) {
    return warehouse;
  }
  return std::make_unique<WarehouseDecorator>(*defect, repair, std::move(warehouse));
}

std::unique_ptr<EventSource> with_defect(std::optional<Defect> defect,
                                         std::unique_ptr<EventSource> source) {
  if (!defect || !concerns_source(*defect)) {
    return source;
  }
  return std::make_unique<SourceDecorator>(*defect, std::move(source));
}

std::unique_ptr<JobDirectory> with_defect(std::optional<Defect> defect,
                                          std::unique_ptr<JobDirectory> jobs) {
  if (defect != Defect::kNeverRefreshJobs) {
    return jobs;
  }
  return std::make_unique<JobDecorator>(std::move(jobs));
}

void apply_defect(std::optional<Defect> defect, EngineOptions& options) {
  if (defect == Defect::kShortLookBack) {
    options.look_back_us = options.look_back_interval_us + 1;
    options.overlap_us = std::min(options.overlap_us, options.look_back_us);
  } else if (defect == Defect::kTrustStaleReplica) {
    options.allow_shrink = true;
  } else if (defect == Defect::kNoAudits) {
    options.audit_delays_us.clear();
    options.discover_interval_us = INT64_MAX / 2;
  }
}

}  // namespace hirestream::simulation
