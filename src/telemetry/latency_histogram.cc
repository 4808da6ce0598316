#include "telemetry/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hirestream {
namespace {

constexpr int kPartBits = 6;
constexpr uint64_t kParts = 1U << kPartBits;
constexpr size_t kBuckets = (64 - kPartBits) * kParts;

size_t bucket_of(uint64_t value) {
  if (value < kParts) {
    return value;
  }
  const int shift = static_cast<int>(std::bit_width(value)) - kPartBits - 1;
  return (static_cast<size_t>(shift) << kPartBits) + static_cast<size_t>(value >> shift);
}

int64_t highest_of(size_t bucket) {
  if (bucket < kParts) {
    return static_cast<int64_t>(bucket);
  }
  const size_t shift = (bucket >> kPartBits) - 1;
  const uint64_t part = bucket - (shift << kPartBits);
  return static_cast<int64_t>(((part + 1) << shift) - 1);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::add(int64_t us) {
  ++buckets_[bucket_of(static_cast<uint64_t>(std::max<int64_t>(us, 0)))];
  ++count_;
}

int64_t LatencyHistogram::quantile(double q) const {
  const auto rank = std::max<int64_t>(1, std::llround(std::ceil(q * static_cast<double>(count_))));
  int64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) {
      return highest_of(bucket);
    }
  }
  return 0;
}

void LatencyHistogram::clear() {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
}

}  // namespace hirestream
