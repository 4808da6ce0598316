// The simulation's only source of chance: the same seed gives the same numbers on every machine
// (the standard library's distributions do not promise that). Generator: splitmix64 (Steele, Lea,
// Flood: "Fast splittable pseudorandom number generators").
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/mix64.h"

namespace hirestream::simulation {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 0x1234567) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix64(state_);
  }
  // Both ends included.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % (static_cast<uint64_t>(high - low) + 1));
  }
  size_t below(size_t end) { return static_cast<size_t>(next() % end); }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }
  template <typename T>
  const T& pick(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(i)]);
    }
  }
  // A generator of its own, so that drawing from one does not move the other.
  Random fork() { return Random(next()); }

 private:
  uint64_t state_;
};

}  // namespace hirestream::simulation
