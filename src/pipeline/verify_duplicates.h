// What `verify --duplicates` does: finds ids that are in more than one slice of a table whose
// partitions are slices (a writer that once took another shard for the same row, say). Each of
// their rows is counted. The ids of a table do not fit into memory, and lie apart in its storage
// order: a sweep notes each id in a filter and keeps those that may have been there already; a
// second one, only if there are such, looks where these are. What it tells is exact. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "pipeline/slice_ledger.h"
#include "pipeline/verify.h"

namespace hirestream {

class DuplicateSearch {
 public:
  // All outlive it; what it finds goes into the report.
  DuplicateSearch(const EnginePorts& ports, const VerifyOptions& options, SliceLedger& ledger,
                  VerifyReport& report);

  // Only sources whose slices lie on the ring can be searched; nothing for others.
  Result<void> run();

 private:
  // Of one of `shares_` parts of all ids.
  Result<void> search(uint64_t share);
  // Each row of that share that is counted.
  Result<void> sweep(uint64_t share,
                     const std::function<void(const RowId&, const SliceKey&)>& take);
  void report(const std::map<RowId, std::vector<SliceKey>>& found);

  EnginePorts ports_;
  const VerifyOptions& options_;
  SliceLedger& ledger_;
  VerifyReport& report_;
  int64_t rows_ = 0;
  uint64_t shares_ = 1;
};

}  // namespace hirestream
