// What people get wrong, and what fails: errors name it, and come in time.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/drain_sweep_test.h"
#include "tests/integration/cassandra/cassandra_fixture.h"
#include "tests/integration/cassandra/loopback_listener.h"

namespace hirestream {
namespace {

using ::testing::HasSubstr;

class Errors : public CassandraFixture {
 protected:
  Error open_error(const CassandraConfig& wrong) {
    const auto opened = open_cassandra_source(wrong, {});
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
};

TEST_F(Errors, NamesTheMissingTableAndThoseThatExist) {
  create_deployed_table();
  CassandraConfig wrong = config();
  wrong.table = "trackign";
  const Error error = open_error(wrong);
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_EQ(error.subject, config().keyspace + ".trackign");
  EXPECT_THAT(error.hint, HasSubstr(config().table));
}

TEST_F(Errors, NamesTheMissingKeyspace) {
  CassandraConfig wrong = config();
  wrong.keyspace = "no_such_keyspace";
  const Error error = open_error(wrong);
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_THAT(error.message, HasSubstr("keyspace no_such_keyspace does not exist"));
}

TEST_F(Errors, NamesTheColumnOfAWrongType) {
  execute(
      fmt::format("CREATE TABLE {} (create_time text PRIMARY KEY, ts text, custom_track text, "
                  "job_id list<int>)",
                  table()));
  const Error error = open_error(config());
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_THAT(error.subject, HasSubstr("column job_id"));
  EXPECT_THAT(error.message, HasSubstr("list<int>"));
}

TEST_F(Errors, NamesTheMissingTs) {
  execute(
      fmt::format("CREATE TABLE {} (create_time text PRIMARY KEY, custom_track text)", table()));
  EXPECT_THAT(open_error(config()).message, HasSubstr("no column ts"));
}

TEST_F(Errors, RefusesToTailATableWithoutBuckets) {
  create_deployed_table();
  const auto opened = open_cassandra_source(
      config(), {.rules = {}, .with_payload = false, .strategy = Strategy::kTail});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(opened.error().message, HasSubstr("PRIMARY KEY (create_time)"));
}

TEST_F(Errors, SaysThatNobodyListensThere) {
  CassandraConfig wrong = config();
  wrong.hosts = {"127.0.0.1:1"};
  wrong.connect_timeout = std::chrono::seconds(2);
  const Stopwatch stopwatch;
  const Error error = open_error(wrong);
  EXPECT_LT(stopwatch.elapsed(), std::chrono::seconds(4));
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_EQ(error.subject, "127.0.0.1:1");
  EXPECT_THAT(error.hint, HasSubstr("check that Cassandra runs there"));
  EXPECT_THAT(error.message, HasSubstr("(driver code -2)"));
}

TEST_F(Errors, SaysThatTheHostIsUnknown) {
  CassandraConfig wrong = config();
  wrong.hosts = {"no-such-host.invalid:9042"};
  wrong.connect_timeout = std::chrono::seconds(2);
  const Stopwatch stopwatch;
  const Error error = open_error(wrong);
  EXPECT_LT(stopwatch.elapsed(), std::chrono::seconds(4));
  EXPECT_EQ(error.subject, "no-such-host.invalid:9042");
}

TEST_F(Errors, DoesNotWaitForAServerThatStaysSilent) {
  const LoopbackListener silent;  // its backlog accepts connections, nobody answers
  CassandraConfig wrong = config();
  wrong.hosts = {fmt::format("127.0.0.1:{}", silent.port())};
  wrong.connect_timeout = std::chrono::seconds(1);
  const Stopwatch stopwatch;
  EXPECT_EQ(open_error(wrong).kind, ErrorKind::kTransient);
  EXPECT_LT(stopwatch.elapsed(), std::chrono::seconds(3));
}

TEST_F(Errors, NamesUnreadableCertificates) {
  CassandraConfig wrong = config();
  wrong.tls = true;
  wrong.tls_ca = "/nonexistent/ca.pem";
  const Error error = open_error(wrong);
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_THAT(error.hint, HasSubstr("tls_ca"));
}

TEST_F(Errors, GivesUpOnAConsistencyThatCannotBeReached) {
  create_deployed_table();
  CassandraConfig wrong = config();
  wrong.consistency = Consistency::kThree;  // of one replica
  wrong.retries = 1;
  const auto opened = open({}, wrong);
  const auto result = drain_sweep(*opened.source, {.what = RingPart()}, [](const SweepPage&) {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kTransient);
  // Operation, host and code.
  EXPECT_THAT(result.error().text(),
              testing::StartsWith(fmt::format("read {} at {}: ", table(), config().hosts_text())));
  EXPECT_THAT(result.error().message, HasSubstr("0x1000"));
  EXPECT_GE(opened.source->statistics().retries, 1);
}

// Both strategies, by slices and by the ring.
TEST_F(Errors, LeaveTheSourceUsable) {
  create_recommended_table();
  write({event_of(0), event_of(1), event_of(2)});
  CassandraConfig wrong = config();
  wrong.strongest_consistency = Consistency::kThree;  // of one replica
  wrong.retries = 0;
  for (const Strategy strategy : {Strategy::kTail, Strategy::kScan}) {
    const auto opened = open({.rules = {}, .with_payload = false, .strategy = strategy}, wrong);
    std::vector<SweepRequest> requests = {{.what = RingPart()}};
    if (strategy == Strategy::kTail) {
      requests.push_back({.what = all_slices(*opened.source)});
    }
    for (SweepRequest& request : requests) {
      request.level = ReadLevel::kStrongest;
      EXPECT_FALSE(drain_sweep(*opened.source, request, [](const SweepPage&) {}));
      request.level = ReadLevel::kConfigured;
      EXPECT_EQ(sweep(*opened.source, request).delivered, 3U);
    }
  }
}

TEST_F(Errors, SaysThatTheTableIsGone) {
  create_deployed_table();
  const auto opened = open();
  execute("DROP TABLE " + table());
  const auto result = drain_sweep(*opened.source, {.what = RingPart()}, [](const SweepPage&) {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kConfig) << result.error().text();
  EXPECT_TRUE(result.error().may_pass) << "it is being replaced, perhaps";
  EXPECT_THAT(result.error().text(), HasSubstr(config().hosts_text()));
  EXPECT_THAT(result.error().text(), HasSubstr("(server code 0x"));
}

}  // namespace
}  // namespace hirestream
