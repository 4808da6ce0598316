#include "adapters/cassandra/table_shape.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TableColumn column(std::string name, std::string type, ColumnKind kind = ColumnKind::kRegular,
                   int32_t position = 0) {
  TableColumn result{
      .name = std::move(name), .type_name = std::move(type), .kind = kind, .position = position};
  result.type = cql_type_from_name(result.type_name);
  return result;
}

TableShape tail_shape() {
  TableShape shape;
  shape.keyspace = "logs";
  shape.table = "tracking";
  shape.columns = {column("bid", "decimal"),
                   column("bucket", "bigint", ColumnKind::kPartitionKey, 0),
                   column("create_time", "timeuuid", ColumnKind::kClustering, 0),
                   column("custom_track", "text"),
                   column("ed", "text"),
                   column("shard", "int", ColumnKind::kPartitionKey, 1),
                   column("ts", "timestamp")};
  return shape;
}

TableShape scan_shape() {
  TableShape shape;
  shape.keyspace = "logs";
  shape.table = "tracking";
  shape.columns = {column("create_time", "text", ColumnKind::kPartitionKey, 0),
                   column("custom_track", "text"), column("ts", "text")};
  return shape;
}

Error refused(TableShape shape) {
  const auto result = check_shape(shape);
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

TEST(TableShape, TailsTheRecommendedKey) {
  TableShape shape = tail_shape();
  ASSERT_TRUE(check_shape(shape));
  EXPECT_EQ(shape.strategy, Strategy::kTail);
  EXPECT_EQ(shape.key_text(), "PRIMARY KEY ((bucket, shard), create_time)");
}

TEST(TableShape, ScansTheKeyAsUsuallyDeployed) {
  TableShape shape = scan_shape();
  ASSERT_TRUE(check_shape(shape));
  EXPECT_EQ(shape.strategy, Strategy::kScan);
  EXPECT_EQ(shape.key_text(), "PRIMARY KEY (create_time)");
}

TEST(TableShape, ScansAnyOtherKeyAndSaysWhyItCannotBeTailed) {
  TableShape shape = scan_shape();
  EXPECT_TRUE(shape.id_is_whole_key());
  shape.columns.push_back(column("uid", "text", ColumnKind::kClustering, 0));
  ASSERT_TRUE(check_shape(shape));
  EXPECT_EQ(shape.strategy, Strategy::kScan);
  EXPECT_EQ(shape.no_tail, "it has PRIMARY KEY ((create_time), uid)");
  EXPECT_FALSE(shape.id_is_whole_key());
  EXPECT_TRUE(shape.is_key("uid"));
  EXPECT_FALSE(shape.is_key("ts"));
}

TEST(TableShape, NamesTheMissingColumn) {
  TableShape shape = tail_shape();
  std::erase_if(shape.columns, [](const TableColumn& c) { return c.name == "ts"; });
  EXPECT_TRUE(refused(shape).message.starts_with("no column ts; there is bid, bucket,"));
  shape = tail_shape();
  std::erase_if(shape.columns, [](const TableColumn& c) { return c.name == "create_time"; });
  EXPECT_TRUE(refused(shape).message.starts_with("no column create_time; there is bid,"));
}

TEST(TableShape, RefusesTypesThatCannotBeRead) {
  TableShape shape = tail_shape();
  shape.columns.push_back(column("job_id", "list<int>"));
  const Error error = refused(shape);
  EXPECT_EQ(error.subject, "logs.tracking column job_id");
  EXPECT_NE(error.message.find("list<int>"), std::string::npos);
}

TEST(TableShape, ScansWhereBucketOrShardAreOfOtherTypes) {
  TableShape shape = tail_shape();
  shape.columns[1] = column("bucket", "double", ColumnKind::kPartitionKey, 0);
  ASSERT_TRUE(check_shape(shape));
  EXPECT_EQ(shape.strategy, Strategy::kScan);
  EXPECT_NE(shape.no_tail->find("bucket has the type double"), std::string::npos);
  shape = tail_shape();
  shape.columns[5] = column("shard", "text", ColumnKind::kPartitionKey, 1);
  ASSERT_TRUE(check_shape(shape));
  EXPECT_NE(shape.no_tail->find("shard has the type text"), std::string::npos);
}

TEST(TableShape, SelectsOnlyColumnsThatExistAndPayloadOnlyWhenAsked) {
  const TableShape shape = tail_shape();
  EXPECT_EQ(shape.select_list(false), "\"create_time\", \"ts\", \"bid\", \"custom_track\"");
  EXPECT_EQ(shape.select_list(true), "\"create_time\", \"ts\", \"bid\", \"custom_track\", \"ed\"");
}

TEST(TableShape, KnowsColumnsByTheNamesThatWereSet) {
  TableShape shape = scan_shape();
  shape.columns[0].name = "event_id";
  shape.columns[2].name = "Created_At";
  shape.rules.names[static_cast<size_t>(Column::kCreateTime)] = "event_id";
  EXPECT_NE(refused(shape).hint.find("--columns ts=Created_At"), std::string::npos);
  shape.rules.names[static_cast<size_t>(Column::kTs)] = "Created_At";
  ASSERT_TRUE(check_shape(shape));
  EXPECT_EQ(shape.strategy, Strategy::kScan);
  EXPECT_EQ(shape.select_list(false), "\"event_id\", \"Created_At\", \"custom_track\"");
}

}  // namespace
}  // namespace hirestream
