// Takes over the ledger of an older version, which cut a scan's slices by event times alone: the
// whole table is counted once, at the strongest level, and the new slices take the place of the old
// ones in one commit, together with the fingerprint that says so. Before it `events` is as the old
// slices say, after it as the new ones do; never anything between.
//
// Guard Shrink: rows of an old slice that are not there any more have expired, or were lost, and
// rows that give less may have lost a column: what they gave stays, among the frozen sums.
#pragma once

#include <cstdint>

#include "pipeline/scan_clock.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

// kTransient: nothing was written, call again. kConfig: an old slice's contribution is damaged; the
// version that wrote it must repair it first.
Result<void> hand_over(const EnginePorts& ports, const EngineOptions& options,
                       const ScanClock& clock, SliceLedger& ledger, int64_t now_us);

}  // namespace hirestream
