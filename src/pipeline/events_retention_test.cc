#include "pipeline/events_retention.h"

#include <gmock/gmock.h>

namespace hirestream {
namespace {

using testing::HasSubstr;

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kNowUs = 1'767'225'600'000'000;  // 2026-01-01

TEST(RetentionTime, IsThatOfTheClockWhichSaysItIsEarlier) {
  EXPECT_EQ(retention_time(kNowUs, kNowUs).value(), kNowUs);
  EXPECT_EQ(retention_time(kNowUs + kHourUs, kNowUs).value(), kNowUs);
  EXPECT_EQ(retention_time(kNowUs, kNowUs + 9'000 * kHourUs).value(), kNowUs);
}

TEST(RetentionTime, NothingIsRemovedByAClockThatIsFarAhead) {
  const auto refused = retention_time(kNowUs + 365 * 24 * kHourUs, kNowUs);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(refused.error().operation, kCompareClocks);
  EXPECT_THAT(refused.error().text(), HasSubstr("2027-01-01 00:00:00"));
  EXPECT_THAT(refused.error().text(), HasSubstr("2026-01-01 00:00:00"));
  EXPECT_FALSE(retention_time(kNowUs + kHourUs + 1, kNowUs).has_value());
}

}  // namespace
}  // namespace hirestream
