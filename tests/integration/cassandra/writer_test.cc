#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Writer : public CassandraFixture {
 protected:
  Error refused(const RawEvent& event) {
    auto writer = CassandraWriter::open(config(), TimeZone());
    EXPECT_TRUE(writer) << writer.error().text();
    const std::vector<RawEvent> events = {event_of(1), event};
    const auto result = (*writer)->write(events);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
};

TEST_F(Writer, LetsTheLaterOfTwoWritesWin) {
  for (const bool partitioned : {true, false}) {
    execute("DROP TABLE IF EXISTS " + table());
    partitioned ? create_recommended_table() : create_deployed_table();
    std::vector<RawEvent> events;
    for (int round = 0; round < 40; ++round) {
      for (int64_t i = 0; i < 20; ++i) {
        events.push_back(event_of(i));
        events.back()[RawColumn::kJobId] = fmt::format("{}", round);
      }
    }
    write(events);
    const SeenRows seen = read_all(*open().source);
    ASSERT_EQ(seen.rows.size(), 20U);
    for (const auto& [id, row] : seen.rows) {
      EXPECT_EQ(row.cells.at("job_id"), "39");
    }
  }
}

TEST_F(Writer, LeavesNullsUnset) {
  create_deployed_table();
  write({event_of(0)});
  RawEvent sparse;
  sparse[RawColumn::kCreateTime] = format_uuid(id_of(0));
  write({sparse});
  // A bound null would be a tombstone and hide the first write's value.
  EXPECT_EQ(read_all(*open().source).rows.at(id_of(0)).cells.at("job_id"), "100");
}

TEST_F(Writer, NamesRowColumnAndValueItCannotWrite) {
  create_recommended_table();
  RawEvent event = event_of(2);
  event[RawColumn::kJobId] = "many";
  const Error error = refused(event);
  EXPECT_EQ(error.kind, ErrorKind::kRejected);
  EXPECT_THAT(error.message, HasSubstr(format_uuid(id_of(2))));
  EXPECT_THAT(error.message, HasSubstr("column job_id: 'many' is no integer"));
}

TEST_F(Writer, RefusesRowsWithoutAnArrivalTime) {
  create_recommended_table();
  RawEvent event = event_of(2);
  event[RawColumn::kCreateTime] = "f3a1c2d0-0000-41ed-8000-000000000001";
  EXPECT_THAT(refused(event).message, HasSubstr("is no version-1 UUID"));
  event[RawColumn::kCreateTime].reset();
  EXPECT_THAT(refused(event).message, HasSubstr("no create_time"));
}

TEST_F(Writer, SaysWhichColumnsTheTableDoesNotHave) {
  execute(fmt::format("CREATE TABLE {} (create_time text PRIMARY KEY, ts text, custom_track text)",
                      table()));
  auto writer = CassandraWriter::open(config(), TimeZone());
  ASSERT_TRUE(writer) << writer.error().text();
  EXPECT_THAT((*writer)->notes(), Contains(HasSubstr("job_id")));
  const std::vector<RawEvent> events = {event_of(0)};
  EXPECT_TRUE((*writer)->write(events));
}

TEST_F(Writer, WritesLargeRowsInSmallBatches) {
  create_recommended_table();
  std::vector<RawEvent> events;
  for (int64_t i = 0; i < 300; ++i) {
    events.push_back(event_of(i));
    events.back()[RawColumn::kUa] = std::string(20'000, 'u');
  }
  write(events);
  EXPECT_EQ(read_all(*open().source).rows.size(), 300U);
}

}  // namespace
}  // namespace hirestream
