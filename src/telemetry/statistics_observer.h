// What a run did, in numbers: counters and the freshness of appended rows (commit time − arrival
// time). For `run`'s reports and summary. Thread-safe: shared by the engines of one process.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "ports/observer.h"
#include "telemetry/latency_histogram.h"

namespace hirestream {

struct FreshnessQuantiles {
  int64_t rows = 0;  // samples; 0: nothing fresh
  int64_t p50_us = 0;
  int64_t p95_us = 0;
  int64_t p99_us = 0;
};

struct RunStatistics {
  int64_t rows_read = 0;  // with everything that was read again
  int64_t requests = 0;
  int64_t rows_new = 0;  // rows that were not in the ledger before
  FreshRows fresh;
  int64_t rows_committed = 0;
  int64_t commits = 0;
  int64_t cells_changed = 0;
  int64_t slices_changed = 0;
  int64_t retries = 0;
  std::map<SliceEvent, int64_t> slice_events;
  FreshnessQuantiles freshness;
};

class StatisticsObserver : public Observer {
 public:
  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override;
  void on_commit(const CommitReport& report) override;
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override;
  void on_retry(const Error& error, int attempt, int64_t delay_us) override;
  void on_note(const std::string&, const std::string&) override {}
  void on_progress(const std::string&, int64_t, int64_t) override {}

  // Since the start.
  RunStatistics total() const;
  // Since the last call of take_interval (or the start).
  RunStatistics take_interval();

 private:
  struct Part {
    RunStatistics counters;
    LatencyHistogram freshness;
  };
  template <typename Change>
  void change(Change change);
  static RunStatistics summary(const Part& part);

  mutable std::mutex mutex_;
  Part total_;
  Part interval_;
};

}  // namespace hirestream
