// Walks a source's ring part by part, in parts that hold about as many rows as are wanted. Not thread-safe.
#pragma once

#include <cstdint>

#include "ports/event_source.h"

namespace hirestream {

class RingWalk {
 public:
  explicit RingWalk(int64_t rows_wanted) : rows_wanted_(rows_wanted) {}

  bool done() const { return place_ == kRingPlaces; }
  // Where the walk stands, of kRingPlaces.
  uint64_t place() const { return place_; }
  RingPart part() const;
  // The part was read and had so many rows.
  void advance(int64_t rows);

 private:
  int64_t rows_wanted_;
  uint64_t place_ = 0;
  uint64_t width_ = kRingPlaces / 256;
};

}  // namespace hirestream
