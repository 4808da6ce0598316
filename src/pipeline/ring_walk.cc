#include "pipeline/ring_walk.h"

#include <algorithm>

namespace hirestream {

RingPart RingWalk::part() const {
  return {place_, std::min(kRingPlaces, place_ + width_), {}};
}

void RingWalk::advance(uint64_t end, int64_t rows) {
  HIRESTREAM_CHECK(end > place_ && end <= part().end && rows >= 0);
  place_ = end;
  // An empty part says nothing of the others but that they may be larger.
  const double scale =
      rows == 0 ? 4.0 : static_cast<double>(rows_wanted_) / static_cast<double>(rows);
  const double width = static_cast<double>(width_) * std::clamp(scale, 0.25, 4.0);
  width_ = static_cast<uint64_t>(std::clamp(width, 1.0, static_cast<double>(kRingPlaces)));
}

}  // namespace hirestream
