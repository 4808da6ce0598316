// What engines report, as Prometheus metrics, by source: counters of rows, requests, commits,
// errors and what happened to slices, histograms of freshness and of the commits' duration, and
// when something was last read and committed. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ports/observer.h"

namespace hirestream {

class MetricsObserver {
 public:
  MetricsObserver();
  ~MetricsObserver();
  MetricsObserver(const MetricsObserver&) = delete;
  MetricsObserver& operator=(const MetricsObserver&) = delete;

  // To whom the engine of that source reports; the same one for the same name. Outlived by this.
  Observer& observer_of(const std::string& source);

  // Text exposition format.
  std::string text() const;

 private:
  struct Families;
  class SourceObserver;
  std::unique_ptr<Families> families_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<SourceObserver>> sources_;
};

}  // namespace hirestream
