// What an engine knows of its slices: the ledger's entries, and how far slices are frozen, as they
// are after the last commit. It alone applies committed changes; no engine patches an entry. Its
// size is that of what is not frozen. Not thread-safe.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "pipeline/slice_ledger.h"

namespace hirestream {

class SliceBook {
 public:
  using Entries = std::map<SliceKey, LedgerEntry>;

  explicit SliceBook(SliceLedger& ledger) : ledger_(ledger) {}

  Result<void> load();
  // These alone: somebody else has replaced them.
  Result<void> reload(std::span<const SliceKey> keys);
  const Entries& entries() const { return entries_; }
  // Null: the ledger does not have the slice.
  const LedgerEntry* find(const SliceKey& key) const;
  // As found, or a new one of revision 0.
  LedgerEntry entry_of(const SliceKey& key) const;
  // One for each of the engine's shards.
  const std::map<int32_t, FrozenMark>& frozen_marks() const { return marks_; }
  // Its rows were counted for good, or are history that is counted in storage order: nobody counts
  // the slice by itself any more.
  bool is_frozen(const SliceKey& key) const;

  // None: committed. Else slices that somebody else has replaced since they were read, at least
  // one: nothing was committed, they are known as they are now, and must be counted anew. Errors:
  // as SliceLedger::commit.
  Result<std::vector<SliceKey>> commit(CommitPlan plan);
  // Rows that commits added to the ledger's counts.
  int64_t rows_counted() const { return rows_counted_; }
  // Slices that lack rows which were counted, and wait for them.
  int64_t held() const { return held_; }

 private:
  void keep(const LedgerEntry& entry);
  void forget(const SliceKey& key);

  SliceLedger& ledger_;
  Entries entries_;
  std::map<int32_t, FrozenMark> marks_;
  int64_t rows_counted_ = 0;
  int64_t held_ = 0;
};

}  // namespace hirestream
