#include "pipeline/publish.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "model/decimal.h"
#include "pipeline/bucket_clock.h"
#include "pipeline/recount.h"
#include "pipeline/scan_clock.h"
#include "pipeline/slice_book.h"

namespace hirestream {
namespace {

// What was counted elsewhere is described here, and cannot be read.
class StagedSource final : public EventSource {
 public:
  explicit StagedSource(SourceDescription description) : description_(std::move(description)) {}
  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t>) override {
    HIRESTREAM_CHECK(false);
  }
  Result<int64_t> newest_bucket(int64_t) override { return 0; }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest) override { HIRESTREAM_CHECK(false); }
  ReadStatistics statistics() const override { return {}; }

 private:
  SourceDescription description_;
};

int64_t number_of(const Fingerprint& fingerprint, std::string_view name) {
  const auto found = fingerprint.find(std::string(name));
  return found == fingerprint.end() ? 0 : parse_integer(found->second).value_or(0);
}

class SlicePublisher {
 public:
  SlicePublisher(const PublishPorts& ports, const PublishOptions& options, StagedRun run,
                 SourceDescription source)
      : ports_(ports),
        options_(options),
        engine_(engine_options(options, run)),
        source_(std::move(source)),
        ledger_({.source = source_,
                 .warehouse = ports.warehouse,
                 .jobs = ports.jobs,
                 .clock = ports.clock,
                 .observer = ports.observer},
                engine_),
        book_(ledger_),
        buckets_(source_, engine_, ledger_.classifier()) {
    if (source_.description().strategy == Strategy::kScan) {
      scan_clock_.emplace(source_.description(), engine_);
    }
    report_.run = std::move(run);
  }

  Result<PublishReport> run();

 private:
  static EngineOptions engine_options(const PublishOptions& options, const StagedRun& run) {
    EngineOptions engine = options.engine;
    engine.source_name = run.source.name;
    engine.shards.clear();
    return engine;
  }
  bool is_over(const SliceKey& key) const;
  Policy policy_of(const LedgerEntry& entry) const;
  Result<void> publish_batch(std::span<const SliceKey> keys);
  // What becomes of it but for those that are to be committed.
  Result<bool> is_wanted(Recount& recount, const StagedSlice& staged);
  Result<void> commit(std::vector<Recount> recounts);
  // All of them, or nothing: then those that somebody else has replaced.
  Result<std::vector<SliceKey>> commit_once(const std::vector<Recount>& recounts);
  void want_recount(int64_t& count, const SliceKey& key);
  void tell_missing();

  PublishPorts ports_;
  const PublishOptions& options_;
  EngineOptions engine_;
  StagedSource source_;
  SliceLedger ledger_;
  SliceBook book_;
  BucketClock buckets_;
  // Only of a scan.
  std::optional<ScanClock> scan_clock_;
  PublishReport report_;
  // Only of a comparison of the whole.
  std::set<SliceKey> met_;
};

bool SlicePublisher::is_over(const SliceKey& key) const {
  const int64_t begun_us = report_.run.begun_us;
  return scan_clock_ ? scan_clock_->is_over(key, begun_us) : buckets_.is_over(key.bucket, begun_us);
}

Policy SlicePublisher::policy_of(const LedgerEntry& entry) const {
  const int64_t now_us = ports_.clock.now_us();
  const bool past_retention = scan_clock_ ? scan_clock_->is_past_retention(entry.key, now_us)
                                          : buckets_.is_past_retention(entry, now_us);
  Policy policy;
  policy.state = is_over(entry.key) ? SliceState::kSettled : entry.state;
  policy.allow_shrink = engine_.may_shrink(past_retention);
  return policy;
}

void SlicePublisher::want_recount(int64_t& count, const SliceKey& key) {
  ++count;
  report_.recount.push_back(key);
}

Result<bool> SlicePublisher::is_wanted(Recount& recount, const StagedSlice& staged) {
  HIRESTREAM_TRY(judge(recount, policy_of(recount.entry())));
  const bool moved = staged.revision != recount.entry().revision;
  if (moved) {
    if (recount.same()) {
      ++report_.slices_unchanged;
    } else if (recount.entry().revision == 0) {
      ++report_.slices_frozen;  // by an engine, after the run began
    } else {
      want_recount(report_.slices_moved, staged.key);
    }
    return false;
  }
  switch (recount.action) {
    case Action::kKeep:
    case Action::kAudit:
      ++report_.slices_unchanged;
      return false;
    case Action::kHold:
    case Action::kWait:
      want_recount(report_.slices_held, staged.key);
      return false;
    case Action::kReplace:
    case Action::kRelease:
      if (options_.compare) {
        ++(recount.same() ? report_.slices_unchanged : report_.slices_different);
      }
      return !options_.compare;
  }
  HIRESTREAM_CHECK(false);
}

Result<std::vector<SliceKey>> SlicePublisher::commit_once(const std::vector<Recount>& recounts) {
  CommitPlan plan;
  for (Recount recount : recounts) {
    const LedgerEntry entry = recount.entry();
    plan_action(plan, std::move(recount), policy_of(entry).state, {}, ports_.clock.now_us());
  }
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  HIRESTREAM_CHECK(outcome.verdict == CommitVerdict::kCommitted || !outcome.conflicts.empty());
  HIRESTREAM_TRY(book_.reload(outcome.conflicts));
  return outcome.conflicts;
}

