#include "adapters/cassandra/cassandra_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CassandraSchema, RecommendsPartitionsByTimeWithNativeTypes) {
  const auto statements = recommended_schema_statements("logs", "tracking");
  ASSERT_EQ(statements.size(), 4U);
  EXPECT_THAT(statements[0], HasSubstr("'SimpleStrategy', 'replication_factor': 1"));
  EXPECT_THAT(statements[1], HasSubstr("PRIMARY KEY ((bucket, shard), create_time)"));
  EXPECT_THAT(statements[1], HasSubstr("\"create_time\" timeuuid"));
  EXPECT_THAT(statements[1], HasSubstr("\"ts\" timestamp"));
  EXPECT_THAT(statements[1], HasSubstr("\"job_id\" bigint"));
  EXPECT_THAT(statements[1], HasSubstr("\"bid\" decimal"));
  EXPECT_THAT(statements[1], HasSubstr("TimeWindowCompactionStrategy"));
  EXPECT_THAT(statements[2], HasSubstr("\"tracking_layout\""));
  EXPECT_THAT(statements[3], HasSubstr("VALUES (0, 60, 8) IF NOT EXISTS"));
}

TEST(CassandraSchema, TakesReplicationAndLayoutAsGiven) {
  const auto statements = recommended_schema_statements(
      "logs", "tracking", "{'class': 'NetworkTopologyStrategy', 'dc1': 3}", TableTypes::kText,
      {300, 16});
  EXPECT_THAT(statements[0], HasSubstr("NetworkTopologyStrategy"));
  EXPECT_THAT(statements[1], HasSubstr("\"create_time\" text"));
  EXPECT_THAT(statements[1], Not(HasSubstr("timeuuid")));
  EXPECT_THAT(statements[3], HasSubstr("VALUES (0, 300, 16)"));
}

TEST(CassandraSchema, DeployedTableHasCreateTimeAsItsOnlyKey) {
  const auto statements = deployed_schema_statements("logs", "tracking");
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_THAT(statements[1], HasSubstr("PRIMARY KEY (create_time)"));
  EXPECT_THAT(statements[1], HasSubstr("\"ev\" int"));
}

TEST(CassandraSchema, ReaderMayOnlySelect) {
  for (const std::string& statement : reader_grant_statements("logs", "tracking", "hirestream")) {
    EXPECT_THAT(statement, StartsWith("GRANT SELECT ON TABLE "));
    EXPECT_THAT(statement, HasSubstr("TO \"hirestream\""));
  }
}

}  // namespace
}  // namespace hirestream
