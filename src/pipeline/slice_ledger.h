// The ledger as an engine or a repair works on it: registration, epochs, and commits under all
// guards. Holds no slice state of its own (slice_book.h does). Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aggregation/row_classifier.h"
#include "aggregation/tally.h"
#include "pipeline/company_directory.h"
#include "pipeline/engine.h"
#include "ports/stored_contribution.h"

namespace hirestream {

// What is told of a slice once its change is committed.
struct SliceNews {
  SliceEvent event;
  SliceKey slice;
  std::string detail;
};

// Changes collected for one transaction.
struct CommitPlan {
  std::vector<SliceChange> slices;
  std::vector<SliceNews> news;
  // Differences, in any order, keys may repeat.
  Contribution cells;
  std::vector<std::pair<int32_t, int64_t>> settled_until;
  // Freezing, as in Commit; days and hours in any order, keys may repeat.
  std::vector<FrozenMark> frozen_marks;
  std::vector<FrozenDay> frozen_days;
  Contribution frozen_hours;
  // As in Commit.
  std::map<int32_t, NotCountedKinds> frozen_kinds;
  // As in Commit.
  std::optional<Contribution> days;
  std::optional<int64_t> based_on_changes;
  // The source's slices are cut anew, as its fingerprint says from now on.
  bool new_fingerprint = false;
  // Recounted or appended; growth of the ledger's counts of rows, and of rejected rows.
  int64_t rows = 0;
  int64_t new_rows = 0;
  int64_t rejected = 0;
  FreshRows fresh;
  // Appended rows' arrival times: a sample, and the newest of all.
  std::vector<int64_t> arrivals_us;
  std::optional<int64_t> newest_arrival_us;

  bool empty() const { return slices.empty() && frozen_days.empty() && frozen_marks.empty(); }
  // Rows that the ledger meets for the first time, and their cells.
  void add_fresh(const Tally& tally, const Contribution& given);
  void add_arrival(int64_t arrival_us);
  // A slice's counts and cells become part of the frozen sums of a day.
  void freeze(int32_t shard, int32_t day, const RowDigest& digest, const RowClasses& classes,
              const Contribution& given);
};

class SliceLedger {
 public:
  SliceLedger(const EnginePorts& ports, const EngineOptions& options);

  // Registers the source and takes the shards' epochs.
  Result<void> open_as_writer();
  // For a source that an engine has registered: commits go by revision alone (repair). kConfig: the
  // warehouse does not know it.
  Result<void> open_as_publisher();

  // The same for slices that were counted elsewhere, of a source that is so. One that the warehouse
  // does not know is registered.
  Result<void> open_for(const SourceRegistration& given);
  // To compare with, and nothing else: nothing is written, and what the warehouse does not know has
  // an empty ledger.
  Result<void> open_to_compare(const SourceRegistration& given);

  const std::vector<int32_t>& shards() const { return shards_; }
  RowClassifier& classifier() { return classifier_; }
  CompanyDirectory& companies() { return companies_; }
  SourceId source_id() const { return source_id_; }
  // Of a scan: an older version cut its slices by event times alone. They must be handed over
  // (scan_handover.h) before anything else is counted.
  bool knows_no_arrivals() const { return knows_no_arrivals_; }

  // Of the engine's shards.
  Result<std::vector<LedgerEntry>> load_entries();
  Result<std::vector<FrozenMark>> load_frozen_marks();
  Result<std::vector<FrozenDay>> load_frozen_days();
  Result<std::vector<StoredContribution>> load_contributions(std::span<const SliceKey> keys);
  // Commits; deadlocks are tried again at once, an unknown outcome is resolved. kTransient: nothing
  // was applied, or (when must_restart()) it is not known: then only open_as_writer() and a recount
  // of all open slices leads on. A fenced writer gets kConfig with operation "fence".
  Result<CommitOutcome> commit(CommitPlan plan);
  bool must_restart() const { return must_restart_; }

 private:
  SourceRegistration registration() const;
  // A source is counted from where its first registration said.
  void keep_start(const Fingerprint& stored);
  // What the source's slices are like is stored with it.
  void keep_cut(const Fingerprint& stored);
  Fingerprint fingerprint() const;
  Result<std::optional<SourceStatus>> find_source(std::string& known_names);
  Result<CommitOutcome> apply(Commit& commit);
  void set_companies(Commit& commit) const;
  Result<CommitOutcome> resolve(const Commit& commit);
  void tell(const CommitPlan& plan, const Commit& commit);
  uint64_t next_token();

  EnginePorts ports_;
  const EngineOptions& options_;
  RowClassifier classifier_;
  CompanyDirectory companies_;
  std::vector<int32_t> shards_;
  std::vector<WriterEpoch> writers_;
  SourceId source_id_ = 0;
  uint64_t token_state_ = 0;
  bool must_restart_ = false;
  bool knows_no_arrivals_ = false;
};

}  // namespace hirestream
