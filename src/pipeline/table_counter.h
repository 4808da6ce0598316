// Counts a table outside of an engine, by ranges of its ring or by named slices: what Spark's tasks
// do, and `hirestream rebuild --from-source`. No ledger, no commits, only parts of slices. One
// thread at a time; several of them, each with a source of its own, may count disjoint ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_counter.h"

namespace hirestream {

inline constexpr SliceKey kOneSlice = {.shard = -1, .bucket = 0};

struct CountRequest {
  // Slices that were not over then are left out, if so wanted.
  int64_t begun_us = 0;
  bool closed_only = false;
  bool strongest = false;
  bool trust_keys = false;
  // Of a scan: only slices of these event times.
  std::optional<EventTimes> window = {};
  // Of batches.
  bool contiguous = false;
  bool unique = false;
  // All rows are counted into kOneSlice, which is in no ledger: for their sums alone.
  bool one_slice = false;
  // kTransient when it is asked for.
  std::stop_token stop = {};
};

class TableCounter {
 public:
  // Both outlive it.
  TableCounter(EventSource& source, const EngineOptions& engine)
      : source_(source), engine_(engine) {}

  // Places in the ring; parts of it are read one after the other, so that memory does not grow with
  // the range.
  Result<std::vector<SlicePart>> count_range(uint64_t begin, uint64_t end,
                                             const CountRequest& request);
  // Of a source whose slices can be read by name.
  Result<std::vector<SlicePart>> count_slices(std::span<const SliceKey> slices,
                                              const CountRequest& request);
  // Of rows that come in batches.
  SliceCounter slices(const CountRequest& request);

 private:
  const SourceDescription& description() const { return source_.description(); }
  Result<void> check_keys(const CountRequest& request) const;
  Result<void> count_sweep(SweepRequest request, const std::stop_token& stop,
                           SliceCounter& counter);
  SliceCounter::Wants wants(const CountRequest& request) const;

  EventSource& source_;
  const EngineOptions& engine_;
};

}  // namespace hirestream
