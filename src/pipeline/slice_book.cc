#include "pipeline/slice_book.h"

#include <utility>

namespace hirestream {

Result<void> SliceBook::load() {
  HIRESTREAM_ASSIGN(std::vector<LedgerEntry> entries, ledger_.load_entries());
  entries_.clear();
  held_ = 0;
  for (LedgerEntry& entry : entries) {
    held_ += entry.held ? 1 : 0;
    entries_.emplace_hint(entries_.end(), entry.key, std::move(entry));
  }
  HIRESTREAM_ASSIGN(const std::vector<FrozenMark> marks, ledger_.load_frozen_marks());
  marks_.clear();
  for (const FrozenMark& mark : marks) {
    marks_.emplace(mark.shard, mark);
  }
  return {};
}

bool SliceBook::is_frozen(const SliceKey& key) const {
  const auto mark = marks_.find(key.shard);
  return mark != marks_.end() && key.bucket < mark->second.until && find(key) == nullptr;
}

Result<void> SliceBook::reload(std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(const std::vector<StoredContribution> moved, ledger_.load_contributions(keys));
  for (const StoredContribution& slice : moved) {
    if (slice.entry.revision == 0) {
      forget(slice.entry.key);
    } else {
      keep(slice.entry);
    }
  }
  return {};
}

void SliceBook::keep(const LedgerEntry& entry) {
  LedgerEntry& known = entries_[entry.key];
  held_ += (entry.held ? 1 : 0) - (known.held ? 1 : 0);
  known = entry;
}

void SliceBook::forget(const SliceKey& key) {
  const auto known = entries_.find(key);
  if (known != entries_.end()) {
    held_ -= known->second.held ? 1 : 0;
    entries_.erase(known);
  }
}

const LedgerEntry* SliceBook::find(const SliceKey& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : &entry->second;
}

LedgerEntry SliceBook::entry_of(const SliceKey& key) const {
  if (const LedgerEntry* known = find(key)) {
    return *known;
  }
  LedgerEntry entry;
  entry.key = key;
  return entry;
}

Result<std::vector<SliceKey>> SliceBook::commit(CommitPlan plan) {
  std::vector<std::pair<LedgerEntry, ChangeMode>> changes;
  changes.reserve(plan.slices.size());
  for (const SliceChange& change : plan.slices) {
    changes.emplace_back(change.entry, change.mode);
  }
  const std::vector<FrozenMark> marks = plan.frozen_marks;
  const int64_t new_rows = plan.new_rows;
  HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
  if (outcome.verdict == CommitVerdict::kConflict) {
    HIRESTREAM_TRY(reload(outcome.conflicts));
    return outcome.conflicts;
  }
  for (auto& [entry, mode] : changes) {
    if (mode == ChangeMode::kFreeze) {
      forget(entry.key);
    } else {
      entry.revision += 1;
      keep(entry);
    }
  }
  for (const FrozenMark& mark : marks) {
    marks_[mark.shard] = mark;
  }
  rows_counted_ += new_rows;
  return std::vector<SliceKey>();
}

}  // namespace hirestream
