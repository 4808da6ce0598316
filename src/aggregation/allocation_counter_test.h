// What this test program allocates with operator new, of the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hirestream {

struct AllocationCount {
  int64_t allocations = 0;
  size_t largest = 0;  // bytes of the largest one
};

// Counts from its construction on. One at a time.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;
  AllocationCount count() const;
};

}  // namespace hirestream
