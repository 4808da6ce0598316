// Takes days out of `events`, the roll-up by day and the frozen sums by hour that are older than
// they are to be kept. Only what frozen slices gave goes: what slices of the ledger still give to
// such a day (rows that came late) stays until they freeze. So `events` = frozen base + Σ ledger at
// every moment, whatever engines commit meanwhile: what frozen slices gave to a cell only grows.
//
// Two of them, or one and a repair, do not disturb each other: each commit is based on the count of
// changes (ports/warehouse.h). Threading: one thread. Errors: those of the warehouse; nothing is
// lost by one, the next call goes on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ports/warehouse.h"

namespace hirestream {

struct EventsRetentionOptions {
  // Since 1970, in the reporting time zone: days before it go.
  int32_t first_kept_day = 0;
  int64_t now_us = 0;
  uint64_t token_seed = 0;
  // Of one transaction, at most.
  size_t cells_per_commit = 5'000;
  // Held at a time, but for those of one hour.
  size_t cells_max = 200'000;
};

struct EventsRetentionReport {
  int64_t cells_removed = 0;
  // There is more to do, or somebody else changed something meanwhile: call again.
  bool more = false;
};

// One look at the ledger, and the commits that follow from it.
Result<EventsRetentionReport> remove_old_events(Warehouse& warehouse,
                                                const EventsRetentionOptions& options);

inline constexpr const char* kCompareClocks = "compare clocks";
// From when days are counted back: by the clock that says it is earlier, for what is removed does
// not come back. kConfig, its operation kCompareClocks: the host's clock is so far ahead of the
// warehouse's that nothing may be removed.
Result<int64_t> retention_time(int64_t host_us, int64_t warehouse_us);

// The first day that is kept, of days that end `kept_us` before now. `local_hour`: the hour it is
// now in the reporting time zone.
int32_t first_kept_day(int32_t local_hour, int64_t kept_us);

}  // namespace hirestream
