// Deliberate defects, each wrapped around a port or an option of the engine: what a wrong
// implementation would do. The simulation must catch every one of them; a check that catches
// nothing is no check.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/engine.h"
#include "ports/event_source.h"
#include "ports/job_directory.h"
#include "ports/warehouse.h"

namespace hirestream::simulation {

enum class Defect {
  kIgnoreEpochs,          // commits without the guard Epoch
  kIgnoreRevisions,       // takes the revision at commit instead of before the read
  kLateRevisionInRepair,  // the same, in repairs only
  kAssumeCommitted,       // an unknown outcome is taken as success
  kApplyTwice,            // an unknown outcome is taken as failure and the change applied again
  kResolveLies,           // resolve() always says committed
  kSwallowConflicts,      // a conflict is taken as success
  kDropLedgerRows,        // deltas go to the cells but not to the ledger
  kKeepLedgerOnSettle,    // settling changes the cells but not the ledger
  kSplitTransactions,     // ledger and cells are two transactions
  kCutLookBack,           // reads only what lies after the position
  kShortLookBack,         // the look-back is no longer than its interval
  kDropPageEnd,           // the last row of a page is lost in polls
  kPartialReadSucceeds,   // an error midway is taken as the end
  kCountRepeatedRows,     // a row that is delivered again gets a new identity
  kTrustStaleReplica,     // no guard Shrink
  kForgetOpenSlices,      // at start open slices are taken as settled
  kNoAudits,              // late rows are never looked for
  kLoseClasses,           // classes of appended rows are not added up
  kEpochsDoNotWait,       // take_epochs does not wait for old transactions
  kNeverRefreshJobs,      // the job dimension is loaded once
};

std::vector<Defect> all_defects();
std::string_view defect_name(Defect defect);
std::optional<Defect> find_defect(std::string_view name);
// The strategy whose runs show it.
Strategy strategy_for(Defect defect);
// A seed from which on it is caught soon.
uint64_t first_seed_for(Defect defect);

std::unique_ptr<Warehouse> with_defect(std::optional<Defect> defect, bool repair,
                                       std::unique_ptr<Warehouse> warehouse);
std::unique_ptr<EventSource> with_defect(std::optional<Defect> defect,
                                         std::unique_ptr<EventSource> source);
std::unique_ptr<JobDirectory> with_defect(std::optional<Defect> defect,
                                          std::unique_ptr<JobDirectory> jobs);
void apply_defect(std::optional<Defect> defect, EngineOptions& options);

}  // namespace hirestream::simulation
