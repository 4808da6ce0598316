#include "adapters/cassandra/cassandra_connection.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

CassandraConfig valid_config() {
  CassandraConfig config;
  config.hosts = {"127.0.0.1:9042"};
  config.keyspace = "logs";
  config.table = "tracking";
  return config;
}

Error refused(const CassandraConfig& config) {
  const auto result = config.validate();
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

TEST(CassandraConfig, AcceptsTheDefaults) {
  EXPECT_TRUE(valid_config().validate());
}

TEST(CassandraConfig, NamesTheFieldTheValueAndWhatIsAllowed) {
  CassandraConfig config = valid_config();
  config.page_rows = 0;
  const Error error = refused(config);
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_EQ(error.subject, "cassandra page_rows");
  EXPECT_EQ(error.message, "is 0, allowed: 1 to 100000");
}

TEST(CassandraConfig, RefusesImpossibleSettings) {
  CassandraConfig config = valid_config();
  config.hosts = {};
  EXPECT_EQ(refused(config).subject, "cassandra hosts");
  config = valid_config();
  config.hosts = {"a b"};
  EXPECT_EQ(refused(config).subject, "cassandra hosts");
  config = valid_config();
  config.keyspace = "logs\"; DROP";
  EXPECT_EQ(refused(config).subject, "cassandra keyspace");
  config = valid_config();
  config.table.clear();
  EXPECT_EQ(refused(config).subject, "cassandra table");
  config = valid_config();
  config.tls_cert = "client.pem";
  EXPECT_EQ(refused(config).subject, "cassandra tls_cert, tls_key");
  config = valid_config();
  config.tls_ca = "ca.pem";
  EXPECT_EQ(refused(config).subject, "cassandra tls");
  config.tls = true;
  EXPECT_TRUE(config.validate().has_value());
}

TEST(CassandraConfig, NeverRepeatsThePassword) {
  CassandraConfig config = valid_config();
  config.password = "hunter2";
  EXPECT_EQ(refused(config).text().find("hunter2"), std::string::npos);
}

TEST(Consistency, ReadsNamesInAnyCase) {
  EXPECT_EQ(parse_consistency("local_quorum"), Consistency::kLocalQuorum);
  EXPECT_EQ(parse_consistency("ALL"), Consistency::kAll);
  EXPECT_FALSE(parse_consistency("most"));
  EXPECT_EQ(consistency_name(Consistency::kEachQuorum), "EACH_QUORUM");
}

}  // namespace
}  // namespace hirestream
