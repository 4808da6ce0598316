// Files: each file is a slice, named by its path; a new or changed file is counted whole and replaces itself. A file that disappears keeps
// what it gave. A file that cannot be read (truncated archive, missing column) is reported once per version and left out whole.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class FilesEngine : public Engine {
 public:
  FilesEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  // Besides the errors of Engine::step: kRejected or kConfig for an unusable file, after all others are done.
  Result<StepReport> step() override;

 private:
  Result<void> look_for_files();
  Result<void> count_file(const SliceListing& file, int64_t now_us);

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  std::map<SliceKey, LedgerEntry> known_;
  std::deque<SliceListing> pending_;
  std::map<SliceKey, std::string> unusable_;  // tag of the version that could not be read
  std::deque<Error> failures_;
  bool started_ = false;
  bool looked_ = false;
  int64_t done_ = 0;
  int64_t last_step_us_ = 0;
  int64_t next_look_us_ = 0;
  int64_t next_jobs_us_ = 0;
};

}  // namespace hirestream
