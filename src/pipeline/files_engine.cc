#include "pipeline/files_engine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "pipeline/renamed_file.h"

namespace hirestream {
namespace {

constexpr int64_t kOpenAgainUs = 60'000'000;

}  // namespace

bool FilesEngine::PutAside::may_be_read(const std::string& tag_now, int64_t now_us) const {
  return tag != tag_now || (for_now_us && has_passed(kOpenAgainUs, *for_now_us, now_us));
}

FilesEngine::FilesEngine(const EnginePorts& ports, EngineOptions options)
    : ports_(ports),
      options_(std::move(options)),
      ledger_(ports_, options_),
      book_(ledger_),
      recounter_(ports_, ledger_),
      clockwork_(ports_, options_, ledger_, {&look_timer_}) {}

Result<void> FilesEngine::start() {
  started_ = false;
  looked_ = false;
  HIRESTREAM_TRY(ledger_.open_as_writer());
  pending_.clear();
  put_aside_.clear();
  HIRESTREAM_TRY(book_.load());
  clockwork_.start();
  started_ = true;
  return {};
}

Result<void> FilesEngine::look_for_files(int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<SliceListing> files,
                    ports_.source.discover(ledger_.shards()));
  pending_.clear();
  there_.clear();
  waited_.clear();
  changing_.reset();
  done_ = 0;
  for (const SliceListing& file : files) {
    const LedgerEntry* known = book_.find(file.key);
    if (known != nullptr && known->name != file.name) {
      return fail(ErrorKind::kBug, "list files", file.name,
                  "its path has the same 63-bit hash as " + known->name,
                  "rename one of the two files");
    }
    const auto aside = put_aside_.find(file.key);
    const bool counted =
        known != nullptr && known->tag == file.tag && !known->held && known->digest.hash_known();
    if (!counted && (aside == put_aside_.end() || aside->second.may_be_read(file.tag, now_us))) {
      pending_.push_back(file);
    }
    there_.emplace(file.key, file);
  }
  // New names first: what was renamed moves before another file under the old name is looked at.
  std::stable_partition(pending_.begin(), pending_.end(), [this](const SliceListing& file) {
    return book_.find(file.key) == nullptr;
  });
  rows_that_may_move_ =
      rows_of(book_.entries(), [this](const LedgerEntry& known) { return is_another(known); });
  looked_ = true;
  compared_ = false;
  return {};
}

Result<StepReport> FilesEngine::step() {
  if (!started_ || ledger_.must_restart()) {
    HIRESTREAM_TRY(start());
  }
  const int64_t now_us = clockwork_.tick();
  HIRESTREAM_TRY(clockwork_.do_chores());
  const int64_t rows_before = book_.rows_counted();
  if (pending_.empty() && look_timer_.due(now_us)) {
    HIRESTREAM_TRY(look_for_files(now_us));
    look_timer_.due_us = now_us + options_.watch_interval_us;
  }
  if (!pending_.empty()) {
    HIRESTREAM_TRY(work_on_next(now_us));
  }
  if (pending_.empty() && !compared_) {
    HIRESTREAM_TRY(forget_copied(now_us));
    compared_ = true;
  }
  StepReport report;
  if (pending_.empty()) {
    report.left_out = std::exchange(left_out_, {});
  }
  report.rows_counted = book_.rows_counted() - rows_before;
  report.slices_held = book_.held();
  report.caught_up = looked_ && pending_.empty() && !changing_;
  report.blocked = pending_.empty() ? changing_ : std::nullopt;
  report.next_due_us = pending_.empty() ? look_timer_.due_us : now_us;
  return report;
}

Result<void> FilesEngine::work_on_next(int64_t now_us) {
  const SliceListing file = pending_.front();
  if (auto counted = count_file(file, now_us);
      !counted && !put_aside(file, counted.error(), now_us)) {
    return counted;
  }
  pending_.pop_front();
  ++done_;
  ports_.observer.on_progress("files", done_, done_ + static_cast<int64_t>(pending_.size()));
  return {};
}

bool FilesEngine::put_aside(const SliceListing& file, const Error& error, int64_t now_us) {
  if (error.kind == ErrorKind::kTransient && error.subject == file.name &&
      error.operation != "stop") {
    // It changes while it is read. The next look finds its new version; the others need not wait
    // for it.
    changing_ = error;
    ports_.observer.on_retry(error, 1, options_.watch_interval_us);
    return true;
  }
  if (error.kind != ErrorKind::kRejected) {
    return false;
  }
  // Who may read it can change without a trace in its tag.
  put_aside_[file.key] = {file.tag,
                          error.operation == "open file" ? std::optional(now_us) : std::nullopt};
  left_out_.push_back(error);
  return true;
}

