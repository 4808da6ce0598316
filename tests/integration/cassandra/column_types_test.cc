// Every type that a column can have in somebody's deployment, through the writer and both sources,
// with every pattern of nulls.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

struct TypesCase {
  bool partitioned;
  const char* create_time;
  const char* ts;
  size_t number;  // picks the other columns' types in turn
};

constexpr std::array kIdTypes = {"bigint", "int", "smallint", "tinyint", "varint", "text"};
constexpr std::array kBidTypes = {"decimal", "text",   "int",   "bigint", "smallint",
                                  "tinyint", "varint", "float", "double"};
constexpr std::array kBucketTypes = {"bigint", "int", "timestamp", "text"};
constexpr std::array kShardTypes = {"int", "smallint"};

std::string ddl(const std::string& table, const TypesCase& types) {
  const size_t n = types.number;
  const std::string key =
      types.partitioned
          ? fmt::format("bucket {}, shard {}, PRIMARY KEY ((bucket, shard), create_time)",
                        kBucketTypes[n % kBucketTypes.size()], kShardTypes[n % kShardTypes.size()])
          : "PRIMARY KEY (create_time)";
  const auto id_type = [&](size_t column) { return kIdTypes[(n + column) % kIdTypes.size()]; };
  return fmt::format(
      "CREATE TABLE {} (create_time {}, ts {}, job_id {}, publisher_id {}, campaign_id {}, "
      "group_id "
      "{}, bid {}, custom_track text, ev {}, ed ascii, {})",
      table, types.create_time, types.ts, id_type(0), id_type(1), id_type(2), id_type(3),
      kBidTypes[n % kBidTypes.size()], id_type(4), key);
}

bool bid_may_have_fraction(const TypesCase& types) {
  const std::string_view type = kBidTypes[types.number % kBidTypes.size()];
  return type == "decimal" || type == "text" || type == "float" || type == "double";
}

struct Cell {
  RawColumn column;
  std::string written;
  std::string name;
  std::string read;
};

std::vector<Cell> cells_of(const TypesCase& types) {
  const bool fraction = bid_may_have_fraction(types);
  return {{RawColumn::kTs, "2022-07-16 19:33:20.125", "ts", "1658000000125000"},
          {RawColumn::kJobId, "101", "job_id", "101"},
          {RawColumn::kPublisherId, "-3", "publisher_id", "-3"},
          {RawColumn::kCampaignId, "7", "campaign_id", "7"},
          {RawColumn::kGroupId, "9", "group_id", "9"},
          {RawColumn::kBid, fraction ? "1.4" : "7", "bid", fraction ? "1400000" : "7000000"},
          {RawColumn::kCustomTrack, "click", "custom_track", "click"},
          {RawColumn::kEv, "1", "ev", "1"},
          {RawColumn::kEd, R"({"jobId":"188"})", "ed", R"({"jobId":"188"})"}};
}

class ColumnTypes : public CassandraFixture, public ::testing::WithParamInterface<TypesCase> {};

TEST_P(ColumnTypes, RoundTripWithEveryPatternOfNulls) {
  const TypesCase& types = GetParam();
  execute(ddl(table(), types));
  const auto cells = cells_of(types);
  const size_t patterns = size_t{1} << cells.size();
  std::vector<RawEvent> events(patterns);
  for (size_t pattern = 0; pattern < patterns; ++pattern) {
    // Half a second apart: several buckets.
    events[pattern][RawColumn::kCreateTime] =
        format_uuid(id_of(static_cast<int64_t>(pattern), 500'000));
    for (size_t i = 0; i < cells.size(); ++i) {
      if ((pattern >> i & 1) != 0) {
        events[pattern][cells[i].column] = cells[i].written;
      }
    }
  }
  write(events);

  std::vector<Strategy> strategies = {Strategy::kScan};
  if (types.partitioned) {
    strategies.push_back(Strategy::kTail);
  }
  for (const Strategy strategy : strategies) {
    SCOPED_TRACE(strategy_name(strategy));
    auto opened = open({.rules = {}, .with_payload = true, .strategy = strategy});
    ASSERT_TRUE(opened.source);
    const SeenRows seen = read_all(*opened.source);
    ASSERT_EQ(seen.rows.size(), patterns);
    for (size_t pattern = 0; pattern < patterns; ++pattern) {
      const auto found = seen.rows.find(id_of(static_cast<int64_t>(pattern), 500'000));
      ASSERT_NE(found, seen.rows.end());
      std::map<std::string, std::string> expected;
      for (size_t i = 0; i < cells.size(); ++i) {
        if ((pattern >> i & 1) != 0) {
          expected[cells[i].name] = cells[i].read;
        }
      }
      EXPECT_EQ(found->second.cells, expected);
      EXPECT_EQ(found->second.position.value,
                kFirstArrivalUs + static_cast<int64_t>(pattern) * 500'000);
    }
  }
}

std::vector<TypesCase> all_cases() {
  std::vector<TypesCase> cases;
  for (const bool partitioned : {true, false}) {
    for (const char* create_time : {"timeuuid", "uuid", "text"}) {
      for (const char* ts : {"timestamp", "text"}) {
        cases.push_back({partitioned, create_time, ts, cases.size()});
      }
    }
  }
  return cases;
}

std::string name_of(const ::testing::TestParamInfo<TypesCase>& test) {
  return fmt::format("{}_{}_{}", test.param.partitioned ? "partitioned" : "single_key",
                     test.param.create_time, test.param.ts);
}

INSTANTIATE_TEST_SUITE_P(All, ColumnTypes, ::testing::ValuesIn(all_cases()), name_of);

}  // namespace
}  // namespace hirestream
