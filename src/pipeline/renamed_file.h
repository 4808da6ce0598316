// Files whose rows are found under another name: renamed, compressed, rotated, also where more were
// appended before. Their contribution moves with the rows, in one commit, so that nothing is
// counted twice. Only rows prove that: a new file may have the inode of one that was deleted.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/contribution.h"
#include "model/slice.h"
#include "pipeline/recount.h"
#include "pipeline/slice_book.h"

namespace hirestream {

// What a file was found to hold.
struct FileRows {
  SliceKey key;
  RowDigest digest;
  RowClasses classes;
  const Contribution& contribution;
  // See SliceCount; as many as rows_of() says.
  std::span<const RowDigest> first_rows = {};
};

// How many rows the slices have for which `may_have_lost` is true: each number once, ascending.
std::vector<int64_t> rows_of(const SliceBook::Entries& entries,
                             const std::function<bool(const LedgerEntry&)>& may_have_lost);

// Another slice that had exactly these rows, or the first of them, when it was counted, of those
// for which `may_have_lost` is true: its file is not what it was then. Of several, one with the
// most rows. Nothing: there is none, or it cannot be read. As it is stored, judged as one that has
// no rows.
Result<std::optional<Recount>> find_renamed(
    SliceLedger& ledger, const SliceBook::Entries& entries, const FileRows& rows,
    const std::function<bool(const LedgerEntry&)>& may_have_lost);

// Empties that slice.
void plan_emptied(CommitPlan& plan, Recount&& moved, int64_t now_us);
// For people.
std::string note_of_renamed(const std::string& old_name, const std::string& name);

}  // namespace hirestream
