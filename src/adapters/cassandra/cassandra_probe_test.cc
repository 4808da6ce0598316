#include "adapters/cassandra/cassandra_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

auto finds(const std::string& words) {
  return Contains(Field(&TableAdvice::finding, HasSubstr(words)));
}

TableShape shape_of(Strategy strategy, CqlType create_time, CqlType ts) {
  TableShape shape;
  shape.keyspace = "logs";
  shape.table = "tracking";
  shape.strategy = strategy;
  shape.compaction = "TimeWindowCompactionStrategy";
  shape.replication = "{'class': 'NetworkTopologyStrategy', 'dc1': '3'}";
  shape.replicas = 3;
  shape.local_replicas = 3;
  shape.columns.resize(2);
  shape.columns[0].name = "create_time";
  shape.columns[0].type = create_time;
  shape.columns[1].name = "ts";
  shape.columns[1].type = ts;
  shape.columns[1].type_name = cql_type_name(ts);
  return shape;
}

TEST(TableAdvice, HasNothingToSayOfTheRecommendedTable) {
  EXPECT_THAT(table_advice(shape_of(Strategy::kTail, CqlType::kTimeuuid, CqlType::kTimestamp), {}),
              IsEmpty());
}

TEST(TableAdvice, SaysWhatScansCost) {
  EXPECT_THAT(table_advice(shape_of(Strategy::kScan, CqlType::kText, CqlType::kText), {}),
              finds("the cost grows with history"));
}

TEST(TableAdvice, SaysWhatBecomesOfTheRowsThatAreThere) {
  TableShape shape = shape_of(Strategy::kScan, CqlType::kText, CqlType::kBigint);
  shape.default_ttl_s = 86'400;
  CassandraConfig config;
  config.consistency = Consistency::kOne;
  EXPECT_THAT(table_advice(shape, config), finds("may miss rows"));
  shape.replicas = 1;
  EXPECT_THAT(table_advice(shape, config), Not(finds("may miss rows")));
  for (const TableAdvice& advice : table_advice(shape, config)) {
    EXPECT_NE(advice.remedy, "") << advice.finding;
  }
  EXPECT_THAT(table_advice(shape, config), finds("with one create_time may lie in several places"));
}

TEST(TableAdvice, WarnsOfExpiryBeforeTheLedgersRetention) {
  TableShape shape = shape_of(Strategy::kTail, CqlType::kTimeuuid, CqlType::kTimestamp);
  shape.default_ttl_s = 86'400;
  EXPECT_THAT(table_advice(shape, {}), finds("drops rows after 86400 s"));
}

TEST(TableAdvice, WarnsOfWeakConsistency) {
  CassandraConfig config;
  config.consistency = Consistency::kOne;
  EXPECT_THAT(
      table_advice(shape_of(Strategy::kTail, CqlType::kTimeuuid, CqlType::kTimestamp), config),
      finds("consistency ONE"));
}

TEST(MirrorAdvice, NamesNodesOfTheClusterWhoseMirrorWasNotHeardOfLately) {
  constexpr int64_t kNow = 1'788'000'000'000'000;
  constexpr int64_t kMinute = 60'000'000;
  const std::set<std::string> nodes{"a", "b", "c"};
  const auto advice =
      mirror_advice(nodes, {{"a", kNow - kMinute}, {"c", kNow - 6 * kMinute}}, kNow);
  ASSERT_TRUE(advice);
  EXPECT_THAT(advice->finding, HasSubstr("on 2 of 3 nodes: b, c"));
  EXPECT_FALSE(mirror_advice(nodes, {{"a", kNow}, {"b", kNow - 4 * kMinute}, {"c", kNow}}, kNow));
}

TEST(MirrorAdvice, SaysNothingWhereNoNodeOfTheClusterIsFollowed) {
  EXPECT_FALSE(mirror_advice({"a", "b"}, {}, 0));
  EXPECT_FALSE(mirror_advice({"a", "b"}, {{"copies", 0}, {"a node of another cluster", 0}}, 0));
}

}  // namespace
}  // namespace hirestream
