#include "telemetry/pipeline_recorder.h"

#include <chrono>
#include <utility>
#include <vector>

namespace hirestream {
namespace {

constexpr std::chrono::seconds kInterval{5};
constexpr int64_t kKeepUs = 31LL * 86'400'000'000;

}  // namespace

PipelineRecorder::PipelineRecorder(Open open, Warn warn, Clock& clock)
    : open_(std::move(open)),
      warn_(std::move(warn)),
      clock_(clock),
      thread_([this](const std::stop_token& ending) { work(ending); }) {}

PipelineRecorder::~PipelineRecorder() {
  thread_.request_stop();
  thread_.join();
}

Observer& PipelineRecorder::observer_of(const std::string& source) {
  const std::lock_guard lock(mutex_);
  auto& observer = observers_[source];
  if (observer == nullptr) {
    observer = std::make_unique<MinuteObserver>(source, clock_);
  }
  return *observer;
}

void PipelineRecorder::work(const std::stop_token& ending) {
  bool last = false;
  while (!last) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, ending, kInterval, [] { return false; });
    }
    last = ending.stop_requested();
    record(last);
  }
}

void PipelineRecorder::record(bool ending) {
  std::vector<PipelineMinute> minutes;
  std::map<std::string, std::vector<MirrorProgress>> mirrors;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [source, observer] : observers_) {
      if (auto told = observer->take_mirrors()) {
        mirrors.emplace(source, std::move(*told));
      }
      for (PipelineMinute& minute : observer->take(ending)) {
        minutes.push_back(std::move(minute));
      }
    }
  }
  if (minutes.empty() && mirrors.empty()) {
    return;
  }
  Result<void> done;
  if (log_ == nullptr) {
    auto opened = open_();
    if (opened) {
      log_ = std::move(*opened);
    } else {
      done = forward(std::move(opened).error());
    }
  }
  if (log_ != nullptr) {
    done = log_->record(minutes, clock_.now_us() - kKeepUs);
    for (const auto& [source, told] : mirrors) {
      done = done ? log_->record_mirrors(source, told) : std::move(done);
    }
  }
  if (!done && !warned_) {
    warn_(done.error());
  }
  warned_ = !done;
}

}  // namespace hirestream
