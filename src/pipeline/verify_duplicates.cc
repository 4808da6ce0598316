#include "pipeline/verify_duplicates.h"

#include <algorithm>
#include <string>

#include "pipeline/recount.h"
#include "pipeline/ring_walk.h"
#include "pipeline/row_id_filter.h"
#include "pipeline/verify_report.h"

namespace hirestream {
namespace {

constexpr size_t kNamedMax = 5;

}  // namespace

DuplicateSearch::DuplicateSearch(const EnginePorts& ports, const VerifyOptions& options,
                                 SliceLedger& ledger, VerifyReport& report)
    : ports_(ports), options_(options), ledger_(ledger), report_(report) {}

Result<void> DuplicateSearch::run() {
  const SourceDescription& source = ports_.source.description();
  if (!source.ring_reads || !source.slice_reads) {
    return {};
  }
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> known, ports_.warehouse.sources());
  for (const SourceStatus& status : known) {
    rows_ = status.id == ledger_.source_id() ? status.classes.total() : rows_;
  }
  const int64_t share = options_.duplicates.rows_per_sweep;
  shares_ = static_cast<uint64_t>(std::max<int64_t>(1, (rows_ + share - 1) / share));
  report_.duplicates_sought = true;
  for (uint64_t i = 0; i < shares_; ++i) {
    HIRESTREAM_TRY(search(i));
  }
  return {};
}

Result<void> DuplicateSearch::search(uint64_t share) {
  // More by a tenth: shares are not quite equal, and rows come meanwhile.
  RowIdFilter filter(rows_ / static_cast<int64_t>(shares_) / 10 * 11);
  std::map<RowId, std::vector<SliceKey>> suspects;
  HIRESTREAM_TRY(sweep(share, [&](const RowId& id, const SliceKey&) {
    if (!filter.insert(id) || suspects.contains(id)) {
      return;
    }
    if (suspects.size() < options_.duplicates.suspects_max) {
      suspects[id];
    } else {
      report_.duplicates_in_part = true;
    }
  }));
  if (suspects.empty()) {
    return {};
  }
  HIRESTREAM_TRY(sweep(share, [&](const RowId& id, const SliceKey& slice) {
    const auto suspect = suspects.find(id);
    if (suspect == suspects.end()) {
      return;
    }
    // A page may come again.
    std::vector<SliceKey>& slices = suspect->second;
    if (std::find(slices.begin(), slices.end(), slice) == slices.end()) {
      slices.push_back(slice);
    }
  }));
  report(suspects);
  return {};
}

Result<void> DuplicateSearch::sweep(
    uint64_t share, const std::function<void(const RowId&, const SliceKey&)>& take) {
  RingWalk walk(options_.engine.rows_per_commit);
  while (!walk.done()) {
    int64_t rows = 0;
    HIRESTREAM_TRY(
        read_all(ports_, {walk.part(), ReadLevel::kConfigured}, [&](const SweepPage& page) {
          const TrackingBatch& batch = page.rows;
          rows += static_cast<int64_t>(batch.rows());
          for (size_t row = 0; row < batch.rows(); ++row) {
            const RowId& id = batch.id(row);
            const bool readable = batch.status(Column::kCreateTime, row) == CellStatus::kValue;
            if (readable && !ledger_.classifier().is_before_start(id) &&
                (spread_hash(id) >> 32) % shares_ == share) {
              take(id, page.slice.value());
            }
          }
          return Result<void>();
        }));
    const uint64_t end = walk.part().end;
    walk.advance(end, rows);
    ports_.observer.on_progress("ids compared", static_cast<int64_t>(end >> 16),
                                static_cast<int64_t>(kRingPlaces >> 16));
  }
  return {};
}

void DuplicateSearch::report(const std::map<RowId, std::vector<SliceKey>>& found) {
  for (const auto& [id, slices] : found) {
    if (slices.size() < 2) {
      continue;
    }
    report_.rows_duplicate += static_cast<int64_t>(slices.size()) - 1;
    if (report_.duplicates_named.size() < kNamedMax) {
      std::string text = format_uuid(id) + " in";
      for (size_t i = 0; i < slices.size(); ++i) {
        LedgerEntry entry;
        entry.key = slices[i];
        text += (i == 0 ? " " : " and ") + slice_name(entry);
      }
      report_.duplicates_named.push_back(std::move(text));
    }
  }
}

}  // namespace hirestream
