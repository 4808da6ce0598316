// What `hirestream rebuild` and the kernel do alike: one rebuild of a warehouse at a time, and a
// rebuild from what a run has staged.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "cli/lease_keeper.h"
#include "cli/open_warehouse.h"
#include "pipeline/publish.h"

namespace hirestream {

// Two rebuilds would drop each other's tables.
LeaseRequest rebuild_lease();
// Waits for one that was killed. kConfig: another one is at work.
Result<void> wait_for_turn(LeaseKeeper& lease, const WarehouseSettings& settings,
                           const std::stop_token& stop);

// Makes the warehouse's tables where they are missing, forgets runs of a week ago, and begins this
// one. A known source keeps the start that is stored with it: `engine` takes it over. Returns the
// moment after which it may read. kConfig: the source cannot be counted into this warehouse so.
Result<int64_t> begin_run(const WarehouseSettings& settings, Staging& staging,
                          const std::string& run, const SourceDescription& source,
                          EngineOptions& engine, bool strongest, Clock& clock);

struct RunRebuild {
  RebuildReport rebuild;
  // Of the whole run: slices that the rebuild replaced and those published afterwards, as they hold
  // hours of frozen slices.
  PublishReport publish;
  bool complete() const { return rebuild.hours_unexplained == 0 && publish.complete(); }
};

// Makes `events` anew from the ledger in which the run's slices have been replaced, by the same
// decisions as publish(); then publishes what is left. Killed before the swap it changes nothing,
// afterwards it is finished by publish() or by another rebuild. `options`: of rebuild_options().
// The caller has the lease.
Result<RunRebuild> rebuild_run(const Settings& settings, const std::string& run,
                               RebuildOptions options, Clock& clock, Observer& observer);

// Sets what every rebuild needs.
RebuildOptions rebuild_options(const Settings& settings, const std::stop_token& stop);

}  // namespace hirestream
