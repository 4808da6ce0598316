// Memory for large tables that are looked into here and there: in pages of 2 MiB where the system
// has them for whoever asks (/sys/kernel/mm/transparent_hugepage/enabled: madvise or always). With
// pages of 4 KiB nearly every look also has to find its page first, and each page costs a fault.
// Tables below 2 MiB lie where all memory does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace hirestream {

// Aligned to 16 bytes. Throws std::bad_alloc.
void* allocate_table(size_t bytes);
// `bytes` as they were asked for.
void free_table(void* table, size_t bytes) noexcept;

// For containers.
template <typename T>
struct HugePageAllocator {
  static_assert(alignof(T) <= 16);
  using value_type = T;

  HugePageAllocator() = default;
  template <typename Other>
  // NOLINTNEXTLINE(google-explicit-constructor)
  HugePageAllocator(const HugePageAllocator<Other>&) {}

  T* allocate(size_t count) {
    if (count > static_cast<size_t>(PTRDIFF_MAX) / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    return static_cast<T*>(allocate_table(count * sizeof(T)));
  }
  void deallocate(T* table, size_t count) noexcept { free_table(table, count * sizeof(T)); }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }
};

}  // namespace hirestream
