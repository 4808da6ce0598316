// One source's figures by minute, as its engine reports them, for PipelineLog. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ports/clock.h"
#include "ports/observer.h"
#include "ports/report.h"
#include "telemetry/latency_histogram.h"

namespace hirestream {

class MinuteObserver : public Observer {
 public:
  // The clock outlives the observer.
  MinuteObserver(std::string source, Clock& clock);

  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override;
  void on_commit(const CommitReport& report) override;
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override;
  void on_retry(const Error& error, int attempt, int64_t delay_us) override;
  // No matter of the numbers, which do not stand still for it.
  void on_stale_jobs(const Error&, int, int64_t) override {}
  void on_note(const std::string&, const std::string&) override {}
  void on_mirrors(const std::vector<MirrorProgress>& mirrors) override;
  void on_progress(const std::string&, int64_t, int64_t) override {}

  // What was added since the last call. Quantiles of freshness are told once, when their minute is
  // over or `ending`.
  std::vector<PipelineMinute> take(bool ending);
  // What was told last, once. Nothing: it was told already, or never.
  std::optional<std::vector<MirrorProgress>> take_mirrors();

 private:
  template <typename Change>
  void change(Change change);
  void begin_minute(int64_t minute_us);
  void end_minute();

  std::string source_;
  Clock& clock_;
  std::mutex mutex_;
  PipelineMinute now_;  // not told yet, of the current minute
  bool anything_ = false;
  LatencyHistogram freshness_;
  int64_t freshness_max_us_ = -1;
  std::vector<PipelineMinute> over_;                    // not told yet, of minutes that are over
  std::optional<std::vector<MirrorProgress>> mirrors_;  // not told yet
};

}  // namespace hirestream
