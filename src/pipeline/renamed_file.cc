#include "pipeline/renamed_file.h"

#include <algorithm>
#include <set>
#include <utility>

namespace hirestream {
namespace {

bool begins_with(const FileRows& rows, const LedgerEntry& entry) {
  const auto first =
      std::ranges::lower_bound(rows.first_rows, entry.digest.rows, {}, &RowDigest::rows);
  return entry.digest.may_be(rows.digest) ||
         (first != rows.first_rows.end() && *first == entry.digest);
}

}  // namespace

std::vector<int64_t> rows_of(const SliceBook::Entries& entries,
                             const std::function<bool(const LedgerEntry&)>& may_have_lost) {
  std::set<int64_t> rows;
  for (const auto& [key, entry] : entries) {
    if (entry.digest.rows > 0 && may_have_lost(entry)) {
      rows.insert(entry.digest.rows);
    }
  }
  return {rows.begin(), rows.end()};
}

Result<std::optional<Recount>> find_renamed(
    SliceLedger& ledger, const SliceBook::Entries& entries, const FileRows& rows,
    const std::function<bool(const LedgerEntry&)>& may_have_lost) {
  const LedgerEntry* before = nullptr;
  for (const auto& [key, known] : entries) {
    if (key != rows.key && known.digest.rows > 0 && begins_with(rows, known) &&
        may_have_lost(known) && (before == nullptr || known.digest.rows > before->digest.rows)) {
      before = &known;
    }
  }
  if (before == nullptr) {
    return std::nullopt;
  }
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                    ledger.load_contributions(std::span(&before->key, 1)));
  Recount moved;
  moved.stored = std::move(stored.front());
  const LedgerEntry& entry = moved.entry();
  if (moved.stored.damaged || !begins_with(rows, entry)) {
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
