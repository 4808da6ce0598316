#include "pipeline/renamed_file.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hirestream {

Result<std::optional<Recount>> find_renamed(
    SliceLedger& ledger, const SliceBook::Entries& entries, const FileRows& rows,
    const std::function<bool(const LedgerEntry&)>& may_have_lost) {
  const auto before = std::find_if(entries.begin(), entries.end(), [&](const auto& known) {
    const LedgerEntry& entry = known.second;
    return known.first != rows.key && entry.digest.rows > 0 && entry.digest.may_be(rows.digest) &&
           may_have_lost(entry);
  });
  if (rows.digest.rows == 0 || before == entries.end()) {
    return std::nullopt;
  }
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                    ledger.load_contributions(std::span(&before->first, 1)));
  Recount moved;
  moved.stored = std::move(stored.front());
  const LedgerEntry& entry = moved.entry();
  if (moved.stored.damaged || !entry.digest.may_be(rows.digest)) {
    return std::nullopt;
  }
  // Of an older version: what they gave must tell.
  if (!entry.digest.hash_known() &&
      (entry.classes != rows.classes || moved.stored.contribution != rows.contribution)) {
    return std::nullopt;
  }
  HIRESTREAM_TRY(judge(moved, {}));
  return moved;
}

void plan_emptied(CommitPlan& plan, Recount&& moved, int64_t now_us) {
  const std::string name = moved.entry().name;
  plan_replacement(plan, std::move(moved), SliceState::kSettled, {name, ""}, now_us);
}

std::string note_of_renamed(const std::string& old_name, const std::string& name) {
  return name + " holds the rows that " + old_name +
         " had: it was renamed, nothing is counted twice";
}

}  // namespace hirestream
