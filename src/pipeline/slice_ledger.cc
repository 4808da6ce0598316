#include "pipeline/slice_ledger.h"

#include <algorithm>
#include <map>
#include <string>

#include "model/mix64.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

constexpr int kCommitAttemptsMax = 5;
constexpr int kResolveAttemptsMax = 5;
constexpr size_t kFreshnessSampleMax = 256;
// Of which no ledger has a slice.
constexpr SourceId kNoSource = 0;

// The same transaction would be refused for ever: whoever made the tables must change them.
Error refused_by_tables(Error error) {
  error.kind = ErrorKind::kConfig;
  error.message = "the warehouse refuses what was counted: " + error.message;
  if (error.hint.empty()) {
    error.hint =
        "nothing of it was written; give the tables the columns that `hirestream init --print` "
        "shows, then start again";
  }
  return error;
}

// One for each shard and day, in their order.
std::vector<FrozenDay> one_each(std::vector<FrozenDay> days) {
  FrozenDays sums;
  for (const FrozenDay& day : days) {
    add_up(sums, day);
  }
  days.clear();
  for (const auto& [key, sum] : sums) {
    days.push_back(sum);
  }
  return days;
}

}  // namespace

void CommitPlan::add_arrival(int64_t arrival_us) {
  newest_arrival_us = std::max(newest_arrival_us.value_or(arrival_us), arrival_us);
  if (arrivals_us.size() < kFreshnessSampleMax) {
    arrivals_us.push_back(arrival_us);
  }
}

void CommitPlan::add_fresh(const Tally& tally, const Contribution& given) {
  FreshRows added{tally.classes(), {}, tally.not_counted()};
  for (const Cell& cell : given) {
    if (added.given.can_add(cell.measures)) {
      added.given += cell.measures;
    }
  }
  fresh.add(added);
}

void CommitPlan::freeze(int32_t shard, int32_t day, const RowDigest& digest,
                        const RowClasses& classes, const Contribution& given) {
  frozen_days.push_back({shard, day, 1, digest, classes});
  for (const Cell& cell : given) {
    frozen_hours.push_back({{.local_hour = cell.key.local_hour}, cell.measures});
  }
}

SliceLedger::SliceLedger(const EnginePorts& ports, const EngineOptions& options)
    : ports_(ports),
      options_(options),
      classifier_(options.counting),
      companies_(ports, options.jobs_interval_us),
      shards_(options.shards.empty() ? all_shards(ports.source.description()) : options.shards),
      token_state_(options.token_seed) {}

Fingerprint SliceLedger::fingerprint() const {
  EngineOptions options = options_;
  options.counting.start_at_us = classifier_.options().start_at_us;
  return fingerprint_of(ports_.source.description(), options);
}

SourceRegistration SliceLedger::registration() const {
  Fingerprint own = fingerprint();
  if (knows_no_arrivals_) {
    own.erase(std::string(kArrivalWidth));
  }
  return {options_.source_name, ports_.source.description().kind, std::move(own)};
}

void SliceLedger::keep_cut(const Fingerprint& stored) {
  knows_no_arrivals_ = ports_.source.description().strategy == Strategy::kScan &&
                       !stored.contains(std::string(kArrivalWidth));
}

void SliceLedger::keep_start(const Fingerprint& stored) {
  const auto start_us = start_at_of(stored);
  if (start_us && !options_.counting.start_at_us) {
    classifier_.start_at(*start_us);
  }
}

Result<std::optional<SourceStatus>> SliceLedger::find_source(std::string& known_names) {
  HIRESTREAM_ASSIGN(std::vector<SourceStatus> known, ports_.warehouse.sources());
  for (SourceStatus& status : known) {
    if (status.name == options_.source_name) {
      return std::optional(std::move(status));
    }
    known_names += (known_names.empty() ? "" : ", ") + status.name;
  }
  return std::optional<SourceStatus>();
}

Result<void> SliceLedger::open_as_writer() {
  std::string others;
  HIRESTREAM_ASSIGN(const std::optional<SourceStatus> known, find_source(others));
  if (known) {
    keep_start(known->fingerprint);
    keep_cut(known->fingerprint);
  }
  HIRESTREAM_ASSIGN(source_id_, ports_.warehouse.register_source(registration()));
  HIRESTREAM_TRY(companies_.load());
  // Takes the lock of every writer row: a transaction of a former writer (or of this one, with an
  // unknown outcome) is over when this returns, and none of its kind can commit later.
  HIRESTREAM_ASSIGN(writers_, ports_.warehouse.take_epochs(source_id_, shards_, options_.owner));
  must_restart_ = false;
  return {};
}

