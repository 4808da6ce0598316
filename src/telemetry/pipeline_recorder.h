// Brings the minutes of the engines of this process into the warehouse's PipelineLog every few
// seconds, on a thread of its own with a connection of its own. A failure is told once until it
// works again; what could not be recorded is lost, and nothing else.
//
// Threading: observer_of before the engines start; the destructor records what is left, at most
// once more.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "ports/clock.h"
#include "ports/report.h"
#include "telemetry/minute_observer.h"

namespace hirestream {

class PipelineRecorder {
 public:
  using Open = std::function<Result<std::unique_ptr<PipelineLog>>()>;
  using Warn = std::function<void(const Error&)>;
  // The clock outlives the recorder.
  PipelineRecorder(Open open, Warn warn, Clock& clock);
  ~PipelineRecorder();
  PipelineRecorder(const PipelineRecorder&) = delete;
  PipelineRecorder& operator=(const PipelineRecorder&) = delete;

  // The observer of a source's engine; lives as long as the recorder.
  Observer& observer_of(const std::string& source);

 private:
  void work(const std::stop_token& ending);
  void record(bool ending);

  Open open_;
  Warn warn_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, std::unique_ptr<MinuteObserver>> observers_;
  std::unique_ptr<PipelineLog> log_;
  bool warned_ = false;
  std::jthread thread_;
};

}  // namespace hirestream
