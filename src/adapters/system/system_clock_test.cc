#include "adapters/system/system_clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace hirestream {
namespace {

TEST(SystemClock, TellsMicrosecondsSince1970) {
  SystemClock clock;
  const int64_t before_us = static_cast<int64_t>(std::time(nullptr)) * 1'000'000;
  const int64_t now_us = clock.now_us();
  EXPECT_GE(now_us, before_us - 1'000'000);
  EXPECT_LE(now_us, before_us + 60'000'000);
}

}  // namespace
}  // namespace hirestream