Result<void> SliceLedger::open_as_publisher() {
  writers_.clear();
  std::string names;
  HIRESTREAM_ASSIGN(const std::optional<SourceStatus> source, find_source(names));
  if (!source) {
    return fail(ErrorKind::kConfig, "open source", options_.source_name,
                "nothing of it was counted into this warehouse" +
                    (names.empty() ? std::string() : "; it knows " + names),
                "name it as `hirestream run` did: --source or --source-name");
  }
  keep_start(source->fingerprint);
  const SourceRegistration stored{source->name, source->kind, source->fingerprint};
  HIRESTREAM_TRY(check_known_source(stored, registration()));
  source_id_ = source->id;
  return companies_.load();
}

Result<void> SliceLedger::open_for(const SourceRegistration& given) {
  writers_.clear();
  std::string names;
  HIRESTREAM_ASSIGN(const std::optional<SourceStatus> source, find_source(names));
  if (source) {
    HIRESTREAM_TRY(check_known_source({source->name, source->kind, source->fingerprint}, given));
    source_id_ = source->id;
  } else {
    HIRESTREAM_ASSIGN(source_id_, ports_.warehouse.register_source(given));
  }
  return companies_.load();
}

Result<void> SliceLedger::open_to_compare(const SourceRegistration& given) {
  writers_.clear();
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, ports_.warehouse.sources());
  HIRESTREAM_TRY(check_source(ports_.warehouse, registrations_of(sources), given));
  const auto source = std::ranges::find(sources, given.name, &SourceStatus::name);
  source_id_ = source == sources.end() ? kNoSource : source->id;
  return {};
}

Result<std::vector<LedgerEntry>> SliceLedger::load_entries() {
  return ports_.warehouse.load_ledger(source_id_, shards_, INT64_MIN);
}

Result<std::vector<FrozenMark>> SliceLedger::load_frozen_marks() {
  return ports_.warehouse.load_frozen_marks(source_id_, shards_);
}

Result<std::vector<FrozenDay>> SliceLedger::load_frozen_days() {
  return ports_.warehouse.load_frozen_days(source_id_);
}

Result<std::vector<StoredContribution>> SliceLedger::load_contributions(
    std::span<const SliceKey> keys) {
  return load_checked_contributions(ports_.warehouse, source_id_, keys);
}

uint64_t SliceLedger::next_token() {
  // splitmix64; 0 is what a row without a commit holds.
  uint64_t x = 0;
  do {
    token_state_ += 0x9E3779B97F4A7C15ULL;
    x = mix64(token_state_);
  } while (x == 0);
  return x;
}

Result<CommitOutcome> SliceLedger::resolve(const Commit& commit) {
  if (commit.writers.empty() && commit.slices.empty()) {  // nothing carries its token
    return fail(ErrorKind::kTransient, "commit", options_.source_name,
                "connection lost during COMMIT; whether it was applied is not known",
                "verify once more");
  }
  for (int attempt = 1; attempt <= kResolveAttemptsMax; ++attempt) {
    const auto committed = ports_.warehouse.resolve(commit);
    if (committed && *committed) {
      return CommitOutcome{};
    }
    if (committed) {
      return fail(ErrorKind::kTransient, "commit", options_.source_name,
                  "connection lost; the transaction was rolled back");
    }
    ports_.observer.on_retry(committed.error(), attempt, 0);
    if (committed.error().kind != ErrorKind::kTransient || ports_.stop.stop_requested()) {
      must_restart_ = true;
      return forward(committed.error());
    }
  }
  must_restart_ = true;
  return fail(
      ErrorKind::kTransient, "commit", options_.source_name,
      "connection lost during COMMIT and its outcome cannot be asked for yet",
      "the engine takes a new epoch and recounts its open slices as soon as the warehouse answers");
}

