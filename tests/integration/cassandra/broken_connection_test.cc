#include <gtest/gtest.h>

#include "tests/integration/cassandra/cassandra_fixture.h"
#include "tests/integration/cassandra/flaky_proxy.h"

namespace hirestream {
namespace {

class BrokenConnection : public CassandraFixture {
 protected:
  static std::vector<RawEvent> events(int64_t count) {
    std::vector<RawEvent> result;
    for (int64_t i = 0; i < count; ++i) {
      result.push_back(event_of(i));
    }
    return result;
  }
};

TEST_F(BrokenConnection, IsSurvivedByReads) {
  create_deployed_table();
  write(events(20'000));
  FlakyProxy proxy(server(), 300'000, 3);
  CassandraConfig through_proxy = config();
  through_proxy.hosts = {proxy.address()};
  through_proxy.page_rows = 50;
  through_proxy.retries = 10;
  const auto opened = open({}, through_proxy);
  ASSERT_TRUE(opened.source);
  const SeenRows seen = read_all(*opened.source);
  EXPECT_EQ(seen.rows.size(), 20'000U);
  EXPECT_EQ(seen.delivered, 20'000U) << "a repeated page delivers nothing twice";
  EXPECT_LE(proxy.cuts_left(), 0);
  EXPECT_GT(opened.source->statistics().retries, 0);
}

TEST_F(BrokenConnection, IsSurvivedByWrites) {
  create_deployed_table();
  FlakyProxy proxy(server(), 100'000, 2);
  CassandraConfig through_proxy = config();
  through_proxy.hosts = {proxy.address()};
  through_proxy.retries = 10;
  auto writer = CassandraWriter::open(through_proxy, TimeZone());
  ASSERT_TRUE(writer) << writer.error().text();
  const auto written = (*writer)->write(events(30'000));
  ASSERT_TRUE(written) << written.error().text();
  EXPECT_LE(proxy.cuts_left(), 0);
  EXPECT_EQ(read_all(*open().source).rows.size(), 30'000U);
}

}  // namespace
}  // namespace hirestream
