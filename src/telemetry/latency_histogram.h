// Quantiles of durations in bounded memory: buckets whose width is at most 1/64 of their value, so
// a quantile is at most 1.6 % too large. (The layout of HdrHistogram: a power of two, then 64 equal
// parts.) Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace hirestream {

class LatencyHistogram {
 public:
  LatencyHistogram();
  void add(int64_t us);  // negative values (a writer's clock ahead of ours) count as 0
  // Upper bound of the smallest bucket that holds the quantile (0 < q <= 1); 0 without values.
  int64_t quantile(double q) const;
  int64_t count() const { return count_; }
  void clear();

 private:
  std::vector<int64_t> buckets_;
  int64_t count_ = 0;
};

}  // namespace hirestream
