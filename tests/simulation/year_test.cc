// A month of the simulation of long times; `hirestream_simulator --year` runs the whole year.
#include "simulation/year.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "simulation/heap.h"

namespace hirestream::simulation {
namespace {

TEST(Year, NothingGrowsWithTheDaysThatHavePassed) {
  const YearReport report = run_year({.seed = 1, .days = 30});
  EXPECT_EQ(report.run.failure, "") << "hirestream_simulator --year --days 30 --seed 1";
  EXPECT_GT(report.slices_frozen, 3 * report.slices_max);
  EXPECT_GT(report.restarts, 5);
  EXPECT_GT(report.heap_first, report.slices_first * 100);
}

// Without this the bounds on memory would hold for the wrong reason.
TEST(Year, SeesWhatIsHeld) {
  const int64_t before = heap_bytes();
  auto memory = std::make_unique<std::array<char, 1000>>();
  EXPECT_GE(heap_bytes() - before, 1000);
  memory.reset();
  EXPECT_EQ(heap_bytes(), before);
}

}  // namespace
}  // namespace hirestream::simulation
