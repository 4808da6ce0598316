#include "telemetry/minute_observer.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr size_t kMinutesKept = 600;  // while the warehouse takes none

}  // namespace

MinuteObserver::MinuteObserver(std::string source, Clock& clock)
    : source_(std::move(source)), clock_(clock) {
  begin_minute(clock_.now_us() / kMinuteUs * kMinuteUs);
}

void MinuteObserver::begin_minute(int64_t minute_us) {
  now_ = {.source = source_, .minute_us = minute_us};
  anything_ = false;
}

void MinuteObserver::end_minute() {
  if (freshness_.count() > 0) {
    now_.freshness_us_p50 = std::min(freshness_.quantile(0.50), freshness_max_us_);
    now_.freshness_us_p95 = std::min(freshness_.quantile(0.95), freshness_max_us_);
    now_.freshness_us_max = freshness_max_us_;
    anything_ = true;
  }
  freshness_.clear();
  freshness_max_us_ = -1;
  if (anything_ && over_.size() < kMinutesKept) {
    over_.push_back(now_);
  }
}

template <typename Change>
void MinuteObserver::change(Change change) {
  const std::lock_guard lock(mutex_);
  const int64_t minute_us = clock_.now_us() / kMinuteUs * kMinuteUs;
  if (minute_us != now_.minute_us) {
    end_minute();
    begin_minute(minute_us);
  }
  change(now_);
  anything_ = true;
}

void MinuteObserver::on_read(int64_t rows, int64_t requests, int64_t /*duration_us*/) {
  change([&](PipelineMinute& minute) {
    minute.rows_read += rows;
    minute.requests += requests;
  });
}

void MinuteObserver::on_commit(const CommitReport& report) {
  change([&](PipelineMinute& minute) {
    minute.new_rows += report.new_rows;
    minute.rejected += report.rejected;
    minute.commits += 1;
    minute.commit_us_sum += report.duration_us;
    minute.commit_us_max = std::max(minute.commit_us_max, report.duration_us);
    for (const int64_t us : report.freshness_sample_us) {
      freshness_.add(us);
      freshness_max_us_ = std::max({freshness_max_us_, us, int64_t{0}});
    }
  });
}

void MinuteObserver::on_slice(SliceEvent event, const SliceKey& /*slice*/,
                              const std::string& /*detail*/) {
  change([&](PipelineMinute& minute) {
    minute.slices_settled += event == SliceEvent::kSettled ? 1 : 0;
    minute.slices_corrected += event == SliceEvent::kCorrected ? 1 : 0;
    minute.slices_audited += event == SliceEvent::kAudited ? 1 : 0;
    minute.conflicts += event == SliceEvent::kConflict ? 1 : 0;
  });
}

void MinuteObserver::on_retry(const Error& /*error*/, int /*attempt*/, int64_t /*delay_us*/) {
  change([](PipelineMinute& minute) { ++minute.retries; });
}

void MinuteObserver::on_mirrors(const std::vector<MirrorProgress>& mirrors) {
  const std::lock_guard lock(mutex_);
  mirrors_ = mirrors;
}

std::optional<std::vector<MirrorProgress>> MinuteObserver::take_mirrors() {
  const std::lock_guard lock(mutex_);
  return std::exchange(mirrors_, std::nullopt);
}

std::vector<PipelineMinute> MinuteObserver::take(bool ending) {
  const std::lock_guard lock(mutex_);
  const int64_t minute_us = clock_.now_us() / kMinuteUs * kMinuteUs;
  if (ending || minute_us != now_.minute_us) {
    end_minute();
    begin_minute(minute_us);
  } else if (anything_) {
    over_.push_back(now_);
    begin_minute(minute_us);
  }
  return std::exchange(over_, {});
}

}  // namespace hirestream