Result<CommitOutcome> SliceLedger::apply(Commit& commit) {
  for (int attempt = 1;; ++attempt) {
    set_companies(commit);
    auto outcome = ports_.warehouse.commit(commit);
    if (outcome && outcome->verdict == CommitVerdict::kJobsMoved) {
      HIRESTREAM_TRY(companies_.load());
      if (attempt < kCommitAttemptsMax) {
        continue;
      }
      return fail(ErrorKind::kTransient, "commit", options_.source_name,
                  "jobs are stored again and again meanwhile");
    }
    if (outcome) {
      return outcome->verdict == CommitVerdict::kUnknown ? resolve(commit) : outcome;
    }
    if (outcome.error().kind == ErrorKind::kRejected) {
      return forward(refused_by_tables(std::move(outcome).error()));
    }
    if (outcome.error().kind != ErrorKind::kTransient || attempt == kCommitAttemptsMax ||
        ports_.stop.stop_requested()) {
      return forward(outcome.error());
    }
    ports_.observer.on_retry(outcome.error(), attempt, 0);
  }
}

void SliceLedger::set_companies(Commit& commit) const {
  commit.jobs_version = companies_.version();
  for (CellChange& cell : commit.cells) {
    cell.company_id = companies_.company_of(cell.key.job_id);
  }
  if (commit.days) {
    for (CellChange& day : *commit.days) {
      day.company_id = companies_.company_of(day.key.job_id);
    }
  }
}

Result<CommitOutcome> SliceLedger::commit(CommitPlan plan) {
  HIRESTREAM_CHECK(!must_restart_);
  Commit commit;
  commit.source = source_id_;
  commit.writers = writers_;
  commit.token = next_token();
  commit.now_us = ports_.clock.now_us();
  commit.slices = std::move(plan.slices);
  std::sort(commit.slices.begin(), commit.slices.end(),
            [](const SliceChange& a, const SliceChange& b) { return a.entry.key < b.entry.key; });
  canonicalize(plan.cells);
  commit.cells.reserve(plan.cells.size());
  for (const Cell& cell : plan.cells) {
    commit.cells.push_back({cell.key, cell.measures, 0});
  }
  plan.cells = {};
  commit.settled_until = std::move(plan.settled_until);
  commit.frozen_marks = plan.frozen_marks;
  commit.frozen_days = one_each(std::move(plan.frozen_days));
  commit.frozen_hours = std::move(plan.frozen_hours);
  canonicalize(commit.frozen_hours);
  commit.frozen_kinds = std::move(plan.frozen_kinds);
  commit.based_on_changes = plan.based_on_changes;
  if (plan.new_fingerprint) {
    commit.fingerprint = fingerprint();
  }
  if (plan.days) {
    canonicalize(*plan.days);
    commit.days.emplace();
    for (const Cell& day : *plan.days) {
      commit.days->push_back({day.key, day.measures, 0});
    }
  }
  HIRESTREAM_ASSIGN(CommitOutcome outcome, apply(commit));
  if (outcome.verdict == CommitVerdict::kFenced) {
    return fail(
        ErrorKind::kConfig, kFence, options_.source_name,
        "another engine has taken over a shard of this source; this one commits nothing more",
        "run one engine per shard: stop the other one, or give each its own --shards");
  }
  if (outcome.verdict == CommitVerdict::kConflict) {
    for (const SliceKey& key : outcome.conflicts) {
      ports_.observer.on_slice(SliceEvent::kConflict, key, "replaced by somebody else meanwhile");
    }
    return outcome;
  }
  knows_no_arrivals_ = knows_no_arrivals_ && !plan.new_fingerprint;
  tell(plan, commit);
  return outcome;
}

void SliceLedger::tell(const CommitPlan& plan, const Commit& commit) {
  for (const SliceNews& news : plan.news) {
    ports_.observer.on_slice(news.event, news.slice, news.detail);
  }
  const int64_t done_us = ports_.clock.now_us();
  CommitReport report;
  report.slices = static_cast<int64_t>(commit.slices.size());
  report.cells = static_cast<int64_t>(commit.cells.size());
  report.rows = plan.rows;
  report.new_rows = plan.new_rows;
  report.fresh = plan.fresh;
  report.rejected = plan.rejected;
  report.duration_us = done_us - commit.now_us;
  for (const int64_t arrival_us : plan.arrivals_us) {
    report.freshness_sample_us.push_back(done_us - arrival_us);
  }
  if (plan.newest_arrival_us) {
    report.freshness_us = std::max<int64_t>(0, done_us - *plan.newest_arrival_us);
  }
  ports_.observer.on_commit(report);
}

}  // namespace hirestream
