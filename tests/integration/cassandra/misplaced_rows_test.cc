#include "adapters/cassandra/misplaced_rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/row_id.h"
#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

class MisplacedRowsOnServer : public CassandraFixture {
 protected:
  static constexpr int64_t kMinute = 28'500'000;  // since 1970

  static RowId id_of(uint16_t number) {
    return make_version_1(kMinute * 60 * 10'000'000, number, 1);
  }
  void put(const RowId& id, int64_t bucket, int32_t shard) {
    execute(fmt::format("INSERT INTO {} (bucket, shard, create_time) VALUES ({}, {}, {})", table(),
                        bucket, shard, format_uuid(id)));
  }
  MisplacedRows look() {
    const auto connection = CassandraConnection::open(config()).value();
    const TableShape shape = introspect_table(*connection, {}).value();
    const auto found = sample_misplaced_rows(config(), shape);
    EXPECT_TRUE(found) << found.error().text();
    return found.value_or(MisplacedRows{});
  }
};

TEST_F(MisplacedRowsOnServer, FindsNoneOfItsOwnWriters) {
  create_recommended_table();
  for (uint16_t number = 0; number < 50; ++number) {
    put(id_of(number), kMinute, shard_of(id_of(number), 8));
  }
  const MisplacedRows found = look();
  EXPECT_EQ(found.sampled, 50);
  EXPECT_TRUE(misplaced_rows_advice(found, "t").empty());
}

TEST_F(MisplacedRowsOnServer, FindsEachKind) {
  create_recommended_table();
  const RowId right = id_of(1);
  put(right, kMinute, shard_of(right, 8));
  put(right, kMinute, (shard_of(right, 8) + 1) % 8);
  put(id_of(2), kMinute + 1, shard_of(id_of(2), 8));
  put(id_of(3), kMinute, 8);
  const MisplacedRows found = look();
  EXPECT_EQ(found.sampled, 4);
  EXPECT_EQ(found.in_wrong_bucket, 1);
  EXPECT_EQ(found.in_unread_shard, 1);
  EXPECT_EQ(found.in_two_shards, 2);  // each of the two was met
  EXPECT_EQ(found.of_other_shards, 2);
}

}  // namespace
}  // namespace hirestream
