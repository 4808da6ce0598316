#include "http/warehouse_readiness.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WarehouseReadiness::Time kBegin{std::chrono::hours(1)};

TEST(WarehouseReadiness, OneASecondAsksAndTheOthersAreToldWhatItLearned) {
  WarehouseReadiness readiness;
  EXPECT_FALSE(readiness.known(kBegin));
  EXPECT_NE(readiness.known(kBegin), "") << "nothing is known yet";
  readiness.learned("");
  EXPECT_EQ(readiness.known(kBegin + milliseconds(999)), "");
  EXPECT_FALSE(readiness.known(kBegin + seconds(1)));
  EXPECT_EQ(readiness.known(kBegin + seconds(1)), "");
  readiness.learned("no tables\n");
  EXPECT_EQ(readiness.known(kBegin + milliseconds(1'500)), "no tables\n");
}

TEST(WarehouseReadiness, AWarehouseThatHangsIsNotReadyThoughItOnceWas) {
  WarehouseReadiness readiness;
  EXPECT_FALSE(readiness.known(kBegin));
  readiness.learned("");
  const auto hangs = kBegin + seconds(60);
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(readiness.known(hangs + seconds(i))) << "somebody goes on asking";
  }
  EXPECT_NE(readiness.known(hangs + milliseconds(5'100)), "");
  readiness.learned("");
  EXPECT_EQ(readiness.known(hangs + milliseconds(5'200)), "");
}

// However long nobody has asked: two at once are no sign of anything.
TEST(WarehouseReadiness, WhoComesWhileAnotherAsksIsToldWhatWasKnown) {
  WarehouseReadiness readiness;
  EXPECT_FALSE(readiness.known(kBegin));
  readiness.learned("");
  EXPECT_FALSE(readiness.known(kBegin + std::chrono::hours(1)));
  EXPECT_EQ(readiness.known(kBegin + std::chrono::hours(1)), "");
}

}  // namespace
}  // namespace hirestream