Result<void> FilesEngine::count_file(const SliceListing& file, int64_t now_us) {
  Policy policy;
  policy.allow_shrink = options_.allow_shrink;
  policy.rows_may_go = true;
  auto recounts = recounter_.recount(
      std::span(&file.key, 1), [&policy](const LedgerEntry&) { return policy; },
      rows_that_may_move_);
  if (!recounts) {
    return forward(of_file(std::move(recounts).error(), file.name));
  }
  Recount& recount = recounts->front();
  CommitPlan changes;
  if (recount.action == Action::kHold && pending_.size() > 1 && waited_.insert(file.key).second) {
    pending_.push_back(file);
    return {};
  }
  if (recount.action == Action::kHold) {
    plan_action(changes, std::move(recount), SliceState::kSettled, {}, now_us);
    if (!changes.empty()) {
      HIRESTREAM_TRY(commit(std::move(changes), file));
    }
    put_aside_[file.key] = {file.tag};
    return {};
  }
  // A new file, or one that was seen half-written.
  const bool other_rows = !recount.entry().digest.may_be(recount.found());
  const std::vector<RowDigest> first_rows = std::move(recount.count.first_rows);
  // Whatever is in it, this version of the file has been counted.
  plan_replacement(changes, std::move(recount), SliceState::kSettled, {file.name, file.tag},
                   now_us);
  // No copy: it is read before anything is added to the plan.
  const SliceChange& counted = changes.slices.back();
  // Mostly no other file has changed, and thousands of slices need not be looked at for each one.
  if (other_rows && counted.entry.digest.rows > 0 && !rows_that_may_move_.empty()) {
    HIRESTREAM_TRY(plan_renamed(
        changes, counted, first_rows,
        [this](const LedgerEntry& known) { return is_another(known); }, now_us));
  }
  HIRESTREAM_TRY(commit(std::move(changes), file));
  waited_.clear();
  return {};
}

Result<void> FilesEngine::commit(CommitPlan changes, const SliceListing& file) {
  std::vector<SliceKey> others;
  for (const SliceChange& change : changes.slices) {
    if (change.entry.key != file.key) others.push_back(change.entry.key);
  }
  HIRESTREAM_ASSIGN(const std::vector<SliceKey> replaced, book_.commit(std::move(changes)));
  if (!replaced.empty()) {
    return fail(ErrorKind::kTransient, "count file", "ledger",
                file.name + " was replaced by somebody else meanwhile");
  }
  for (const SliceKey& key : others) count_anew(key);
  return {};
}

bool FilesEngine::is_lost(const LedgerEntry& known) const {
  return !there_.contains(known.key) || (known.held && is_another(known));
}

bool FilesEngine::is_another(const LedgerEntry& known) const {
  const auto file = there_.find(known.key);
  return file == there_.end() || file->second.tag != known.tag;
}

void FilesEngine::count_anew(const SliceKey& emptied) {
  const auto file = there_.find(emptied);
  if (file == there_.end()) return;
  put_aside_.erase(emptied);
  const bool waits = std::any_of(pending_.begin(), pending_.end(),
                                 [&](const SliceListing& other) { return other.key == emptied; });
  if (!waits) pending_.push_back(file->second);
}

Result<void> FilesEngine::forget_copied(int64_t now_us) {
  std::multimap<int64_t, RowDigest> lost;  // by rows
  for (const auto& known : book_.entries()) {
    if (is_lost(known.second) && known.second.digest.rows > 0) {
      lost.emplace(known.second.digest.rows, known.second.digest);
    }
  }
  if (lost.empty()) {
    return {};
  }
  std::vector<SliceKey> copies;
  for (const auto& [key, entry] : book_.entries()) {
    if (is_another(entry)) continue;
    const auto last = lost.upper_bound(entry.digest.rows);
    auto candidate = lost.lower_bound(entry.digest.rows);
    while (candidate != last && !candidate->second.may_be(entry.digest)) ++candidate;
    if (candidate != last) copies.push_back(key);
  }
  for (const SliceKey& key : copies) {
    HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                      ledger_.load_contributions(std::span(&key, 1)));
    SliceChange copy;
    copy.entry = stored.front().entry;
    copy.contribution = std::move(stored.front().contribution);
    CommitPlan changes;
    HIRESTREAM_TRY(plan_renamed(
        changes, copy, {}, [this](const LedgerEntry& known) { return is_lost(known); }, now_us));
    if (!changes.empty()) {
      HIRESTREAM_TRY(commit(std::move(changes), there_.at(key)));
    }
  }
  return {};
}

Result<void> FilesEngine::plan_renamed(CommitPlan& changes, const SliceChange& copy,
                                       std::span<const RowDigest> first_rows,
                                       const std::function<bool(const LedgerEntry&)>& may_have_lost,
                                       int64_t now_us) {
  const FileRows rows{copy.entry.key, copy.entry.digest, copy.entry.classes, copy.contribution,
                      first_rows};
  HIRESTREAM_ASSIGN(std::optional<Recount> moved,
                    find_renamed(ledger_, book_.entries(), rows, may_have_lost));
  if (!moved) {
    return {};
  }
  ports_.observer.on_note("info", note_of_renamed(moved->entry().name, copy.entry.name));
  plan_emptied(changes, std::move(*moved), now_us);
  return {};
}

}  // namespace hirestream
