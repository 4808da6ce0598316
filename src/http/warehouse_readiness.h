// What /readyz tells where a process is ready when its warehouse answers. Anybody may ask it, so
// the warehouse is asked at most once a second; others are told what was learned last.
//
// Threading: thread-safe; never blocks.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace hirestream {

class WarehouseReadiness {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kAskPause{1};
  // A warehouse that has not answered for so long does not answer.
  static constexpr std::chrono::seconds kPatience{5};

  // What the process waits for, empty: it is ready. Nothing: the caller is to ask the warehouse,
  // and to tell learned().
  std::optional<std::string> known(Time now);
  void learned(std::string waits_for);

 private:
  std::mutex mutex_;
  std::optional<Time> asked_;          // last
  std::optional<Time> waiting_since_;  // the first question that is not answered
  std::string waits_for_ = "the warehouse was not asked yet\n";
};

}  // namespace hirestream
