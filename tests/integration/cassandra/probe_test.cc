#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "adapters/cassandra/cassandra_probe.h"
#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

class WallClock : public Clock {
 public:
  int64_t now_us() override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count() +
           offset_us;
  }
  int64_t offset_us = 0;
};

class Probe : public CassandraFixture {};

TEST_F(Probe, TellsServerTableAndClock) {
  create_recommended_table();
  WallClock clock;
  const auto probe = probe_cassandra(config(), {}, clock);
  ASSERT_TRUE(probe) << probe.error().text();
  EXPECT_THAT(probe->shape.server_version, ::testing::MatchesRegex("[0-9]+\\.[0-9]+.*"));
  EXPECT_FALSE(probe->shape.cluster_name.empty());
  EXPECT_EQ(probe->shape.compaction, "TimeWindowCompactionStrategy");
  EXPECT_EQ(probe->shape.gc_grace_s, 864'000);
  EXPECT_EQ(probe->shape.default_ttl_s, 0);
  EXPECT_THAT(probe->shape.replication, HasSubstr("SimpleStrategy"));
  EXPECT_GT(probe->round_trip_us, 0);
  EXPECT_LT(std::abs(probe->clock_difference_us), 500'000);
}

TEST_F(Probe, NoticesThatTheClocksDiffer) {
  create_deployed_table();
  WallClock clock;
  clock.offset_us = -10'000'000;
  const auto probe = probe_cassandra(config(), {}, clock);
  ASSERT_TRUE(probe) << probe.error().text();
  EXPECT_NEAR(static_cast<double>(probe->clock_difference_us), 10e6, 500'000);
  EXPECT_THAT(probe->advice, Contains(Field(&TableAdvice::remedy, HasSubstr("run NTP"))));
  EXPECT_THAT(probe->advice,
              Contains(Field(&TableAdvice::finding, HasSubstr("the cost grows with history"))));
}

}  // namespace
}  // namespace hirestream
