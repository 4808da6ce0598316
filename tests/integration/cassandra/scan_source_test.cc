#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "adapters/cassandra/cassandra_schema.h"
#include "model/timestamp.h"
#include "ports/drain_sweep_test.h"
#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

class ScanSource : public CassandraFixture {
 protected:
  // A row a minute from 2022-07-16 19:33:20 on, and some without a usable ts.
  void write_rows(int64_t count) {
    std::vector<RawEvent> events;
    for (int64_t i = 0; i < count; ++i) {
      events.push_back(event_of(i, 60'000'000));
    }
    RawEvent without_ts = event_of(count, 60'000'000);
    without_ts[RawColumn::kTs].reset();
    events.push_back(without_ts);
    write(events);
  }
  // 2,000 of them, each in a partition of its own; the id alone is no key.
  void write_rows_of_a_longer_key() {
    execute(fmt::format(
        "CREATE TABLE {} (job_id text, ts text, create_time text, custom_track text, PRIMARY KEY "
        "((job_id), ts, create_time))",
        table()));
    std::vector<RawEvent> events;
    for (int64_t i = 0; i < 2'000; ++i) {
      events.push_back(event_of(i));
      events.back()[RawColumn::kJobId] = fmt::format("{}", i);
    }
    write(events);
  }
};

TEST_F(ScanSource, DescribesWhatItReads) {
  create_deployed_table();
  const auto opened = open();
  EXPECT_EQ(opened.source->description().strategy, Strategy::kScan);
  EXPECT_EQ(opened.source->description().shard_count, 1);
  EXPECT_EQ(opened.source->description().bucket_width.us(), 60'000'000);
  EXPECT_FALSE(opened.source->description().range_reads);
  EXPECT_FALSE(opened.source->description().slice_reads);
  EXPECT_TRUE(opened.source->description().ring_reads);
}

// Text tells one id in several ways.
TEST_F(ScanSource, PromisesUniqueRowsOnlyOfAKeyThatIsTheId) {
  create_deployed_table();
  EXPECT_FALSE(open().source->description().unique_rows);
  execute("DROP TABLE " + table());
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts timestamp, custom_track text)",
      table()));
  EXPECT_TRUE(open().source->description().unique_rows);
  execute("DROP TABLE " + table());
  create_recommended_table();
  const auto opened = open({.rules = {}, .with_payload = false, .strategy = Strategy::kScan});
  EXPECT_FALSE(opened.source->description().unique_rows);
}

TEST_F(ScanSource, ReadsNoOtherTableOfTheName) {
  create_deployed_table();
  const auto opened = open();
  EXPECT_EQ(read_all(*opened.source).delivered, 0U);
  execute("DROP TABLE " + table());
  create_deployed_table();
  const auto read = opened.source->sweep({.what = RingPart()});
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, ErrorKind::kConfig);
}

