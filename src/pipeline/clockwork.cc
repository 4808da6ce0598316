#include "pipeline/clockwork.h"

#include <algorithm>

namespace hirestream {
namespace {

constexpr int64_t kExpireRejectsIntervalUs = 60'000'000;

}  // namespace

Clockwork::Clockwork(const EnginePorts& ports, const EngineOptions& options, SliceLedger& ledger,
                     std::initializer_list<Timer*> timers)
    : ports_(ports), options_(options), ledger_(ledger), timers_(timers) {
  timers_.insert(timers_.end(), {&jobs_, &rejects_});
}

int64_t Clockwork::start() {
  now_us_ = ports_.clock.now_us();
  set_back_us_ = 0;
  for (Timer* timer : timers_) {
    timer->due_us = now_us_;
  }
  return now_us_;
}

int64_t Clockwork::tick() {
  const int64_t now_us = ports_.clock.now_us();
  set_back_us_ = std::max<int64_t>(0, now_us_ - now_us);
  for (Timer* timer : timers_) {
    timer->due_us -= set_back_us_;
  }
  now_us_ = now_us;
  return now_us;
}

Result<void> Clockwork::do_chores() {
  if (jobs_.due(now_us_) && ledger_.companies().ready()) {
    jobs_.due_us = now_us_ + options_.jobs_interval_us;
    HIRESTREAM_TRY(ledger_.companies().refresh());
  }
  if (rejects_.due(now_us_)) {
    HIRESTREAM_TRY(
        ports_.warehouse.expire_rejects(now_us_ - options_.rejects_keep_us, options_.rejects_cap));
    rejects_.due_us = now_us_ + kExpireRejectsIntervalUs;
  }
  return {};
}

}  // namespace hirestream
