// Runs one engine per source, each on its own thread with its own source, warehouse connection and
// job directory. Errors that pass, and once an engine has done a step those that may pass, are
// retried with growing pauses and told to the observer; input that cannot be used is noted and
// (with once) the result at the end. Any other error ends that source's engine, and is told; the
// others go on.
//
// run() blocks until a stop is requested, or every engine has caught up (once) or ended. A stop
// lets each engine finish the step it is in, but for the reading of a file.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "cli/service_watch.h"
#include "config/settings.h"
#include "pipeline/engine.h"
#include "ports/clock.h"
#include "ports/observer.h"

namespace hirestream {

struct EngineRunnerOptions {
  bool once = false;             // end when every engine has caught up
  int64_t give_up_after_us = 0;  // once: transient errors in a row for this long are final
  // Also told what the engine of the source of that name reports; null: nobody.
  std::function<std::vector<Observer*>(const std::string& source)> observers_of = nullptr;
  ServiceWatch* watch = nullptr;  // what the service manager is told; null: nothing
};

class EngineRunner {
 public:
  // All outlive the runner; clock and observer are shared by the threads.
  EngineRunner(const Settings& settings, EngineRunnerOptions options, Clock& clock,
               Observer& observer);

  // The first error that ended an engine. Success also when stopped.
  Result<void> run(const std::stop_token& stop);

 private:
  class Worker;
  void keep_error(Error error);

  const Settings& settings_;
  EngineRunnerOptions options_;
  Clock& clock_;
  Observer& observer_;
  std::mutex init_mutex_;  // DDL one thread after the other
  std::mutex mutex_;       // error_
  std::optional<Error> error_;
};

}  // namespace hirestream
