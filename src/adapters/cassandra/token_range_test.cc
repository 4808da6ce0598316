#include "adapters/cassandra/token_range.h"

#include <gtest/gtest.h>

#include "ports/event_source.h"

namespace hirestream {
namespace {

TEST(TokenRange, OfTheWholeRingHoldsEveryTokenThatAKeyCanHave) {
  EXPECT_EQ(token_range(0, kRingPlaces), TokenRange());
}

TEST(TokenRange, HoldsTheTokensWhoseUpperHalvesAreItsPlaces) {
  constexpr uint64_t kMiddle = kRingPlaces / 2;
  EXPECT_EQ(token_range(kMiddle, kMiddle + 1), (TokenRange{-1, 0xFFFF'FFFF}));
  EXPECT_EQ(token_range(kMiddle - 1, kMiddle), (TokenRange{-0x1'0000'0001, -1}));
  EXPECT_EQ(token_range(0, 1), (TokenRange{INT64_MIN, INT64_MIN + 0xFFFF'FFFF}));
  EXPECT_EQ(token_range(kRingPlaces - 1, kRingPlaces),
            (TokenRange{INT64_MAX - 0x1'0000'0000, INT64_MAX}));
}

}  // namespace
}  // namespace hirestream
