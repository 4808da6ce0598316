// Runs one engine per source, each on its own thread with its own source, warehouse connection and
// job directory. Errors that may pass are retried with growing pauses and told to the observer;
// input that cannot be used is noted and (with once) the result at the end; any other error stops
// all engines.
//
// run() blocks until a stop is requested, every engine has caught up (once), or one has failed. A
// stop lets each engine finish the step it is in.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "config/settings.h"
#include "pipeline/engine.h"
#include "ports/clock.h"
#include "ports/observer.h"

namespace hirestream {

struct EngineRunnerOptions {
  bool once = false;             // end when every engine has caught up
  int64_t give_up_after_us = 0;  // once: transient errors in a row for this long are final
  // Also told what the engine of the source of that name reports; null: nobody.
  std::function<Observer&(const std::string& source)> observer_of = nullptr;
};

class EngineRunner {
 public:
  // All outlive the runner; clock and observer are shared by the threads.
  EngineRunner(const Settings& settings, EngineRunnerOptions options, Clock& clock,
               Observer& observer);

  // The first error that was not retried any more. Success also when stopped.
  Result<void> run(const std::stop_token& stop);

 private:
  class Worker;
  void fail_all(Error error);
  void keep_error(Error error);

  const Settings& settings_;
  EngineRunnerOptions options_;
  Clock& clock_;
  Observer& observer_;
  std::stop_source stop_all_;
  std::mutex init_mutex_;  // DDL one thread after the other
  std::mutex mutex_;       // error_
  std::optional<Error> error_;
};

}  // namespace hirestream
