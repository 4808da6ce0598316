#include "model/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace hirestream {
namespace {

template <typename T>
using Table = std::vector<T, HugePageAllocator<T>>;

TEST(HugePages, ATableOfAnySizeHoldsWhatIsPutThere) {
  for (const size_t count : {size_t{1}, size_t{1000}, (size_t{2} << 20) / 8 - 1,
                             (size_t{2} << 20) / 8, (size_t{2} << 20) / 8 + 1, size_t{3'000'000}}) {
    Table<uint64_t> table(count);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(table.data()) % 16, 0U);
    std::iota(table.begin(), table.end(), 0);
    for (size_t i = 0; i < count; i += 997) {
      ASSERT_EQ(table[i], i);
    }
    EXPECT_EQ(table.back(), count - 1);
  }
}

TEST(HugePages, ATableGrows) {
  Table<uint64_t> table;
  for (uint64_t i = 0; i < 2'000'000; ++i) {
    table.push_back(i);
  }
  EXPECT_EQ(std::accumulate(table.begin(), table.end(), uint64_t{0}),
            uint64_t{2'000'000} * 1'999'999 / 2);
}

TEST(HugePages, LargeTablesBeginAtAHugePage) {
#ifndef HIRESTREAM_SANITIZED
  const Table<char> table(5 << 20);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(table.data()) % (size_t{2} << 20), 0U);
#endif
}

TEST(HugePages, MoreThanThereIsIsRefused) {
  HugePageAllocator<uint64_t> allocator;
  EXPECT_THROW(static_cast<void>(allocator.allocate(std::numeric_limits<size_t>::max() / 4)),
               std::bad_alloc);
#ifndef HIRESTREAM_SANITIZED
  EXPECT_THROW(static_cast<void>(allocator.allocate(size_t{1} << 59)), std::bad_alloc);
#endif
}

}  // namespace
}  // namespace hirestream
