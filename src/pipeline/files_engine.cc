#include "pipeline/files_engine.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

constexpr int64_t kOpenAgainUs = 60'000'000;

}  // namespace

FilesEngine::FilesEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports), options_(std::move(options)), ledger_(ports_, options_) {}

Result<void> FilesEngine::start() {
  started_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  known_.clear();
  pending_.clear();
  HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
  for (const LedgerEntry& entry : entries) {
    known_.emplace(entry.key, entry);
  }
  next_look_us_ = ports_.clock.now_us();
  last_step_us_ = next_look_us_;
  next_jobs_us_ = next_look_us_;
  started_ = true;
  looked_ = false;
  return {};
}

Result<void> FilesEngine::look_for_files(int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<SliceListing> files,
                    ports_.source.discover(ledger_.shards()));
  pending_.clear();
  there_.clear();
  done_ = 0;
  for (const SliceListing& file : files) {
    const auto known = known_.find(file.key);
    if (known != known_.end() && known->second.name != file.name) {
      return fail(ErrorKind::kBug, "list files", file.name,
                  "its path has the same 63-bit hash as " + known->second.name,
                  "rename one of the two files");
    }
    const auto unusable = unusable_.find(file.key);
    const bool counted = known != known_.end() && known->second.tag == file.tag;
    if (!counted && (unusable == unusable_.end() || unusable->second.tag != file.tag ||
                     now_us >= unusable->second.retry_us)) {
      pending_.push_back(file);
    }
    there_.insert(file.key);
  }
  looked_ = true;
  compared_ = false;
  return {};
}

Result<StepReport> FilesEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = ports_.clock.now_us();
  if (now_us < last_step_us_) {  // the clock was set back
    next_jobs_us_ -= last_step_us_ - now_us;
    next_look_us_ -= last_step_us_ - now_us;
  }
  last_step_us_ = now_us;
  if (now_us >= next_jobs_us_) {
    next_jobs_us_ = now_us + options_.jobs_interval_us;
    HIRESTREAM_TRY(ledger_.companies().refresh());
  }
  if (pending_.empty() && now_us >= next_look_us_) {
    HIRESTREAM_TRY(look_for_files(now_us));
    next_look_us_ = now_us + options_.watch_interval_us;
  }
  StepReport report;
  if (!pending_.empty()) {
    HIRESTREAM_TRY(count_next_file(now_us));
  }
  if (pending_.empty() && !compared_) {
    HIRESTREAM_TRY(forget_copied(now_us));
    compared_ = true;
  }
  HIRESTREAM_TRY(ledger_.expire_rejects(now_us));
  if (pending_.empty()) {
    report.left_out = std::exchange(left_out_, {});
  }
  report.caught_up = looked_ && pending_.empty();
  report.next_due_us = report.caught_up ? next_look_us_ : now_us;
  return report;
}

Result<void> FilesEngine::count_next_file(int64_t now_us) {
  const SliceListing file = pending_.front();
  const auto counted = count_file(file, now_us);
  if (!counted) {
    const Error& error = counted.error();
    if (error.kind != ErrorKind::kRejected) {
      next_look_us_ = now_us;  // its tag may have changed: list again
      pending_.clear();
      return forward(error);
    }
    // Who may read it can change without a trace in its tag.
    unusable_[file.key] = {file.tag,
                           error.operation == "open file" ? now_us + kOpenAgainUs : INT64_MAX};
    left_out_.push_back(error);
  }
  pending_.pop_front();
  ++done_;
  ports_.observer.on_progress("files", done_, done_ + static_cast<int64_t>(pending_.size()));
  return {};
}

Result<void> FilesEngine::count_file(const SliceListing& file, int64_t now_us) {
  const std::vector<SliceKey> keys = {file.key};
  HIRESTREAM_ASSIGN(std::vector<Recount> recounts, ledger_.recount(keys));
  Recount& recount = recounts.front();
  if (recount.verdict == RecountVerdict::kDamaged) {
    return fail(ErrorKind::kRejected, "count file", file.name,
                "what the ledger stores of it is damaged", "run `hirestream verify --repair`");
  }
  CommitPlan plan;
  const RowDigest digest = recount.count.tally.digest();
  // A new file, or one that was seen half-written.
  const bool other_rows = digest != recount.stored.entry.digest;
  ledger_.plan_replace(plan, std::move(recount), SliceState::kSettled, file.name, file.tag, now_us);
  if (other_rows && digest.rows > 0) {
    HIRESTREAM_TRY(plan_renamed(plan, digest, file.name, now_us));
  }
  return commit(std::move(plan), file.name);
}

Result<void> FilesEngine::commit(CommitPlan plan, const std::string& name) {
  std::vector<LedgerEntry> entries;
  for (const SliceChange& change : plan.slices) {
    entries.push_back(change.entry);
  }
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  if (outcome.verdict == CommitVerdict::kConflict) {
    return fail(ErrorKind::kTransient, "count file", name,
                "it was replaced by somebody else meanwhile");
  }
  for (LedgerEntry& entry : entries) {
    entry.revision += 1;
    known_[entry.key] = entry;
  }
  return {};
}

bool FilesEngine::is_gone(const Known::value_type& known) const {
  return !there_.contains(known.first) && known.second.state != SliceState::kFrozen &&
         known.second.digest.rows > 0;
}

Result<void> FilesEngine::forget_copied(int64_t now_us) {
  std::map<std::pair<int64_t, uint64_t>, const LedgerEntry*> gone;
  for (const auto& known : known_) {
    if (is_gone(known)) {
      gone.emplace(std::pair(known.second.digest.rows, known.second.digest.hash), &known.second);
    }
  }
  if (gone.empty()) {
    return {};
  }
  std::vector<LedgerEntry> copies;
  for (const auto& [key, entry] : known_) {
    if (there_.contains(key) && gone.contains({entry.digest.rows, entry.digest.hash})) {
      copies.push_back(entry);
    }
  }
  for (const LedgerEntry& copy : copies) {
    CommitPlan plan;
    HIRESTREAM_TRY(plan_renamed(plan, copy.digest, copy.name, now_us));
    if (!plan.empty()) {
      HIRESTREAM_TRY(commit(std::move(plan), copy.name));
    }
  }
  return {};
}

Result<void> FilesEngine::plan_renamed(CommitPlan& plan, const RowDigest& digest,
                                       const std::string& name, int64_t now_us) {
  const auto before = std::find_if(known_.begin(), known_.end(), [&](const auto& known) {
    return known.second.digest == digest && is_gone(known);
  });
  if (before == known_.end()) {
    return {};
  }
  const std::vector<SliceKey> keys = {before->first};
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  Recount empty;
  empty.stored = std::move(stored.front());
  const std::string old_name = empty.stored.entry.name;
  if (empty.stored.damaged || empty.stored.entry.digest != digest) {
    return {};
  }
  ledger_.judge(empty);
  ledger_.plan_replace(plan, std::move(empty), SliceState::kSettled, old_name, "", now_us);
  ports_.observer.on_note("info",
                          old_name + " is gone and " + name +
                              " holds the same rows: it was renamed, nothing is counted twice");
  return {};
}

}  // namespace hirestream
