// For tests: what a ChangeFeed has told.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "http/change_feed.h"

namespace hirestream {

class Events {
 public:
  ChangeFeed::Tell tell() {
    return [this](const std::string& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      came_.notify_all();
    };
  }
  // Waits for it.
  std::string next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return taken_ < events_.size(); });
    return events_[taken_++];
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> events_;
  size_t taken_ = 0;
};

}  // namespace hirestream
