// Publishes a run's staged slices (ports/staging.h): each is compared with what the ledger has of
// it by the same decision as an engine's recount (decision.h) and replaced by revision, without
// epochs, so that a running engine may go on. A slice that somebody else has replaced since the run
// began is left as it is, unless it holds the same: whoever made the run may count it again.
// Publishing may end anywhere and be begun anew: what is in stays in, and is met as unchanged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/engine.h"
#include "ports/staging.h"

namespace hirestream {

struct PublishPorts {
  Staging& staging;
  Warehouse& warehouse;
  // None: companies are what the warehouse knows.
  JobDirectory* jobs = nullptr;
  Clock& clock;
  Observer& observer;
};

struct PublishOptions {
  // source_name and counting are the run's.
  EngineOptions engine;
  std::string run;
  // Of one transaction, at most.
  size_t slices_per_commit = 512;
  size_t cells_per_commit = 50'000;
  // Nothing is written: what would be published is told as different.
  bool compare = false;
  // Of a comparison: the run has counted everything, so that slices which it did not meet are told,
  // too.
  bool whole = false;
  // The run stays as it is, and `published` is told: it goes to a ledger that may yet be dropped.
  bool keep_staged = false;
};

struct PublishedSlice {
  SliceKey key;
  int64_t rows = 0;
  RowClasses classes;
};

struct PublishReport {
  StagedRun run;
  // When publishing began; nothing is staged of a run that was published before.
  StagedCounts staged;
  int64_t slices_published = 0;
  // Only compared.
  int64_t slices_different = 0;
  // Only compared: over, and the ledger has rows of them, but the run met none.
  int64_t slices_missing = 0;
  // The ledger had them just so.
  int64_t slices_unchanged = 0;
  // Replaced by somebody else since the run began, by other numbers.
  int64_t slices_moved = 0;
  // They would take away what was counted before, and the run's reads do not prove it.
  int64_t slices_held = 0;
  // Below their shard's frozen mark.
  int64_t slices_frozen = 0;
  // Of published slices.
  int64_t rows = 0;
  RowClasses classes;
  // Only with keep_staged: which they are.
  std::vector<PublishedSlice> published;
  // Moved and held ones: they want to be counted again.
  std::vector<SliceKey> recount;
  bool complete() const { return recount.empty() && slices_different + slices_missing == 0; }
};

Result<PublishReport> publish(const PublishPorts& ports, const PublishOptions& options);

// A run that begins now. `strongest`: all reads are of that level, or there are no replicas.
StagedRun begun_run(std::string id, const SourceDescription& source, const EngineOptions& engine,
                    bool strongest, int64_t now_us);

// The source of a run, as far as its slices tell. kConfig: slices of such a source are not staged.
Result<SourceDescription> described(const StagedRun& run);

}  // namespace hirestream
