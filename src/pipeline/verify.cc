#include "pipeline/verify.h"

#include <set>

#include "pipeline/slice_ledger.h"
#include "pipeline/verify_duplicates.h"
#include "pipeline/verify_slices.h"
#include "pipeline/verify_totals.h"

namespace hirestream {

Result<VerifyReport> verify(const EnginePorts& ports, const VerifyOptions& options) {
  VerifyReport report;
  SliceLedger ledger(ports, options.engine);
  HIRESTREAM_TRY(ledger.open_as_publisher());
  SliceVerifier slices(ports, options, ledger, report);
  HIRESTREAM_TRY(slices.check_all());
  TotalsVerifier totals(ports, options, ledger, slices.unknown_damage(), report);
  HIRESTREAM_TRY(totals.check());
  if (options.duplicates.wanted) {
    HIRESTREAM_TRY(DuplicateSearch(ports, options, ledger, report).run());
  }
  return report;
}

Result<int64_t> retry_rejects(const EnginePorts& ports, const VerifyOptions& options) {
  VerifyOptions repair = options;
  repair.repair = true;
  VerifyReport report;
  SliceLedger ledger(ports, repair.engine);
  HIRESTREAM_TRY(ledger.open_as_publisher());
  HIRESTREAM_ASSIGN(const std::vector<StoredReject> rejects,
                    ports.warehouse.load_rejects(ledger.source_id(), SIZE_MAX));
  std::set<SliceKey> keys;
  for (const StoredReject& reject : rejects) {
    keys.insert(reject.slice);
  }
  SliceVerifier slices(ports, repair, ledger, report);
  HIRESTREAM_TRY(slices.check(keys));
  if (!slices.unknown_damage().plan.empty()) {
    TotalsVerifier totals(ports, repair, ledger, slices.unknown_damage(), report);
    HIRESTREAM_TRY(totals.check());
  }
  return report.slices_repaired;
}

}  // namespace hirestream
