#include "simulation/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace hirestream::simulation {
namespace {

// What was got in one thread and given back in another makes both wrong, by as much.
thread_local int64_t bytes = 0;

void* allocate(size_t size) noexcept {
  void* memory = std::malloc(std::max<size_t>(size, 1));
  bytes += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}

void* allocate_or_throw(size_t size) {
  if (void* memory = allocate(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void give_back(void* memory) noexcept {
  bytes -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

int64_t heap_bytes() {
  return bytes;
}

}  // namespace hirestream::simulation

void* operator new(size_t size) {
  return hirestream::simulation::allocate_or_throw(size);
}
void* operator new[](size_t size) {
  return hirestream::simulation::allocate_or_throw(size);
}
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return hirestream::simulation::allocate(size);
}
void* operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return hirestream::simulation::allocate(size);
}
void operator delete(void* memory) noexcept {
  hirestream::simulation::give_back(memory);
}
void operator delete[](void* memory) noexcept {
  hirestream::simulation::give_back(memory);
}
void operator delete(void* memory, size_t /*size*/) noexcept {
  hirestream::simulation::give_back(memory);
}
void operator delete[](void* memory, size_t /*size*/) noexcept {
  hirestream::simulation::give_back(memory);
}
