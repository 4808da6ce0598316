// Reading slices again and what follows from it: counts, their comparison with what is stored, and
// the changes that carry out a decision (decision.h). Not thread-safe.
//
// The order is what makes it safe: the stored contribution and its revision are loaded BEFORE the
// raw rows are read, the difference is computed from exactly that contribution, and the commit
// succeeds only if the revision has not moved since.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregation/row_id_set.h"
#include "aggregation/tally.h"
#include "pipeline/decision.h"
#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

// Rows of one slice, each id once, added up.
struct SliceCount {
  RowIdSet ids;
  Tally tally;
  Position position_max;
  // Of a file: what its first rows are, for some numbers of rows, which ascend.
  std::vector<RowDigest> first_rows;

  void add(RowClassifier& classifier, const TrackingBatch& batch);
  // Only these of its rows.
  void add(RowClassifier& classifier, const TrackingBatch& batch, std::span<const uint32_t> rows);
  // In the order of the file, no id twice; `first_rows` gets those that are as many as one of
  // `noted`, which ascend.
  void add_in_order(RowClassifier& classifier, const TrackingBatch& batch,
                    std::span<const int64_t> noted);
};

struct Recount {
  StoredContribution stored;
  SliceCount count;
  // Of the count.
  Contribution whole;
  // What `events` gets: whole − stored; empty if nobody knows what was stored.
  Contribution change;
  Trust trust = Trust::kConfigured;
  Action action = Action::kKeep;

  const LedgerEntry& entry() const { return stored.entry; }
  const RowDigest& found() const { return count.tally.digest(); }
  bool lacks_rows() const {
    return trust == Trust::kUnconfirmed || found().rows < entry().digest.rows;
  }
  // Its contribution cannot be read and its rows have changed: what `events` holds of it is not
  // known.
  bool change_is_unknown() const { return stored.damaged && found() != entry().digest; }
  // Counts and stored contribution are the same to the last row.
  bool same() const { return !stored.damaged && change.empty() && entry().digest.may_be(found()); }
};

// kRejected: the bids of a cell of this slice add up to more than can be kept, so one of them must
// be wrong.
Result<void> check_sums(const SliceKey& slice, const Tally& tally);
// The same error, told of the file whose slice it is.
Error of_file(Error error, const std::string& name);
// Whether some measure is less over all cells. Sums beyond 64 bits are taken for lower ones, so
// that nothing is taken away by mistake.
bool lowers_totals(const Contribution& change);
// Compares and decides; `whole`, `change` and `action` are set. Errors: as check_sums.
Result<void> judge(Recount& recount, const Policy& policy);

// What a file's slice is called; others have no label.
struct SliceLabel {
  std::string name;
  std::string tag;
};

// Adds what the recount's action writes, and what is told of it, to the plan.
void plan_action(CommitPlan& plan, Recount&& recount, SliceState state, const SliceLabel& label,
                 int64_t now_us);
// The recount takes the place of what is stored, whatever its action is.
void plan_replacement(CommitPlan& plan, Recount&& recount, SliceState state,
                      const SliceLabel& label, int64_t now_us);

// The slice leaves the ledger for the frozen sums of its day. Nobody waits for rows of a held one
// any more.
void plan_freeze(CommitPlan& plan, StoredContribution&& stored, int32_t day);

// A slice that is counted once and for ever, straight into the frozen sums of its day.
void plan_history(CommitPlan& plan, const SliceKey& key, int32_t day, const Tally& tally);

// Pulls every page; `take` counts its rows. Tells the observer what was read.
Result<void> read_all(const EnginePorts& ports, SweepRequest request,
                      const std::function<Result<void>(const SweepPage&)>& take);

class Recounter {
 public:
  using PolicyOf = std::function<Policy(const LedgerEntry& stored)>;

  Recounter(const EnginePorts& ports, SliceLedger& ledger) : ports_(ports), ledger_(ledger) {}

  // Reads the slices whole, in the order of the keys. What would wait is read again at the
  // strongest level here; if that fails it waits. `noted`: of files, see SliceCount::add_in_order.
  Result<std::vector<Recount>> recount(std::span<const SliceKey> keys, const PolicyOf& policy_of,
                                       std::span<const int64_t> noted = {});
  // Why the last ones that wait could not be confirmed.
  const std::optional<Error>& unconfirmed() const { return unconfirmed_; }

 private:
  Result<void> count(const std::vector<Recount*>& targets, ReadLevel level,
                     std::span<const int64_t> noted);

  EnginePorts ports_;
  SliceLedger& ledger_;
  std::optional<Error> unconfirmed_;
};

}  // namespace hirestream
