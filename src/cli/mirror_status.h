// How a `mirror` is doing, for /metrics and /readyz: what its runs have counted so far, since it
// may connect anew, and what it waits for. Thread-safe: one thread tells, others ask.
#pragma once

#include <mutex>
#include <string>

#include "model/result.h"
#include "ports/clock.h"
#include "telemetry/mirror_metrics.h"

namespace hirestream {

class MirrorStatus {
 public:
  // `table`: what is mirrored, "keyspace.table". The clock outlives this.
  MirrorStatus(std::string table, Clock& clock);

  // It has looked and written without an error; the figures are of this run.
  void went_on(const MirrorFigures& of_run);
  // What is tried again.
  void failed(const Error& error);
  // The run is over, another one counts from zero on.
  void run_ended();

  // Text exposition format, with the process's own.
  std::string metrics() const;
  // One line; empty: the mirror has what the table has.
  std::string waits_for() const;

 private:
  const std::string table_;
  Clock& clock_;
  mutable std::mutex mutex_;
  MirrorFigures figures_;  // of all runs
  MirrorFigures before_;   // of those that are over
  std::string waits_for_ = "it has not begun yet";
};

}  // namespace hirestream
