#include "model/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace hirestream {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// Sanitizers watch what operator new gives.
#ifdef HIRESTREAM_SANITIZED
constexpr size_t kMappedMin = SIZE_MAX;
#else
constexpr size_t kMappedMin = kHugePage;
#endif

size_t whole_pages(size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace

void* allocate_table(size_t bytes) {
  if (bytes < kMappedMin) {
    return ::operator new(bytes);
  }
  // One page more, for its begin must lie at a whole one.
  const size_t size = whole_pages(bytes);
  void* mapped =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    throw std::bad_alloc();
  }
  char* const begin = static_cast<char*>(mapped);
  const size_t before =
      whole_pages(reinterpret_cast<uintptr_t>(begin)) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) {
    munmap(begin, before);
  }
  if (before < kHugePage) {
    munmap(begin + before + size, kHugePage - before);
  }
  // Where there are none it is memory like any other.
  madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}

void free_table(void* table, size_t bytes) noexcept {
  if (bytes < kMappedMin) {
    ::operator delete(table);
  } else {
    munmap(table, whole_pages(bytes));
  }
}

}  // namespace hirestream