Result<void> SlicePublisher::commit(std::vector<Recount> recounts) {
  while (!recounts.empty()) {
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> conflicts, commit_once(recounts));
    if (conflicts.empty()) {
      for (const Recount& recount : recounts) {
        ++report_.slices_published;
        report_.rows += recount.found().rows;
        report_.classes += recount.count.tally.classes();
        if (options_.keep_staged) {
          report_.published.push_back(
              {recount.entry().key, recount.found().rows, recount.count.tally.classes()});
        }
      }
      return {};
    }
    const std::set<SliceKey> moved(conflicts.begin(), conflicts.end());
    const size_t before = recounts.size();
    std::erase_if(recounts,
                  [&](const Recount& recount) { return moved.contains(recount.entry().key); });
    HIRESTREAM_CHECK(recounts.size() < before);
    for (const SliceKey& key : moved) {
      if (book_.find(key) == nullptr) {
        ++report_.slices_frozen;
      } else {
        want_recount(report_.slices_moved, key);
      }
    }
  }
  return {};
}

Result<void> SlicePublisher::publish_batch(std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  HIRESTREAM_ASSIGN(const std::vector<StagedSlice> staged,
                    ports_.staging.load(report_.run.id, keys));
  std::vector<Recount> wanted;
  size_t cells = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (book_.is_frozen(keys[i])) {
      ++report_.slices_frozen;
      continue;
    }
    Recount recount;
    recount.stored = std::move(stored[i]);
    recount.trust = report_.run.strongest ? Trust::kStrongest : Trust::kConfigured;
    for (const SlicePart& part : staged[i].parts) {
      recount.count.tally.add(part);
    }
    HIRESTREAM_ASSIGN(const bool is_to_be_written, is_wanted(recount, staged[i]));
    if (!is_to_be_written) {
      continue;
    }
    cells += recount.change.size();
    wanted.push_back(std::move(recount));
    if (cells >= options_.cells_per_commit) {
      HIRESTREAM_TRY(commit(std::exchange(wanted, {})));
      cells = 0;
    }
  }
  return commit(std::move(wanted));
}

void SlicePublisher::tell_missing() {
  for (const auto& [key, entry] : book_.entries()) {
    if (entry.digest.rows > 0 && is_over(key) && !met_.contains(key)) {
      ++report_.slices_missing;
    }
  }
}

Result<PublishReport> SlicePublisher::run() {
  const bool takes_staged = !options_.compare && !options_.keep_staged;
  HIRESTREAM_TRY(options_.compare ? ledger_.open_to_compare(report_.run.source)
                                  : ledger_.open_for(report_.run.source));
  if (takes_staged) {
    HIRESTREAM_TRY(ledger_.companies().refresh());
  }
  HIRESTREAM_TRY(book_.load());
  HIRESTREAM_ASSIGN(report_.staged, ports_.staging.counts(report_.run.id));
  std::optional<SliceKey> last;
  int64_t done = 0;
  for (;;) {
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> keys,
                      ports_.staging.slices(report_.run.id, last, options_.slices_per_commit));
    if (keys.empty()) {
      break;
    }
    HIRESTREAM_TRY(publish_batch(keys));
    if (takes_staged) {
      HIRESTREAM_TRY(ports_.staging.drop(report_.run.id, keys));
    } else if (options_.whole) {
      met_.insert(keys.begin(), keys.end());
    }
    last = keys.back();
    done += static_cast<int64_t>(keys.size());
    ports_.observer.on_progress("slices published", done, report_.staged.slices);
  }
  if (takes_staged) {
    HIRESTREAM_TRY(ports_.staging.finish(report_.run.id, ports_.clock.now_us()));
  } else if (options_.whole) {
    tell_missing();
  }
  return report_;
}

}  // namespace

StagedRun begun_run(std::string id, const SourceDescription& source, const EngineOptions& engine,
                    bool strongest, int64_t now_us) {
  return {.id = std::move(id),
          .source = {.name = engine.source_name,
                     .kind = source.kind,
                     .fingerprint = fingerprint_of(source, engine)},
          .shard_count = source.shard_count,
          .lifetime_us = source.lifetime_us,
          .strongest = strongest || !source.replicas,
          .begun_us = now_us};
}

Result<SourceDescription> described(const StagedRun& run) {
  const Fingerprint& fingerprint = run.source.fingerprint;
  const auto strategy = fingerprint.find("strategy");
  const std::string name = strategy == fingerprint.end() ? "" : strategy->second;
  const bool tail = name == strategy_name(Strategy::kTail);
  if (!tail && name != strategy_name(Strategy::kScan)) {
    return fail(ErrorKind::kConfig, "publish", run.id,
                "slices of strategy '" + name + "' are not staged; allowed are tail and scan");
  }
  SourceDescription source;
  source.strategy = tail ? Strategy::kTail : Strategy::kScan;
  source.kind = run.source.kind;
  source.shard_count = run.shard_count;
  source.bucket_width = BucketWidth::seconds(number_of(fingerprint, "bucket_width_s"));
  if (const int64_t arrival_width = number_of(fingerprint, kArrivalWidth); arrival_width > 0) {
    source.arrival_width = BucketWidth::seconds(arrival_width);
  }
  source.lifetime_us = run.lifetime_us;
  if (source.bucket_width.number() <= 0) {
    return fail(ErrorKind::kConfig, "publish", run.id, "the run does not say how wide a bucket is",
                "it was begun by another version: begin another one");
  }
  return source;
}

Result<PublishReport> publish(const PublishPorts& ports, const PublishOptions& options) {
  HIRESTREAM_ASSIGN(StagedRun run, ports.staging.find(options.run));
  if (run.published_us != 0) {
    PublishReport report;
    report.run = std::move(run);
    return report;
  }
  HIRESTREAM_ASSIGN(SourceDescription source, described(run));
  return SlicePublisher(ports, options, std::move(run), std::move(source)).run();
}

}  // namespace hirestream
