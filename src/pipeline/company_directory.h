// Which company a job belongs to, as the engine uses it: a cache of the job dimension, refreshed on a schedule. Jobs that are new or have
// moved are stored in the warehouse, which rewrites their rows in `events`. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/job.h"
#include "pipeline/engine.h"

namespace hirestream {

class CompanyDirectory {
 public:
  explicit CompanyDirectory(const EnginePorts& ports) : ports_(ports) {}

  // Loads what the warehouse knows. Call once before company_of.
  Result<void> start();
  // Loads the dimension and stores what changed; the first time all of it, for a process that was killed may have left rows with the
  // company of an older dimension. Without a directory the dimension is what the warehouse holds: another engine may refresh it. An
  // unreachable directory is an error; the last known state stays in use.
  Result<void> refresh();
  // 0: unknown.
  int64_t company_of(int64_t job_id) const;

 private:
  Result<void> store_publishers();
  // Once for each set of them.
  void note(const std::vector<std::string>& warnings, std::vector<std::string>& noted);

  EnginePorts ports_;
  std::unordered_map<int64_t, Job> jobs_;
  std::vector<Publisher> publishers_;  // last stored
  bool stored_all_ = false;
  std::vector<std::string> noted_of_jobs_;
  std::vector<std::string> noted_of_publishers_;
};

}  // namespace hirestream
