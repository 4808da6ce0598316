// A job directory that is read on a thread of its own: whoever counts rows asks whether it is ready
// and goes on meanwhile. Only the first load() waits.
//
// Threading: one thread at a time calls it; the inner directory is used by one thread at a time.
// Blocking: load() waits if it is called before ready() said so; the destructor waits for a read
// that is under way.
#pragma once

#include <future>
#include <memory>

#include "ports/job_directory.h"

namespace hirestream {

class BackgroundJobDirectory : public JobDirectory {
 public:
  explicit BackgroundJobDirectory(std::unique_ptr<JobDirectory> inner) : inner_(std::move(inner)) {}

  // Begins to read if nothing is under way or waits to be taken.
  bool ready() override;
  Result<Loaded<Job>> load() override;
  // What was read together with the jobs that were taken last.
  Result<Loaded<Publisher>> load_publishers() override;

 private:
  struct Read {
    Result<Loaded<Job>> jobs;
    Result<Loaded<Publisher>> publishers;
  };
  void begin();

  std::unique_ptr<JobDirectory> inner_;
  std::future<Read> under_way_;
  Result<Loaded<Publisher>> publishers_;
};

}  // namespace hirestream
