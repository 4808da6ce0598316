#include "ports/stored_contribution.h"

#include <algorithm>

namespace hirestream {
namespace {

constexpr size_t kContributionsPerBatch = 1024;

void distrust(StoredContribution& stored) {
  const bool whole =
      stored.damaged || rows_counted(stored.contribution) == stored.entry.classes.counted;
  if (!whole) {
    stored.damaged = true;
    stored.contribution.clear();
  }
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

Result<std::vector<StoredContribution>> load_checked_contributions(Warehouse& warehouse,
                                                                   SourceId source,
                                                                   std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                    warehouse.load_contributions(source, keys));
  std::for_each(stored.begin(), stored.end(), distrust);
  return stored;
}

Result<void> each_contribution(
    Warehouse& warehouse, SourceId source,
    const std::function<Result<void>(const StoredContribution&)>& visit) {
  HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries,
                    warehouse.load_ledger(source, {}, INT64_MIN));
  for (size_t at = 0; at < entries.size(); at += kContributionsPerBatch) {
    std::vector<SliceKey> keys;
    for (size_t i = at; i < std::min(entries.size(), at + kContributionsPerBatch); ++i) {
      keys.push_back(entries[i].key);
    }
    HIRESTREAM_ASSIGN(const std::vector<StoredContribution> stored,
                      load_checked_contributions(warehouse, source, keys));
    for (const StoredContribution& slice : stored) {
      HIRESTREAM_TRY(visit(slice));
    }
  }
  return {};
}

}  // namespace hirestream
