// Files whose rows are found under another name: renamed, compressed, rotated. Their contribution
// moves with the rows, in one commit, so that nothing is counted twice. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

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
};

// Another slice that had exactly these rows when it was counted, of those for which `may_have_lost`
// is true: its file is not what it was then. Nothing: there is none, or it cannot be read. As it is
// stored, judged as one that has no rows.
Result<std::optional<Recount>> find_renamed(
    SliceLedger& ledger, const SliceBook::Entries& entries, const FileRows& rows,
    const std::function<bool(const LedgerEntry&)>& may_have_lost);

// Empties that slice.
void plan_emptied(CommitPlan& plan, Recount&& moved, int64_t now_us);
// For people.
std::string note_of_renamed(const std::string& old_name, const std::string& name);

}  // namespace hirestream
