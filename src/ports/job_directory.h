// The job dimension's owner. One thread at a time; blocking; kTransient when it cannot be reached.
#pragma once

#include <string>
#include <utility>
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

// Collects warnings: the first ones, and how many more there are.
class LeftOutRows {
 public:
  void add(std::string text) {
    if (++count_ <= kNamedMax) {
      texts_.push_back(std::move(text));
    }
  }
  std::vector<std::string> take() {
    if (count_ > kNamedMax) {
      texts_.push_back(std::to_string(count_ - kNamedMax) + " more rows like these");
    }
    return std::move(texts_);
  }

 private:
  static constexpr size_t kNamedMax = 20;
  std::vector<std::string> texts_;
  size_t count_ = 0;
};

class JobDirectory {
 public:
  virtual ~JobDirectory() = default;
  // False: it is being read, and load() would have to wait; ask again soon.
  virtual bool ready() { return true; }
  // All jobs, sorted by job_id, ids unique (of duplicate rows in the table the one read last wins).
  virtual Result<Loaded<Job>> load() = 0;
  // Publishers with a name, sorted by id, ids unique. Optional: empty where the directory has no
  // table of them (one without the columns is not it).
  virtual Result<Loaded<Publisher>> load_publishers() = 0;
};

}  // namespace hirestream
