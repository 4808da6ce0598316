// What the strategies share: recounting slices against the ledger and committing changes under all guards. Holds no slice state of its
// own. Not thread-safe.
//
// The order is what makes it safe: the stored contribution and its revision are loaded BEFORE the raw rows are read, the difference
// is computed from exactly that contribution, and the commit succeeds only if the revision has not moved since.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "aggregation/row_id_set.h"
#include "aggregation/tally.h"
#include "pipeline/company_directory.h"
#include "pipeline/engine.h"

namespace hirestream {

// Rows of one slice, de-duplicated and added up.
struct SliceCount {
  RowIdSet ids;
  Tally tally;
  int64_t position_max = INT64_MIN;

  void add(RowClassifier& classifier, const TrackingBatch& batch, size_t row);
};

enum class RecountVerdict {
  kSame,     // digest equals the ledger's
  kChanged,  // differs, nothing is taken away
  kShrunk,  // rows or measures counted before are missing, also at the strongest read level (or that could not be had)
  kUnconfirmed,  // looks shrunk, but the strongest read failed: to be counted again soon, nothing to be concluded yet
  kDamaged,  // the stored contribution cannot be read and its rows have changed: the difference is not known
};

// Rows of events that a contribution holds: each counted row is one.
int64_t rows_counted(const Contribution& contribution);

struct Recount {
  StoredContribution stored;
  SliceCount count;
  Contribution whole;   // of count
  Contribution change;  // whole − stored
  RecountVerdict verdict = RecountVerdict::kSame;
  bool confirmed =
      true;  // false: the strongest read failed, rows that are missing here may be there

  bool lacks_rows() const {
    return !confirmed || count.tally.digest().rows < stored.entry.digest.rows;
  }
  // Of a strongest read that takes something away: every row is there, only with other values. In a slice that is held new rows may have made
  // up for those that it lacks.
  bool only_overwritten() const {
    const int64_t rows = count.tally.digest().rows;
    return stored.entry.held ? rows == stored.entry.digest.rows : rows >= stored.entry.digest.rows;
  }
};

// Changes collected for one transaction.
struct CommitPlan {
  std::vector<SliceChange> slices;
  Contribution cells;  // differences, in any order, keys may repeat
  std::vector<std::pair<int32_t, int64_t>> settled_until;
  std::optional<Contribution> days;         // as Commit::days
  std::optional<int64_t> based_on_changes;  // as Commit::based_on_changes
  int64_t rows = 0;                         // recounted or appended
  int64_t new_rows = 0;                     // growth of the ledger's row counts
  int64_t rejected = 0;                     // and of its rejected rows
  std::vector<int64_t> arrivals_us;         // sample of appended rows' arrival times

  bool empty() const { return slices.empty(); }
};

class SliceLedger {
 public:
  SliceLedger(const EnginePorts& ports, const EngineOptions& options);

  // Registers the source and takes the shards' epochs.
  Result<void> open_as_writer();
  // For a source that an engine has registered: commits go by revision alone (repair). kConfig: the warehouse does not know it.
  Result<void> open_as_publisher();

  const std::vector<int32_t>& shards() const { return shards_; }
  RowClassifier& classifier() { return classifier_; }
  CompanyDirectory& companies() { return companies_; }
  SourceId source_id() const { return source_id_; }

  Result<std::vector<LedgerEntry>> load_entries();
  Result<std::vector<StoredContribution>> load_contributions(std::span<const SliceKey> keys);
  // A contribution that does not hold as many rows as its entry says has lost a part: it is damaged.
  static void distrust(StoredContribution& stored);
  // Reads the slices whole and compares. Suspected shrinking is read again at the strongest level here.
  Result<std::vector<Recount>> recount(std::span<const SliceKey> keys);
  // Compares a count with the stored contribution. Never kDamaged/kShrunk silently: see RecountVerdict.
  void judge(Recount& recount) const;

  // Why the last kUnconfirmed could not be confirmed.
  const std::optional<Error>& unconfirmed() const { return unconfirmed_; }
  // Once a minute at most.
  Result<void> expire_rejects(int64_t now_us);

  // Adds the replacement of a slice by its recount, in the given state.
  void plan_replace(CommitPlan& plan, Recount&& recount, SliceState state, const std::string& name,
                    const std::string& tag, int64_t now_us) const;
  // For people: a damaged slice, or one that would shrink.
  static std::string why_held(const Recount& recount);
  // Adds a change of the entry alone.
  static void plan_keep(CommitPlan& plan, const LedgerEntry& entry);

  // Commits; deadlocks are tried again at once, an unknown outcome is resolved. kTransient: nothing was applied, or (when
  // must_restart()) it is not known: then only open_as_writer() and a recount of all open slices leads on. A fenced writer gets kConfig
  // with operation "fence".
  Result<CommitOutcome> commit(CommitPlan plan);
  bool must_restart() const { return must_restart_; }

 private:
  SourceRegistration registration() const;
  Result<CommitOutcome> apply(Commit& commit);
  Result<CommitOutcome> publish(Commit& commit);
  void set_companies(Commit& commit) const;
  Result<CommitOutcome> resolve(const Commit& commit);
  uint64_t next_token();

  EnginePorts ports_;
  const EngineOptions& options_;
  RowClassifier classifier_;
  CompanyDirectory companies_;
  std::vector<int32_t> shards_;
  std::vector<WriterEpoch> writers_;
  SourceId source_id_ = 0;
  int64_t companies_as_of_ = -1;  // of a publisher: Warehouse::changes() when they were loaded
  uint64_t token_state_ = 0;
  std::optional<Error> unconfirmed_;
  int64_t next_expiry_us_ = INT64_MIN;
  bool must_restart_ = false;
};

}  // namespace hirestream
