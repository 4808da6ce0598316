// Keeps `events` as long as the settings say: a thread that removes older days now and then
// (pipeline/events_retention.h), on a connection of its own, beside the engines.
//
// Threading: the destructor ends it within a transaction. Errors are told to the observer and tried
// again later.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <thread>

#include "config/settings.h"
#include "model/result.h"
#include "ports/clock.h"
#include "ports/observer.h"

namespace hirestream {

// Once. Returns how many rows were removed. kTransient, too, when others changed something each
// time; kCompareClocks (pipeline/events_retention.h) when nothing may be removed.
Result<int64_t> remove_old_events_now(const Settings& settings, Clock& clock,
                                      const std::stop_token& stop);

class EventsKeeper {
 public:
  // Nothing is done where the settings keep everything. All outlive it; clock and observer are
  // shared with other threads.
  EventsKeeper(const Settings& settings, Clock& clock, Observer& observer);

 private:
  void run(const std::stop_token& stop);

  const Settings& settings_;
  Clock& clock_;
  Observer& observer_;
  bool clocks_differ_ = false;  // told since the last success
  std::jthread thread_;
};

}  // namespace hirestream
