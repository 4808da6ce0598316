#include "telemetry/statistics_observer.h"

namespace hirestream {

template <typename Change>
void StatisticsObserver::change(Change change) {
  const std::lock_guard lock(mutex_);
  change(total_);
  change(interval_);
}

void StatisticsObserver::on_read(int64_t rows, int64_t requests, int64_t /*duration_us*/) {
  change([&](Part& part) {
    part.counters.rows_read += rows;
    part.counters.requests += requests;
  });
}

void StatisticsObserver::on_commit(const CommitReport& report) {
  change([&](Part& part) {
    part.counters.commits += 1;
    part.counters.rows_committed += report.rows;
    part.counters.rows_new += report.new_rows;
    part.counters.fresh.add(report.fresh);
    part.counters.cells_changed += report.cells;
    part.counters.slices_changed += report.slices;
    for (const int64_t sample : report.freshness_sample_us) {
      part.freshness.add(sample);
    }
  });
}

void StatisticsObserver::on_slice(SliceEvent event, const SliceKey& /*slice*/,
                                  const std::string& /*detail*/) {
  change([&](Part& part) { ++part.counters.slice_events[event]; });
}

void StatisticsObserver::on_retry(const Error& /*error*/, int /*attempt*/, int64_t /*delay_us*/) {
  change([](Part& part) { ++part.counters.retries; });
}

RunStatistics StatisticsObserver::summary(const Part& part) {
  RunStatistics out = part.counters;
  out.freshness = {.rows = part.freshness.count(),
                   .p50_us = part.freshness.quantile(0.50),
                   .p95_us = part.freshness.quantile(0.95),
                   .p99_us = part.freshness.quantile(0.99)};
  return out;
}

RunStatistics StatisticsObserver::total() const {
  const std::lock_guard lock(mutex_);
  return summary(total_);
}

RunStatistics StatisticsObserver::take_interval() {
  const std::lock_guard lock(mutex_);
  RunStatistics out = summary(interval_);
  interval_.counters = {};
  interval_.freshness.clear();
  return out;
}

}  // namespace hirestream
