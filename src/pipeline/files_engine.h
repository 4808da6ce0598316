// Files: each file is a slice, named by its path; a new or changed file is counted whole and replaces itself. A file that disappears keeps
// what it gave, unless a new one holds exactly its rows: then it was renamed (or compressed), and they move to the new name. A file that
// cannot be read (truncated archive, missing column) is reported once per version and left out whole.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class FilesEngine : public Engine {
 public:
  FilesEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  // Files that cannot be used are left out, and told when all others are done.
  Result<StepReport> step() override;

 private:
  struct Unusable {
    std::string tag;  // of the version that could not be read
    int64_t retry_us = INT64_MAX;
  };
  Result<void> look_for_files(int64_t now_us);
  Result<void> count_next_file(int64_t now_us);
  Result<void> count_file(const SliceListing& file, int64_t now_us);
  // Empties the slice of a file that is gone and had exactly these rows.
  Result<void> plan_renamed(CommitPlan& plan, const RowDigest& digest, const std::string& name,
                            int64_t now_us);
  // Empties the slices of files that are gone and of which a copy is there that was counted beside them.
  Result<void> forget_copied(int64_t now_us);
  Result<void> commit(CommitPlan plan, const std::string& name);
  using Known = std::map<SliceKey, LedgerEntry>;
  bool is_gone(const Known::value_type& known) const;

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  Known known_;
  std::deque<SliceListing> pending_;
  std::set<SliceKey> there_;  // files of the last look
  std::map<SliceKey, Unusable> unusable_;
  std::vector<Error> left_out_;  // not told yet
  bool started_ = false;
  bool looked_ = false;
  bool compared_ = false;  // files that are gone with those that are there
  int64_t done_ = 0;
  int64_t last_step_us_ = 0;
  int64_t next_look_us_ = 0;
  int64_t next_jobs_us_ = 0;
};

}  // namespace hirestream
