// Computes what several ask for at the same time once, and keeps answers that may be asked for
// again.
//
// A key names everything that its answer depends on, the version of the data included: a kept
// answer is never outdated, only no longer asked for. Those not asked for the longest make room.
//
// Threading: thread-safe. Blocking: whoever asks for what another thread is computing waits for it,
// as long as the patience.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/query.h"

namespace hirestream {

class AnswerCache {
 public:
  using Body = Answer<std::string>;

  AnswerCache(size_t bytes_max, std::chrono::milliseconds patience)
      : bytes_max_(bytes_max), patience_(patience) {}

  // A Problem is told to everybody who waits for it, and never kept; without `keep` the same goes
  // for answers. Never null.
  std::shared_ptr<const Body> get(const std::string& key, bool keep,
                                  const std::function<Body()>& compute);
  // Nobody waits from then on for what another thread computes.
  void stop();
  // Of keys and answers.
  size_t bytes() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Body> body;
    size_t bytes = 0;
  };
  struct Flight {
    std::shared_ptr<const Body> body;  // null: under way
  };
  std::shared_ptr<const Body> find(const std::string& key);
  std::shared_ptr<const Body> wait(std::unique_lock<std::mutex>& lock,
                                   const std::shared_ptr<Flight>& flight);
  void land(const std::string& key, Flight& flight, bool keep, std::shared_ptr<const Body> body);
  void store(const std::string& key, std::shared_ptr<const Body> body);

  const size_t bytes_max_;
  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
  std::list<Entry> entries_;  // the last asked for first
  std::map<std::string, std::list<Entry>::iterator> kept_;
  size_t bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace hirestream
