#include "cli/retry_backoff.h"

#include <algorithm>

namespace hirestream {

int64_t RetryBackoff::next() {
  const int doublings = std::min(attempts_, 10);
  ++attempts_;
  const int64_t longest = std::min(kFirstUs << doublings, kLongestUs);
  return std::uniform_int_distribution<int64_t>(longest / 2, longest)(random_);
}

}  // namespace hirestream
