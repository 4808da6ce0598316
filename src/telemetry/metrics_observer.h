// What engines report, as Prometheus metrics: counters of rows, requests, commits, retries and what
// happened to slices, histograms of freshness and of the commits' duration. Thread-safe: shared by
// the engines of one process.
#pragma once

#include <memory>
#include <string>

#include "ports/observer.h"

namespace hirestream {

class MetricsObserver : public Observer {
 public:
  MetricsObserver();
  ~MetricsObserver() override;

  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override;
  void on_commit(const CommitReport& report) override;
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override;
  void on_retry(const Error& error, int attempt, int64_t delay_us) override;
  void on_note(const std::string&, const std::string&) override {}
  void on_progress(const std::string&, int64_t, int64_t) override {}

  // Text exposition format.
  std::string text() const;

 private:
  struct Metrics;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace hirestream
