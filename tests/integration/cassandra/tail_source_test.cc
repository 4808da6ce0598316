#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "adapters/cassandra/cassandra_schema.h"
#include "adapters/cassandra/partition_layout.h"
#include "ports/drain_sweep_test.h"
#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TailSource : public CassandraFixture {
 protected:
  std::vector<RawEvent> events(int64_t count, int64_t step_us) {
    std::vector<RawEvent> result;
    for (int64_t i = 0; i < count; ++i) {
      result.push_back(event_of(i, step_us));
    }
    return result;
  }
  static SliceKey slice_of(const RowId& id) {
    return {shard_of(id, 8), bucket_of(arrival_time_us(id), 60)};
  }
};

TEST_F(TailSource, DescribesWhatItReads) {
  create_recommended_table();
  const auto opened = open();
  const SourceDescription& description = opened.source->description();
  EXPECT_EQ(description.strategy, Strategy::kTail);
  EXPECT_EQ(description.kind, "cassandra");
  EXPECT_EQ(description.shard_count, 8);
  EXPECT_EQ(description.bucket_width.us(), 60'000'000);
  EXPECT_TRUE(description.range_reads);
  EXPECT_THAT(description.identity, HasSubstr(opened.shape.table_id));
  EXPECT_THAT(description.identity, HasSubstr(opened.shape.cluster_name));
  EXPECT_THAT(opened.notes, IsEmpty());
}

