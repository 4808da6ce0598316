// Scan: a table that can only be read as a whole (create_time alone is the key). Slices are minutes of event time; a scan counts them all
// and each one that differs from the ledger is replaced. A bounded scan looks at recent event times, a complete one, on a schedule, at
// everything: rows without ts and old rows too. The cost of a scan is the size of the table.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

// Bucket of an event time; rows without one share kNoTimeBucket.
int64_t scan_bucket(const TrackingBatch& batch, size_t row, int64_t bucket_width_us);

// One scan, counted by bucket. Rows outside [from_bucket, to_bucket) are left out unless the bound is complete.
struct ScanCount {
  std::unordered_map<int64_t, Tally> buckets;
  int64_t rows = 0;
};
Result<ScanCount> count_scan(EventSource& source, RowClassifier& classifier, const ScanBound& bound,
                             Observer& observer);

class ScanEngine : public Engine {
 public:
  ScanEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  Result<StepReport> step() override;

 private:
  Result<void> load_known();
  Result<void> scan(const ScanBound& bound, int64_t now_us);
  Result<void> commit_differences(ScanCount count, const ScanBound& bound, bool strongest,
                                  int64_t now_us);
  Result<bool> commit_batch(std::span<const int64_t> buckets, ScanCount& count, bool strongest,
                            int64_t now_us, int64_t next, int64_t& left_from);
  // False: another one was faster, nothing is committed.
  Result<bool> commit_plan(CommitPlan plan, int64_t settled_until);
  bool in_bound(int64_t bucket, const ScanBound& bound) const;
  int64_t width_us() const;
  // The first bucket whose rows may still come in time.
  int64_t settled_bucket(int64_t now_us) const;

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  std::map<int64_t, LedgerEntry> known_;  // by bucket
  std::unordered_map<int64_t, RowDigest>
      held_;  // digests already found too small, not looked at again
  bool started_ = false;
  bool scanned_ = false;
  // Rows seem to be missing, and this kept the last scan from making sure.
  std::optional<Error> unconfirmed_;
  bool again_ = false;               // a conflict or a suspicion: scan once more
  int64_t swept_until_ = INT64_MAX;  // buckets before it were scanned after their time was over
  int64_t last_scan_us_ = INT64_MAX;
  int64_t last_step_us_ = 0;
  int64_t next_scan_us_ = 0;
  int64_t next_full_scan_us_ = 0;
  int64_t next_jobs_us_ = 0;
  int64_t rows_counted_ = 0;
};

}  // namespace hirestream
