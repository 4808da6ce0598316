#include "http/warehouse_readiness.h"

#include <utility>

namespace hirestream {

std::optional<std::string> WarehouseReadiness::known(Time now) {
  const std::lock_guard lock(mutex_);
  if (!asked_ || now - *asked_ >= kAskPause) {
    asked_ = now;
    waiting_since_ = waiting_since_.value_or(now);
    return std::nullopt;
  }
  if (waiting_since_ && now - *waiting_since_ >= kPatience) {
    return "the warehouse does not answer\n";
  }
  return waits_for_;
}

void WarehouseReadiness::learned(std::string waits_for) {
  const std::lock_guard lock(mutex_);
  waiting_since_.reset();
  waits_for_ = std::move(waits_for);
}

}  // namespace hirestream
