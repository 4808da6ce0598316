#include "cli/background_jobs.h"

#include <chrono>

namespace hirestream {

void BackgroundJobDirectory::begin() {
  if (!under_way_.valid()) {
    under_way_ = std::async(std::launch::async, [inner = inner_.get()] {
      Read read{inner->load(), Loaded<Publisher>()};
      if (read.jobs) {
        read.publishers = inner->load_publishers();
      }
      return read;
    });
  }
}

bool BackgroundJobDirectory::ready() {
  begin();
  return under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

Result<Loaded<Job>> BackgroundJobDirectory::load() {
  begin();
  Read read = under_way_.get();
  publishers_ = std::move(read.publishers);
  return std::move(read.jobs);
}

Result<Loaded<Publisher>> BackgroundJobDirectory::load_publishers() {
  return publishers_;
}

}  // namespace hirestream
