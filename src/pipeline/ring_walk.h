// Walks a source's ring part by part, in parts that hold about as many rows as are wanted. Not
// thread-safe.
#pragma once

#include <cstdint>

#include "ports/event_source.h"

namespace hirestream {

class RingWalk {
 public:
  explicit RingWalk(int64_t rows_wanted, uint64_t begin = 0)
      : rows_wanted_(rows_wanted), place_(begin) {}

  bool done() const { return place_ == kRingPlaces; }
  // Where the walk stands, of kRingPlaces.
  uint64_t place() const { return place_; }
  RingPart part() const;
  // The ring was read up to `end` of that part, and so many rows were there.
  void advance(uint64_t end, int64_t rows);

 private:
  int64_t rows_wanted_;
  uint64_t place_;
  // Small at first, for nobody knows how many rows there are.
  uint64_t width_ = kRingPlaces / 4096;
};

}  // namespace hirestream
