// The second half of verify, over all sources of the warehouse: `events` = frozen base + Σ ledger,
// the roll-up = `events` by day, and companies as the jobs say; with repair, what differs is put
// right in one transaction.
//
// Streaming: one pass over ledger, events and roll-up keeps a digest of each day, which is linear
// in the measures, so that equal sums have equal digests whatever the slices are. A second pass, in
// the same snapshot, loads only the cells of days whose digests differ. In hours to which frozen
// slices gave something cells are known only as sums by hour: there the cells of unfrozen slices
// are kept, which are few. Memory: those, and the cells of the days that differ. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "pipeline/verify.h"
#include "pipeline/verify_slices.h"

namespace hirestream {

class TotalsVerifier {
 public:
  // All outlive it; what it finds goes into the report.
  TotalsVerifier(const EnginePorts& ports, const VerifyOptions& options, SliceLedger& ledger,
                 UnknownDamage& damage, VerifyReport& report)
      : ports_(ports), options_(options), ledger_(ledger), damage_(damage), report_(report) {}

  Result<void> check();

 private:
  // What the warehouse holds at one moment.
  struct Holdings {
    int64_t changes = 0;
    // Sums of frozen slices by hour.
    Contribution frozen;
    std::set<int32_t> frozen_hours;
    // Slices whose recounts, which are to replace them, are in the sums of the ledger.
    std::set<SliceKey> replaced;
    // Some other slices' share of the ledger is not known.
    bool damaged = false;
    // Of hours of frozen slices: the ledger's cells, what `events` has in those cells, and all of
    // `events` summed up by hour.
    Contribution frozen_ledger;
    Contribution frozen_events;
    Contribution frozen_events_by_hour;
    // Of days that differ, all cells; of the ledger without hours of frozen slices.
    std::set<int32_t> days_loaded;
    Contribution ledger;
    Contribution events;
    Contribution days;
    // job → rows of events and of the roll-up with another company.
    std::map<int64_t, int64_t> misplaced;
    int64_t cells_checked = 0;
    int64_t days_checked = 0;
  };
  // What `events` has beyond the ledger.
  struct Surplus {
    // Of hours to which no frozen slice gave anything: should be none.
    Contribution cells;
    // Of the other hours: cells that hold less than the ledger says, and sums by hour that are not
    // what frozen slices gave.
    Contribution negative;
    Contribution by_hour;
    Contribution unexplained;
  };
  struct DayDigest {
    // Σ ledger − Σ events, and Σ events by day − the roll-up; linear digests, 0 where they are
    // equal.
    uint64_t ledger_less_events = 0;
    uint64_t events_less_days = 0;
  };
  using Digests = std::map<int32_t, DayDigest>;

  Result<Holdings> read_holdings();
  Result<Holdings> read_all();
  Result<Digests> digest(Holdings& holdings);
  Result<void> digest_events(Holdings& holdings, Digests& digests);
  Result<void> load_days(Holdings& holdings);
  using VisitContribution = std::function<void(const Contribution&)>;
  Result<void> walk_ledger(Holdings& holdings, const VisitContribution& visit);
  const SliceChange* replacement_of(SourceId source, const StoredContribution& stored) const;

  static Surplus compare(const Holdings& holdings);
  bool explains(const Surplus& surplus, const Holdings& holdings) const;
  void leave_damaged(Holdings& holdings) const;
  void plan_replaced(const Holdings& holdings, CommitPlan& plan, VerifyReport& report) const;
  void judge_events(const Holdings& holdings, const Surplus& surplus, CommitPlan& plan,
                    VerifyReport& report) const;
  void judge_days(const Holdings& holdings, CommitPlan& plan, VerifyReport& report) const;
  Result<void> check_companies(const std::map<int64_t, int64_t>& misplaced);

  EnginePorts ports_;
  const VerifyOptions& options_;
  SliceLedger& ledger_;
  UnknownDamage& damage_;
  VerifyReport& report_;
};

}  // namespace hirestream