TEST_F(ScanSource, ReadsEveryRowOnceThroughSmallPages) {
  create_deployed_table();
  write_rows(5'000);
  CassandraConfig small_pages = config();
  small_pages.page_rows = 3;
  const auto opened = open({}, small_pages);
  const SeenRows seen = read_all(*opened.source);
  EXPECT_EQ(seen.rows.size(), 5'001U);
  EXPECT_EQ(seen.delivered, 5'001U);
}

// Two rows of one id are one row: which of them must not depend on who answers first.
TEST_F(ScanSource, DeliversRowsOfALongerKeyInTheOrderOfTheirTokens) {
  write_rows_of_a_longer_key();
  const auto order_of = [this](int32_t page_rows, RingPart part) {
    CassandraConfig pages = config();
    pages.page_rows = page_rows;
    const auto opened = open({}, pages);
    EXPECT_FALSE(opened.source->description().unique_rows);
    std::vector<RowId> order;
    EXPECT_TRUE(drain_sweep(*opened.source, {.what = part}, [&](const SweepPage& page) {
      for (size_t row = 0; row < page.rows.rows(); ++row) {
        order.push_back(page.rows.id(row));
      }
    }));
    return order;
  };
  const auto expected = order_of(5'000, {});
  ASSERT_EQ(expected.size(), 2'000U);
  EXPECT_EQ(order_of(1, {}), expected);
  auto parts = order_of(7, {.begin = 0, .end = kRingPlaces / 3, .event_times = {}});
  const auto rest = order_of(7, {.begin = kRingPlaces / 3, .end = kRingPlaces, .event_times = {}});
  parts.insert(parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(parts, expected);
}

// However long one of them takes, what lies behind it does not fill the memory.
TEST_F(ScanSource, ReadsNoMoreThanAFewRangesAheadInTheOrderOfTokens) {
  write_rows_of_a_longer_key();
  const auto opened = open();
  const auto sweep = opened.source->sweep({.what = RingPart{}});
  ASSERT_TRUE(sweep.has_value());
  const auto requests = [&] { return opened.source->statistics().requests; };
  int64_t before = -1;
  while (before != requests()) {
    before = requests();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  const int64_t parallel = config().parallel_reads;
  EXPECT_GE(requests(), parallel);
  EXPECT_LE(requests(), 2 * parallel + 8) << "besides what it asked of the table";
  size_t rows = 0;
  for (;;) {
    const auto page = (*sweep)->next();
    if (!page || !*page) {
      break;
    }
    rows += (*page)->rows.rows();
  }
  EXPECT_EQ(rows, 2'000U);
}

TEST_F(ScanSource, BoundsDatesAndSaysWhatItCannotBound) {
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts date, custom_track text)", table()));
  write({event_of(0)});
  const auto opened = open();
  EXPECT_THAT(opened.notes, testing::Not(testing::Contains(testing::HasSubstr("every scan"))));
  const EventTimes day{kFirstArrivalUs, kFirstArrivalUs + 1};
  EXPECT_EQ(sweep(*opened.source, {.what = RingPart{.event_times = day}}).delivered, 1U);
  execute("DROP TABLE " + table());
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts bigint, custom_track text)", table()));
  EXPECT_THAT(open().notes, testing::Contains(testing::HasSubstr("every scan reads all of it")));
}

TEST_F(ScanSource, BoundsTextTimesTwoDaysEarly) {
  create_deployed_table();
  write_rows(10'000);  // a week
  const auto opened = open();
  read_all(*opened.source);
  const int64_t from = parse_timestamp("2022-07-22 00:00:00")->us;
  const SeenRows seen = sweep(
      *opened.source, {.what = RingPart{.event_times = EventTimes{from, from + 3'600'000'000}}});
  const int64_t early = parse_timestamp("2022-07-20 00:00:00")->us;
  for (int64_t i = 0; i < 10'000; ++i) {
    const int64_t ts = kFirstArrivalUs + i * 60'000'000;
    EXPECT_EQ(seen.rows.contains(id_of(i, 60'000'000)), ts >= early) << i;
  }
  EXPECT_FALSE(seen.rows.contains(id_of(10'000, 60'000'000)))
      << "rows without ts: sweeps without event times";
}

// Numbers and texts with blanks before them sort below every date.
TEST_F(ScanSource, BoundsNoTextTimesThatDoNotSortAsTimes) {
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts text, custom_track text)", table()));
  const EventTimes day{kFirstArrivalUs, kFirstArrivalUs + 86'400'000'000};
  const auto bounded = [&day](uint64_t begin = 0, uint64_t end = kRingPlaces) {
    return SweepRequest{.what = RingPart{.begin = begin, .end = end, .event_times = day}};
  };
  const std::vector<std::string> texts = {format_timestamp_us(day.from_us),
                                          " " + format_timestamp_us(day.from_us),
                                          fmt::format("{}", day.from_us / 1'000'000), "1999-01-01"};
  std::vector<RawEvent> events;
  for (size_t i = 0; i < texts.size(); ++i) {
    events.push_back(event_of(static_cast<int64_t>(i)));
    events.back()[RawColumn::kTs] = texts[i];
  }
  write({events.front(), events.back()});
  const auto opened = open();
  EXPECT_EQ(sweep(*opened.source, bounded()).delivered, 2U) << "nothing is known yet";
  EXPECT_EQ(sweep(*opened.source, bounded()).delivered, 1U);
  EXPECT_EQ(sweep(*opened.source, bounded(0, kRingPlaces / 2)).delivered +
                sweep(*opened.source, bounded(kRingPlaces / 2, kRingPlaces)).delivered,
            1U)
      << "all of it is known";
  write({events[1], events[2]});
  EXPECT_EQ(read_all(*opened.source).delivered, 4U);
  EXPECT_EQ(sweep(*opened.source, bounded()).delivered, 4U);
  const auto again = open();
  EXPECT_EQ(sweep(*again.source, bounded(0, kRingPlaces / 2)).delivered +
                sweep(*again.source, bounded(kRingPlaces / 2, kRingPlaces)).delivered,
            4U);
}

TEST_F(ScanSource, BoundsNativeTimesExactly) {
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts timestamp, custom_track text)",
      table()));
  write_rows(2'000);
  const auto opened = open();
  const int64_t from = kFirstArrivalUs + 500LL * 60'000'000;
  const int64_t to = kFirstArrivalUs + 700LL * 60'000'000;
  const SeenRows seen =
      sweep(*opened.source, {.what = RingPart{.event_times = EventTimes{from, to}}});
  EXPECT_EQ(seen.rows.size(), 200U);
  EXPECT_TRUE(seen.rows.contains(id_of(500, 60'000'000)));
  EXPECT_FALSE(seen.rows.contains(id_of(700, 60'000'000)));
}

TEST_F(ScanSource, BoundsTimesInPartsOfTheRing) {
  execute(fmt::format(
      "CREATE TABLE {} (create_time timeuuid PRIMARY KEY, ts timestamp, custom_track text)",
      table()));
  write_rows(2'000);
  const auto opened = open();
  const EventTimes times{kFirstArrivalUs, kFirstArrivalUs + 1'000LL * 60'000'000};
  size_t delivered = 0;
  for (const uint64_t third : {0U, 1U, 2U}) {
    delivered += sweep(*opened.source, {.what = RingPart{.begin = kRingPlaces * third / 3,
                                                         .end = kRingPlaces * (third + 1) / 3,
                                                         .event_times = times}})
                     .delivered;
  }
  EXPECT_EQ(delivered, 1'000U);
}

// A small part of the ring costs few requests, but not so few that they cannot go side by side.
TEST_F(ScanSource, AsksForAPartOfTheRingInItsShareOfTheRanges) {
  create_deployed_table();
  const auto opened = open();
  const auto requests_of = [&](uint64_t places) {
    const int64_t before = opened.source->statistics().requests;
    sweep(*opened.source, {.what = RingPart{.end = places, .event_times = {}}});
    return opened.source->statistics().requests - before;
  };
  const int64_t whole = requests_of(kRingPlaces);
  const int64_t part = requests_of(kRingPlaces / 16);
  EXPECT_GE(whole, 64);
  EXPECT_LT(part, whole / 2);
  EXPECT_GE(part, config().parallel_reads);
}

TEST_F(ScanSource, ReadsAtTheStrongestLevel) {
  create_deployed_table();
  write_rows(100);
  const auto opened = open();
  const SeenRows seen = sweep(*opened.source, {.what = RingPart(), .level = ReadLevel::kStrongest});
  EXPECT_EQ(seen.rows.size(), 101U);
}

TEST_F(ScanSource, ScansAnEmptyTable) {
  create_deployed_table();
  EXPECT_TRUE(read_all(*open().source).rows.empty());
}

TEST_F(ScanSource, ReadsPayloadOnlyWhenAsked) {
  create_deployed_table();
  RawEvent event = event_of(0);
  event[RawColumn::kEd] = R"({"jobId":"188"})";
  write({event});
  EXPECT_FALSE(read_all(*open().source).rows.at(id_of(0)).cells.contains("ed"));
  const auto opened = open({.rules = {}, .with_payload = true, .strategy = {}});
  EXPECT_EQ(read_all(*opened.source).rows.at(id_of(0)).cells.at("ed"), R"({"jobId":"188"})");
}

TEST_F(ScanSource, TakesTextTimesInTheSourcesZone) {
  create_deployed_table();
  RawEvent event = event_of(0);
  event[RawColumn::kTs] = "2022-07-16 21:33:20";
  write({event});
  auto zone = TimeZone::find("Europe/Berlin");
  ASSERT_TRUE(zone);
  const auto opened =
      open({.rules = {.source_zone = *zone}, .with_payload = false, .strategy = {}});
  EXPECT_EQ(read_all(*opened.source).rows.at(id_of(0)).cells.at("ts"), "1658000000000000");
}

}  // namespace
}  // namespace hirestream
