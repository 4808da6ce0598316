#include "pipeline/slice_ledger.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "ports/source_check.h"

namespace hirestream {
namespace {

constexpr int kCommitAttemptsMax = 5;
constexpr int kResolveAttemptsMax = 5;
constexpr int kPublishAttemptsMax = 50;  // each in vain only because another one was not

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

// Rows of several slices, each into its own count.
class CountingSink : public RowSink {
 public:
  CountingSink(RowClassifier& classifier, std::span<Recount*> targets)
      : classifier_(classifier), targets_(targets) {}

  Result<void> on_rows(size_t index, const TrackingBatch& batch) override {
    HIRESTREAM_CHECK(index < targets_.size());
    for (size_t row = 0; row < batch.rows(); ++row) {
      targets_[index]->count.add(classifier_, batch, row);
    }
    rows_ += static_cast<int64_t>(batch.rows());
    return {};
  }
  int64_t rows() const { return rows_; }

 private:
  RowClassifier& classifier_;
  std::span<Recount*> targets_;
  int64_t rows_ = 0;
};

bool takes_away(const Contribution& change) {
  return std::any_of(change.begin(), change.end(),
                     [](const Cell& cell) { return cell.measures.any_negative(); });
}

}  // namespace

int64_t rows_counted(const Contribution& contribution) {
  int64_t rows = 0;
  for (const Cell& cell : contribution) {
    const Measures& measures = cell.measures;
    rows += measures.impressions + measures.clicks + measures.conversions + measures.qualified +
            measures.unqualified;
  }
  return rows;
}

void SliceCount::add(RowClassifier& classifier, const TrackingBatch& batch, size_t row) {
  if (!ids.insert(batch.id(row))) {
    return;
  }
  tally.add(classifier, batch, row);
  position_max = std::max(position_max, batch.position(row));
}

SliceLedger::SliceLedger(const EnginePorts& ports, const EngineOptions& options)
    : ports_(ports),
      options_(options),
      classifier_(options.counting),
      companies_(ports, options.jobs_interval_us),
      shards_(options.shards),
      token_state_(options.token_seed) {
  if (shards_.empty()) {
    shards_.resize(static_cast<size_t>(ports.source.description().shard_count));
    std::iota(shards_.begin(), shards_.end(), 0);
  }
}

SourceRegistration SliceLedger::registration() const {
  const SourceDescription& source = ports_.source.description();
  return {options_.source_name, source.kind, fingerprint_of(source, options_)};
}

Result<void> SliceLedger::open_as_writer() {
  HIRESTREAM_ASSIGN(source_id_, ports_.warehouse.register_source(registration()));
  HIRESTREAM_TRY(companies_.start());
  // Takes the lock of every writer row: a transaction of a former writer (or of this one, with an unknown outcome) is over
  // when this returns, and none of its kind can commit later.
  HIRESTREAM_ASSIGN(writers_, ports_.warehouse.take_epochs(source_id_, shards_, options_.owner));
  must_restart_ = false;
  return {};
}

Result<void> SliceLedger::open_as_publisher() {
  writers_.clear();
  companies_as_of_ = -1;
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> known, ports_.warehouse.sources());
  const auto source = std::find_if(known.begin(), known.end(), [this](const SourceStatus& status) {
    return status.name == options_.source_name;
  });
  if (source == known.end()) {
    std::string names;
    for (const SourceStatus& status : known) {
      names += (names.empty() ? "" : ", ") + status.name;
    }
    return fail(ErrorKind::kConfig, "open source", options_.source_name,
                "nothing of it was counted into this warehouse" +
                    (names.empty() ? std::string() : "; it knows " + names),
                "name it as `hirestream run` did: --source or --source-name");
  }
  const SourceRegistration stored{source->name, source->kind, source->fingerprint};
  HIRESTREAM_TRY(check_known_source(stored, registration()));
  source_id_ = source->id;
  return companies_.start();
}

Result<std::vector<LedgerEntry>> SliceLedger::load_entries() {
  return ports_.warehouse.load_ledger(source_id_, shards_, INT64_MIN);
}

Result<std::vector<StoredContribution>> SliceLedger::load_contributions(
    std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                    ports_.warehouse.load_contributions(source_id_, keys));
  std::for_each(stored.begin(), stored.end(), distrust);
  return stored;
}

void SliceLedger::distrust(StoredContribution& stored) {
  const bool whole = stored.damaged || stored.entry.state == SliceState::kFrozen ||
                     rows_counted(stored.contribution) == stored.entry.classes.counted;
  if (!whole) {
    stored.damaged = true;
    stored.contribution.clear();
  }
}

void SliceLedger::judge(Recount& recount) const {
  recount.whole = recount.count.tally.contribution();
  const RowDigest& found = recount.count.tally.digest();
  const LedgerEntry& entry = recount.stored.entry;
  if (recount.stored.damaged) {
    // The same rows with the same values: what cannot be read any more was what the recount gives, and no cell changes.
    recount.verdict = found == entry.digest ? RecountVerdict::kChanged : RecountVerdict::kDamaged;
    return;
  }
  recount.change = difference(recount.whole, recount.stored.contribution);
  if (found == entry.digest && recount.change.empty()) {
    recount.verdict = RecountVerdict::kSame;
    return;
  }
  const bool shrunk = found.rows < entry.digest.rows || takes_away(recount.change);
  recount.verdict = shrunk ? RecountVerdict::kShrunk : RecountVerdict::kChanged;
}

