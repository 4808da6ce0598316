#include "aggregation/allocation_counter_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

namespace hirestream {
namespace {

thread_local bool counting = false;
thread_local AllocationCount counted;

void* allocate(size_t size) noexcept {
  if (counting) {
    ++counted.allocations;
    counted.largest = std::max(counted.largest, size);
  }
  return std::malloc(std::max<size_t>(size, 1));
}

void* allocate_or_throw(size_t size) {
  if (void* memory = allocate(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

AllocationCounter::AllocationCounter() {
  counted = {};
  counting = true;
}

AllocationCounter::~AllocationCounter() {
  counting = false;
}

AllocationCount AllocationCounter::count() const {
  return counted;
}

// Without this the tests that expect no allocation would pass for the wrong reason.
TEST(AllocationCounter, SeesWhatIsAllocated) {
  const AllocationCounter counter;
  EXPECT_EQ(counter.count().allocations, 0);
  const std::string text(1000, 'x');
  EXPECT_EQ(counter.count().allocations, 1);
  EXPECT_GE(counter.count().largest, text.size());
}

}  // namespace hirestream

void* operator new(size_t size) {
  return hirestream::allocate_or_throw(size);
}
void* operator new[](size_t size) {
  return hirestream::allocate_or_throw(size);
}
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return hirestream::allocate(size);
}
void* operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return hirestream::allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}
