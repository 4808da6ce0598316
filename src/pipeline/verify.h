// Recounts the raw log and compares with what the warehouse holds: each unfrozen slice's
// contribution, and `events` = frozen base + Σ ledger. With repair, differing slices are replaced
// by revision, without epochs: a running engine may go on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/engine.h"

namespace hirestream {

struct CellDifference {
  CellKey key;
  // By the recount, and in the warehouse.
  Measures expected;
  Measures found;
  // "slice SHARD/BUCKET", "events".
  std::string where;
};

struct VerifyReport {
  int64_t rows_read = 0;
  int64_t slices_checked = 0;
  int64_t slices_different = 0;
  int64_t slices_repaired = 0;
  // Would shrink; repaired only with allow_shrink.
  int64_t slices_held = 0;
  // The checksum of the stored contribution fails.
  int64_t slices_damaged = 0;
  // Were held, and have all their rows again; with repair only.
  int64_t slices_released = 0;
  // Not checked.
  int64_t slices_frozen = 0;
  // In the raw log, but their slice is frozen; with repair the ledger notes them.
  int64_t rows_too_late = 0;
  int64_t cells_checked = 0;
  // Of events against the ledger.
  int64_t cells_different = 0;
  // Of these. Frozen slices gave something in the same hour: what each cell must be is not known
  // any more.
  int64_t cells_beyond_repair = 0;
  // What damaged slices (maybe of other sources) gave is not known: only cells that hold too little
  // were noticed.
  bool cells_compared_in_part = false;
  int64_t cells_repaired = 0;
  // Rows of the daily roll-up against the sums of events.
  int64_t days_checked = 0;
  int64_t days_different = 0;
  int64_t days_repaired = 0;
  // Rows of events and of the roll-up with another company than their job: no difference of
  // measures. Somebody else changed them.
  int64_t companies_different = 0;
  int64_t companies_repaired = 0;
  // Files that could not be counted.
  std::vector<Error> unreadable;
  // Different or damaged ones, at most 20.
  std::vector<std::string> slices_named;
  // At most 20.
  std::vector<CellDifference> sample;
  // Rows whose id is in another slice, too: of each id all but one. Only if they were sought
  // (VerifyOptions::duplicates), which no difference follows from: they are counted like others.
  bool duplicates_sought = false;
  int64_t rows_duplicate = 0;
  // There are more than were kept in mind: at least so many.
  bool duplicates_in_part = false;
  // At most 5, each with its slices.
  std::vector<std::string> duplicates_named;
  // Of the recount.
  RowClasses classes;
  bool clean() const {
    return slices_different == 0 && cells_different == 0 && slices_damaged == 0 &&
           days_different == 0 && unreadable.empty();
  }
};

struct DuplicateSearchOptions {
  bool wanted = false;
  // Larger tables are swept once for each so many rows (330 MB of memory).
  int64_t rows_per_sweep = 100'000'000;
  // Ids kept in mind at once, at most.
  size_t suspects_max = 250'000;
};

struct VerifyOptions {
  EngineOptions engine;
  bool repair = false;
  // Of a tail alone: only slices of what arrived from … to (exclusive). kConfig for others, whose
  // slices are no times of arrival. `events` is compared with the whole ledger all the same.
  std::optional<std::pair<int64_t, int64_t>> arrived_us = {};
  DuplicateSearchOptions duplicates = {};
  // Waits so many microseconds; empty: looks follow at once, and slices that a running engine fills
  // may be told as different.
  std::function<void(int64_t)> wait;
};

Result<VerifyReport> verify(const EnginePorts& ports, const VerifyOptions& options);

// Recounts the slices of stored rejects (after the cause was removed). Returns how many slices were
// replaced.
Result<int64_t> retry_rejects(const EnginePorts& ports, const VerifyOptions& options);

}  // namespace hirestream