Result<std::vector<Recount>> SliceLedger::recount(std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, load_contributions(keys));
  HIRESTREAM_CHECK(stored.size() == keys.size());
  std::vector<Recount> out(keys.size());
  std::vector<SliceRead> requests(keys.size());
  std::vector<Recount*> targets(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    out[i].stored = std::move(stored[i]);
    requests[i].slice = keys[i];
    targets[i] = &out[i];
  }
  const int64_t started_us = ports_.clock.now_us();
  const int64_t requests_before = ports_.source.statistics().requests;
  CountingSink sink(classifier_, targets);
  HIRESTREAM_TRY(ports_.source.read(requests, sink));
  ports_.observer.on_read(sink.rows(), ports_.source.statistics().requests - requests_before,
                          ports_.clock.now_us() - started_us);
  std::vector<SliceRead> again;
  std::vector<Recount*> suspects;
  for (Recount& recount : out) {
    judge(recount);
    const bool suspect =
        recount.verdict == RecountVerdict::kShrunk || recount.verdict == RecountVerdict::kDamaged;
    if (suspect && ports_.source.description().strategy != Strategy::kFiles) {
      suspects.push_back(&recount);
      again.push_back({recount.stored.entry.key, std::nullopt, ReadLevel::kStrongest});
    }
  }
  if (suspects.empty()) {
    return out;
  }
  // Guard Shrink: a stale replica answers with fewer rows; ask again as strongly as the source can.
  std::vector<SliceCount> first_counts(suspects.size());
  for (size_t i = 0; i < suspects.size(); ++i) {
    first_counts[i] = std::exchange(suspects[i]->count, SliceCount());
  }
  CountingSink strong_sink(classifier_, suspects);
  if (const auto strong = ports_.source.read(again, strong_sink); !strong) {
    if (strong.error().kind != ErrorKind::kTransient) {
      return forward(strong.error());
    }
    ports_.observer.on_retry(strong.error(), 1, 0);
    unconfirmed_ = strong.error();
    for (size_t i = 0; i < suspects.size(); ++i) {
      suspects[i]->count = std::move(first_counts[i]);
      suspects[i]->confirmed = options_.allow_shrink;
      if (!options_.allow_shrink && suspects[i]->verdict == RecountVerdict::kShrunk) {
        suspects[i]->verdict = RecountVerdict::kUnconfirmed;
      }
    }
    return out;
  }
  for (Recount* suspect : suspects) {
    judge(*suspect);
    if (suspect->verdict == RecountVerdict::kShrunk && suspect->only_overwritten()) {
      suspect->verdict = RecountVerdict::kChanged;
    }
  }
  return out;
}

void SliceLedger::plan_replace(CommitPlan& plan, Recount&& recount, SliceState state,
                               const std::string& name, const std::string& tag,
                               int64_t now_us) const {
  SliceChange change;
  change.entry = recount.stored.entry;
  if (change.entry.state == SliceState::kSettled && recount.verdict != RecountVerdict::kSame) {
    change.entry.corrected_at_us = now_us;
  }
  change.entry.name = name;
  change.entry.tag = tag;
  change.entry.state = state;
  const RowDigest& digest = recount.count.tally.digest();
  plan.rows += digest.rows;
  plan.new_rows += std::max<int64_t>(0, digest.rows - change.entry.digest.rows);
  const RowClasses& classes = recount.count.tally.classes();
  plan.rejected += std::max<int64_t>(0, classes.rejected - change.entry.classes.rejected);
  change.entry.digest = digest;
  change.entry.classes = classes;
  change.entry.held = false;
  if (state == SliceState::kSettled) {
    if (change.entry.settled_at_us == 0) {
      change.entry.settled_at_us = now_us;
    }
    change.entry.audited_at_us = now_us;
  } else if (state == SliceState::kOpen) {
    // One that was held before its time: its audits count from when it settles.
    change.entry.settled_at_us = 0;
  }
  change.mode = ChangeMode::kReplace;
  change.contribution = std::move(recount.whole);
  change.rejects = recount.count.tally.rejects();
  plan.cells.insert(plan.cells.end(), recount.change.begin(), recount.change.end());
  plan.slices.push_back(std::move(change));
}

std::string SliceLedger::why_held(const Recount& recount) {
  if (recount.verdict == RecountVerdict::kDamaged) {
    return "stored contribution is damaged: run `hirestream verify --repair`";
  }
  const std::string found = std::to_string(recount.count.tally.digest().rows) + " rows found, " +
                            std::to_string(recount.stored.entry.digest.rows) +
                            " counted before: held ";
  return recount.lacks_rows()
             ? found + "(stale replica, TRUNCATE, wrong cluster or TTL?)"
             : found + "(it was held before, and something that was counted is still not there)";
}

