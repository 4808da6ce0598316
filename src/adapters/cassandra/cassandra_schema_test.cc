#include "adapters/cassandra/cassandra_schema.h"

#include "adapters/cassandra/companion_table.h"

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

TEST(CassandraSchema, ATableThatSeveralNodesMakeAtOnceHasOneId) {
  const auto make = [](std::string_view name, std::string_view tracking_table_id) {
    return companion_table_statement("logs", name, "a int PRIMARY KEY", "", tracking_table_id);
  };
  constexpr std::string_view kTable = "0d2c9e50-cd9b-11f0-8a3e-6f1d8b7e2a10";
  EXPECT_EQ(make("t_late", kTable),
            "CREATE TABLE IF NOT EXISTS \"logs\".\"t_late\" (a int PRIMARY KEY) WITH id = "
            "3e43d851-d7dc-0f40-0f6f-c347cf22198c");
  const auto id_of = [](const std::string& statement) {
    return statement.substr(statement.find("id = "));
  };
  EXPECT_NE(id_of(make("t_late", kTable)), id_of(make("t_mirror", kTable)));
  EXPECT_NE(make("t_late", kTable), make("t_late", "0d2c9e50-cd9b-11f0-8a3e-6f1d8b7e2a11"))
      << "dropped and made anew";
}

}  // namespace
}  // namespace hirestream
