// The job dimension's owner. One thread at a time; blocking; kTransient when it cannot be reached.
#pragma once

#include <string>
#include <vector>

#include "model/job.h"
#include "model/result.h"

namespace hirestream {

// What was read. `warnings`: rows that could not be used, each named, for a person; all others
// hold.
template <typename Entry>
struct Loaded {
  std::vector<Entry> entries;
  std::vector<std::string> warnings;
};

class JobDirectory {
 public:
  virtual ~JobDirectory() = default;
  // All jobs, sorted by job_id, ids unique (of duplicate rows in the table the one read last wins).
  virtual Result<Loaded<Job>> load() = 0;
  // Publishers with a name, sorted by id, ids unique. Optional: empty where the directory has no
  // table of them (one without the columns is not it).
  virtual Result<Loaded<Publisher>> load_publishers() = 0;
};

}  // namespace hirestream