void SliceLedger::plan_keep(CommitPlan& plan, const LedgerEntry& entry) {
  SliceChange change;
  change.entry = entry;
  change.mode = ChangeMode::kKeep;
  plan.slices.push_back(std::move(change));
}

uint64_t SliceLedger::next_token() {
  // splitmix64; 0 is what a row without a commit holds.
  uint64_t x = 0;
  do {
    token_state_ += 0x9E3779B97F4A7C15ULL;
    x = token_state_;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    x ^= x >> 31;
  } while (x == 0);
  return x;
}

Result<void> SliceLedger::expire_rejects(int64_t now_us) {
  constexpr int64_t kIntervalUs = 60'000'000;
  if (now_us < next_expiry_us_ && next_expiry_us_ - now_us <= kIntervalUs) {
    return {};
  }
  HIRESTREAM_TRY(
      ports_.warehouse.expire_rejects(now_us - options_.rejects_keep_us, options_.rejects_cap));
  next_expiry_us_ = now_us + kIntervalUs;
  return {};
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
    if (committed.error().kind != ErrorKind::kTransient) {
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
  set_companies(commit);
  for (int attempt = 1;; ++attempt) {
    auto outcome = ports_.warehouse.commit(commit);
    if (outcome) {
      if (outcome->verdict == CommitVerdict::kUnknown) {
        return resolve(commit);
      }
      return outcome;
    }
    if (outcome.error().kind == ErrorKind::kRejected) {
      return forward(refused_by_tables(std::move(outcome).error()));
    }
    if (outcome.error().kind != ErrorKind::kTransient || attempt == kCommitAttemptsMax) {
      return forward(outcome.error());
    }
    ports_.observer.on_retry(outcome.error(), attempt, 0);
  }
}

void SliceLedger::set_companies(Commit& commit) const {
  for (CellChange& cell : commit.cells) {
    cell.company_id = companies_.company_of(cell.key.job_id);
  }
  if (commit.days) {
    for (CellChange& day : *commit.days) {
      day.company_id = companies_.company_of(day.key.job_id);
    }
  }
}

// An engine that wrote rows with a company that has changed meanwhile rewrites them at its next refresh. A publisher is gone by then,
// or was killed: it commits only with the companies that hold at that moment.
Result<CommitOutcome> SliceLedger::publish(Commit& commit) {
  const std::optional<int64_t> asked = commit.based_on_changes;
  for (int attempt = 1;; ++attempt) {
    if (companies_as_of_ < 0) {
      HIRESTREAM_ASSIGN(const int64_t changes, ports_.warehouse.changes());
      HIRESTREAM_TRY(companies_.start());
      companies_as_of_ = changes;
    }
    if (asked && *asked != companies_as_of_) {
      companies_as_of_ = -1;
      return CommitOutcome{CommitVerdict::kConflict, {}};
    }
    const int64_t as_of = std::exchange(companies_as_of_, -1);
    commit.based_on_changes = as_of;
    HIRESTREAM_ASSIGN(CommitOutcome outcome, apply(commit));
    if (outcome.verdict == CommitVerdict::kCommitted) {
      companies_as_of_ = as_of + 1;
      return outcome;
    }
    HIRESTREAM_ASSIGN(const int64_t changes, ports_.warehouse.changes());
    if (asked || changes == as_of || attempt == kPublishAttemptsMax) {
      return outcome;
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
  commit.settled_until = std::move(plan.settled_until);
  commit.based_on_changes = plan.based_on_changes;
  if (plan.days) {
    canonicalize(*plan.days);
    commit.days.emplace();
    for (const Cell& day : *plan.days) {
      commit.days->push_back({day.key, day.measures, 0});
    }
  }
  HIRESTREAM_ASSIGN(CommitOutcome outcome, writers_.empty() ? publish(commit) : apply(commit));
  if (outcome.verdict == CommitVerdict::kFenced) {
    return fail(
        ErrorKind::kConfig, "fence", options_.source_name,
        "another engine has taken over a shard of this source; this one commits nothing more",
        "run one engine per shard: stop the other one, or give each its own --shards");
  }
  if (outcome.verdict == CommitVerdict::kConflict) {
    for (const SliceKey& key : outcome.conflicts) {
      ports_.observer.on_slice(SliceEvent::kConflict, key, "replaced by somebody else meanwhile");
    }
    return outcome;
  }
  const int64_t done_us = ports_.clock.now_us();
  CommitReport report;
  report.slices = static_cast<int64_t>(commit.slices.size());
  report.cells = static_cast<int64_t>(commit.cells.size());
  report.rows = plan.rows;
  report.new_rows = plan.new_rows;
  report.rejected = plan.rejected;
  report.duration_us = done_us - commit.now_us;
  for (const int64_t arrival_us : plan.arrivals_us) {
    report.freshness_sample_us.push_back(done_us - arrival_us);
  }
  if (!report.freshness_sample_us.empty()) {
    report.freshness_us =
        *std::min_element(report.freshness_sample_us.begin(), report.freshness_sample_us.end());
  }
  ports_.observer.on_commit(report);
  return outcome;
}

}  // namespace hirestream