TEST_F(TailSource, GivesATableCreatedAgainAnotherIdentity) {
  create_recommended_table();
  const auto before = open();
  EXPECT_TRUE(before.source->begin_discovery({}).has_value());
  execute("DROP TABLE " + table());
  create_recommended_table();
  EXPECT_NE(open().source->description().identity, before.source->description().identity);
  const auto anew = before.source->begin_discovery({});
  ASSERT_FALSE(anew.has_value());
  EXPECT_EQ(anew.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(anew.error().text(), HasSubstr("made anew"));
}

TEST_F(TailSource, ReadsAllRowsThroughSmallPages) {
  create_recommended_table();
  write(events(3'000, 1'000));
  CassandraConfig small_pages = config();
  small_pages.page_rows = 7;
  const auto opened = open({}, small_pages);
  const SeenRows seen = read_all(*opened.source);
  EXPECT_EQ(seen.rows.size(), 3'000U);
  EXPECT_EQ(seen.delivered, 3'000U);
  EXPECT_GE(seen.pages, 3'000U / 7);
  const ReadStatistics statistics = opened.source->statistics();
  EXPECT_GE(statistics.rows, 3'000);
  EXPECT_GE(statistics.requests, 3'000 / 7);
  EXPECT_GT(statistics.bytes, 3'000 * 16);
}

TEST_F(TailSource, NamesEachRowsSliceInEveryWayOfReading) {
  create_recommended_table();
  write(events(500, 1'000'000));
  auto opened = open();
  std::vector<SliceRead> reads;
  for (const SliceRead& whole : all_slices(*opened.source)) {
    reads.push_back(whole);
    // The same again, by the other statement.
    reads.push_back({whole.slice, Position{0}});
  }
  for (const ReadLevel level : {ReadLevel::kConfigured, ReadLevel::kStrongest}) {
    const SeenRows seen = sweep(*opened.source, {.what = reads, .level = level});
    EXPECT_EQ(seen.delivered, 1'000U);
    EXPECT_EQ(seen.rows.size(), 500U);
    for (const auto& [id, row] : seen.rows) {
      EXPECT_EQ(row.slice, slice_of(id));
    }
  }
}

TEST_F(TailSource, ReadsFromAPositionOn) {
  for (const TableTypes types : {TableTypes::kNative, TableTypes::kText}) {
    execute("DROP TABLE IF EXISTS " + table());
    execute_all(recommended_schema_statements(config().keyspace, config().table, {}, types));
    write(events(1'000, 1'000));
    auto opened = open();
    std::vector<SliceRead> reads;
    const int64_t from = kFirstArrivalUs + 600 * 1'000;
    for (int32_t shard = 0; shard < 8; ++shard) {
      reads.push_back({{shard, bucket_of(from, 60)}, Position{from}});
    }
    const SeenRows seen = sweep(*opened.source, {.what = reads});
    // The rows' bucket begins with the series and ends after it.
    ASSERT_EQ(bucket_of(kFirstArrivalUs, 60), bucket_of(kFirstArrivalUs + 1'000'000, 60));
    EXPECT_EQ(opened.source->description().range_reads, types == TableTypes::kNative);
    EXPECT_EQ(seen.rows.size(), types == TableTypes::kNative ? 400U : 1'000U);
    for (int64_t i = 600; i < 1'000; ++i) {
      EXPECT_TRUE(seen.rows.contains(id_of(i)));
    }
  }
}

TEST_F(TailSource, ReadsUuidColumnsFromAPositionOn) {
  execute("CREATE TABLE " + table() +
          " (bucket bigint, shard int, create_time uuid, ts timestamp, custom_track text, "
          "PRIMARY KEY ((bucket, shard), create_time))");
  write(events(100, 1'000));
  auto opened = open();
  EXPECT_THAT(opened.notes, ::testing::Contains(HasSubstr("taking 60 s buckets and 8 shards")));
  const int64_t from = kFirstArrivalUs + 50 * 1'000;
  std::vector<SliceRead> reads;
  for (int32_t shard = 0; shard < 8; ++shard) {
    reads.push_back({{shard, bucket_of(from, 60)}, Position{from}});
  }
  const SeenRows seen = sweep(*opened.source, {.what = reads});
  EXPECT_EQ(seen.rows.size(), 50U);
}

TEST_F(TailSource, DiscoversSlicesOfTheShardsAskedFor) {
  create_recommended_table();
  const auto written = events(1'000, 1'000'000);
  write(written);
  std::set<SliceKey> expected;
  for (int64_t i = 0; i < 1'000; ++i) {
    expected.insert(slice_of(id_of(i, 1'000'000)));
  }
  auto opened = open();
  const auto all = opened.source->discover(all_shards(*opened.source));
  ASSERT_TRUE(all) << all.error().text();
  std::vector<SliceKey> keys;
  for (const SliceListing& slice : *all) {
    keys.push_back(slice.key);
  }
  EXPECT_EQ(keys, std::vector<SliceKey>(expected.begin(), expected.end()));

  const std::vector<int32_t> two = {1, 5};
  const auto some = opened.source->discover(two);
  ASSERT_TRUE(some);
  EXPECT_FALSE(some->empty());
  EXPECT_LT(some->size(), all->size());
  for (const SliceListing& slice : *some) {
    EXPECT_TRUE(slice.key.shard == 1 || slice.key.shard == 5);
  }
}

TEST_F(TailSource, RefusesPartitionsThatTheLayoutDoesNotKnow) {
  create_recommended_table();
  execute(fmt::format("INSERT INTO {} (bucket, shard, create_time) VALUES (1, 9, now())", table()));
  auto opened = open();
  const auto slices = opened.source->discover(all_shards(*opened.source));
  ASSERT_FALSE(slices);
  EXPECT_EQ(slices.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(slices.error().message, HasSubstr("shard 9 in bucket 1"));
}

TEST_F(TailSource, TakesTheLayoutFromItsTable) {
  execute_all(recommended_schema_statements(config().keyspace, config().table, {},
                                            TableTypes::kNative, {300, 3}));
  write(events(200, 1'000'000));
  auto opened = open();
  EXPECT_EQ(opened.source->description().bucket_width.us(), 300'000'000);
  EXPECT_EQ(opened.source->description().shard_count, 3);
  EXPECT_EQ(*opened.source->newest_bucket(kFirstArrivalUs), kFirstArrivalUs / 300'000'000);
  EXPECT_EQ(read_all(*opened.source).rows.size(), 200U);
}

// The shards of a table may become more; rows before and after are all found.
TEST_F(TailSource, ReadsATableWhoseShardsHaveBecomeMore) {
  execute_all(recommended_schema_statements(config().keyspace, config().table, {},
                                            TableTypes::kNative, {60, 2}));
  write(events(100, 1'000'000));
  const int64_t switch_us = kFirstArrivalUs + 100 * 1'000'000;
  execute(
      fmt::format("INSERT INTO {}_layout (from_bucket_time, bucket_width_s, shard_count) VALUES "
                  "({}, 60, 7)",
                  table(), switch_us / 1000));
  write(events(300, 1'000'000));  // the first 100 again, 200 under the new layout
  auto opened = open();
  EXPECT_EQ(opened.source->description().shard_count, 7);
  EXPECT_EQ(read_all(*opened.source).rows.size(), 300U);
  std::set<int32_t> shards_before;
  std::set<int32_t> shards_after;
  const auto listings = opened.source->discover(std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6});
  ASSERT_TRUE(listings.has_value());
  for (const SliceListing& slice : *listings) {
    (slice.key.bucket * 60'000'000 + 60'000'000 <= switch_us ? shards_before : shards_after)
        .insert(slice.key.shard);
  }
  EXPECT_LE(*shards_before.rbegin(), 1);
  EXPECT_GT(*shards_after.rbegin(), 1);
}

TEST_F(TailSource, RefusesALayoutWhoseWidthChanges) {
  create_recommended_table();
  execute(
      fmt::format("INSERT INTO {}_layout (from_bucket_time, bucket_width_s, shard_count) VALUES "
                  "('2030-01-01', 300, 16)",
                  table()));
  const auto opened = open_cassandra_source(config(), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(opened.error().message, HasSubstr("from 2030-01-01"));
  EXPECT_THAT(opened.error().message, HasSubstr("is 300, was 60"));
}

TEST_F(TailSource, SeesRowsOfPreparedStatementsAfterTheyWereWritten) {
  create_recommended_table();
  auto opened = open();
  EXPECT_THAT(read_all(*opened.source).rows, IsEmpty());
  write(events(10, 1'000));
  EXPECT_EQ(read_all(*opened.source).rows.size(), 10U);
  execute(fmt::format("TRUNCATE {}", table()));
  EXPECT_THAT(read_all(*opened.source).rows, IsEmpty());
}

TEST_F(TailSource, ReadsTheRingInPartsEachRowOnceWithItsSlice) {
  create_recommended_table();
  write(events(2'000, 500'000));
  CassandraConfig small_pages = config();
  small_pages.page_rows = 11;
  const auto opened = open({}, small_pages);
  ASSERT_TRUE(opened.source->description().ring_reads);
  SeenRows seen;
  const std::vector<uint64_t> cuts = {
      0, 1, kRingPlaces / 3, kRingPlaces / 2, kRingPlaces - 1, kRingPlaces};
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const RingPart part{.begin = cuts[i], .end = cuts[i + 1], .event_times = {}};
    const auto swept =
        drain_sweep(*opened.source, {.what = part}, [&](const SweepPage& page) { seen.add(page); });
    ASSERT_TRUE(swept) << swept.error().text();
  }
  EXPECT_EQ(seen.delivered, 2'000U);
  EXPECT_EQ(seen.rows.size(), 2'000U);
  for (const auto& [id, row] : seen.rows) {
    EXPECT_EQ(row.slice, slice_of(id));
  }
}

// The server's pages hold many small partitions: each comes as a page of its own, whole.
TEST_F(TailSource, CutsThePagesOfTheRingIntoSlices) {
  create_recommended_table();
  write(events(600, 30'000'000));
  const auto opened = open();
  const SeenRows seen = sweep(*opened.source, {.what = RingPart()});
  EXPECT_EQ(seen.delivered, 600U);
  EXPECT_EQ(seen.pages, all_slices(*opened.source).size());
}

TEST_F(TailSource, StopsReadingWhenASweepIsEndedEarly) {
  create_recommended_table();
  write(events(20'000, 1'000));
  CassandraConfig small_pages = config();
  small_pages.page_rows = 2;
  auto opened = open({}, small_pages);
  const auto slices = all_slices(*opened.source);
  for (const SweepRequest& request :
       {SweepRequest{.what = slices}, SweepRequest{.what = RingPart()}}) {
    const int64_t requests_before = opened.source->statistics().requests;
    const Stopwatch stopwatch;
    {
      const auto ended = opened.source->sweep(request);
      ASSERT_TRUE(ended) << ended.error().text();
      ASSERT_TRUE((*ended)->next());
    }
    EXPECT_LT(stopwatch.elapsed(), std::chrono::seconds(3));
    EXPECT_LT(opened.source->statistics().requests - requests_before, 2'000)
        << "10,000 pages were not all fetched";
  }
}

}  // namespace
}  // namespace hirestream
