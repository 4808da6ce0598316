// Which company a job belongs to, as the engine uses it: a cache of the job dimension, refreshed on
// a schedule. Jobs that are new or have moved are stored in the warehouse, which rewrites their
// rows in `events`; a commit whose rows have the companies of before is refused. Not thread-safe.
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
  // `interval_us`: until the next refresh, for whoever is told of one in vain.
  CompanyDirectory(const EnginePorts& ports, int64_t interval_us)
      : ports_(ports), interval_us_(interval_us) {}

  // Loads what the warehouse knows. Call before company_of, and when version() has moved.
  Result<void> load();
  // Loads the dimension and stores what differs from the warehouse's. Without a directory the
  // dimension is what the warehouse holds: another engine may refresh it.
  //
  // What passes (a directory or warehouse that does not answer), and once the directory has been
  // read whatever is wrong with it (it is being replaced, perhaps), is told to the observer and no
  // error: the last known state stays in use until the next refresh.
  Result<void> refresh();
  // Once it has been read, nobody waits for the directory: until it is ready, the last known state
  // stays in use.
  bool ready() const { return !read_before_ || ports_.jobs == nullptr || ports_.jobs->ready(); }
  // 0: unknown.
  int64_t company_of(int64_t job_id) const;
  // Warehouse::jobs_version() of what company_of says.
  int64_t version() const { return version_; }

 private:
  struct Dimension {
    std::vector<Job> jobs;
    std::vector<Publisher> publishers;
  };
  Result<Dimension> read_directory();
  Result<void> store(Dimension dimension);
  Result<void> store_jobs(const std::vector<Job>& current);
  Result<void> store_publishers(std::vector<Publisher> current);
  // Once for each set of them.
  void note(const std::vector<std::string>& warnings, std::vector<std::string>& noted);

  EnginePorts ports_;
  int64_t interval_us_;
  // In a row.
  int failures_ = 0;
  // The directory was.
  bool read_before_ = false;
  std::unordered_map<int64_t, Job> jobs_;
  int64_t version_ = 0;
  // Last stored.
  std::vector<Publisher> publishers_;
  std::vector<std::string> noted_of_jobs_;
  std::vector<std::string> noted_of_publishers_;
};

}  // namespace hirestream
