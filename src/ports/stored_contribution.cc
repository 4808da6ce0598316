#include "ports/stored_contribution.h"

namespace hirestream {

int64_t rows_counted(const Contribution& contribution) {
  int64_t rows = 0;
  for (const Cell& cell : contribution) {
    const Measures& measures = cell.measures;
    rows += measures.impressions + measures.clicks + measures.conversions + measures.qualified +
            measures.unqualified;
  }
  return rows;
}

void distrust(StoredContribution& stored) {
  const bool whole =
      stored.damaged || rows_counted(stored.contribution) == stored.entry.classes.counted;
  if (!whole) {
    stored.damaged = true;
    stored.contribution.clear();
  }
}

}  // namespace hirestream
