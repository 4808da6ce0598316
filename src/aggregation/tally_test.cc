#include "aggregation/tally.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "aggregation/allocation_counter_test.h"
#include "aggregation/contribution_codec.h"
#include "aggregation/row_spec_test.h"

namespace hirestream {
namespace {

// Every class and kind, several cells, one arrival each.
std::vector<RowSpec> mixed_rows(int count) {
  const std::vector<std::string> tracks = {"click",       "",     "conversion", "qualified",
                                           "unqualified", "alive"};
  std::vector<RowSpec> rows;
  for (int i = 0; i < count; ++i) {
    RowSpec row;
    const auto n = static_cast<size_t>(i);
    row.id = id_at(kArrivalUs + i);
    row.ts_us = kArrivalUs - int64_t{i % 5} * 3'600'000'000;
    row.custom_track = tracks[n % tracks.size()];
    row.ev = row.custom_track.empty() ? "1" : "";
    row.job_id = i % 7 + 1;
    row.bid_micros = i * 1000;
    if (i % 11 == 0) {
      row.job_id.reset();
    }
    if (i % 13 == 0) {
      row.ts_us.reset();
    }
    rows.push_back(row);
  }
  return rows;
}

TrackingBatch batch_of(const std::vector<RowSpec>& rows) {
  TrackingBatch batch;
  for (const RowSpec& row : rows) {
    append_row(batch, row);
  }
  return batch;
}

Tally tally_of(const TrackingBatch& batch, CountingOptions options = {}) {
  RowClassifier classifier(std::move(options));
  Tally tally;
  tally.add(classifier, batch);
  return tally;
}

std::vector<RejectedRow> sorted_by_id(std::vector<RejectedRow> rejects) {
  std::sort(rejects.begin(), rejects.end(),
            [](const RejectedRow& a, const RejectedRow& b) { return a.id < b.id; });
  return rejects;
}

TEST(Tally, IsEmptyAtFirst) {
  const Tally tally;
  EXPECT_TRUE(tally.empty());
  EXPECT_TRUE(tally.contribution().empty());
  EXPECT_EQ(tally.digest(), RowDigest{});
  EXPECT_EQ(tally.classes(), RowClasses{});
}

// Ten thousand clicks at the highest bid that is allowed: never a sum that is wrapped around.
TEST(Tally, SaysWhenBidsAddUpToMoreThanFits) {
  constexpr int64_t kHighestBid = 1'000'000'000'000'000;
  std::vector<RowSpec> rows;
  for (int i = 0; i < 9223; ++i) {
    rows.push_back({.id = id_at(kArrivalUs + i), .bid_micros = kHighestBid});
  }
  EXPECT_FALSE(tally_of(batch_of(rows)).beyond());
  EXPECT_EQ(tally_of(batch_of(rows)).contribution().at(0).measures.bid_micros, 9223 * kHighestBid);
  rows.push_back({.id = id_at(kArrivalUs + 9223), .bid_micros = kHighestBid});
  const Tally tally = tally_of(batch_of(rows));
  ASSERT_TRUE(tally.beyond());
  EXPECT_EQ(*tally.beyond(), tally.contribution().at(0).key);
}

TEST(Tally, AddsUpMeasuresOfACell) {
  const Tally tally = tally_of(batch_of({{.id = id_at(1 + kArrivalUs)},
                                         {.id = id_at(2 + kArrivalUs), .bid_micros = 600'001},
                                         {.id = id_at(3 + kArrivalUs), .custom_track = "qualified"},
                                         {.id = id_at(4 + kArrivalUs), .job_id = 5}}));
  const Contribution expected = {
      {{kArrivalHour, 5, 1, 8, 3}, {.clicks = 1, .bid_micros = 1'400'000}},
      {{kArrivalHour, 188, 1, 8, 3}, {.clicks = 2, .qualified = 1, .bid_micros = 2'000'001}}};
  EXPECT_EQ(tally.contribution(), expected);
}

TEST(Tally, PutsEveryRowIntoExactlyOneClass) {
  const auto rows = mixed_rows(1001);
  const Tally tally = tally_of(batch_of(rows));
  EXPECT_EQ(tally.classes().total(), 1001);
  EXPECT_EQ(tally.digest().rows, 1001);
  RowClasses expected;
  for (int i = 0; i < 1001; ++i) {
    if (i % 6 == 5) {
      expected.other += 1;
    } else if (i % 13 == 0) {
      expected.rejected += 1;
    } else if (i % 11 == 0) {
      expected.unattributed += 1;
    } else {
      expected.counted += 1;
    }
  }
  EXPECT_EQ(tally.classes(), expected);
  int64_t events = 0;
  for (const Cell& cell : tally.contribution()) {
    events += cell.measures.impressions + cell.measures.clicks + cell.measures.conversions +
              cell.measures.qualified + cell.measures.unqualified;
  }
  EXPECT_EQ(events, expected.counted);
}

TEST(Tally, DoesNotDependOnTheOrderOfRows) {
  auto rows = mixed_rows(500);
  const Tally expected = tally_of(batch_of(rows));
  std::mt19937_64 random(1);
  for (int pass = 0; pass < 20; ++pass) {
    std::shuffle(rows.begin(), rows.end(), random);
    const Tally tally = tally_of(batch_of(rows));
    EXPECT_EQ(encode_contribution(tally.contribution()),
              encode_contribution(expected.contribution()));
    EXPECT_EQ(tally.digest(), expected.digest());
    EXPECT_EQ(tally.classes(), expected.classes());
    EXPECT_EQ(sorted_by_id(tally.rejects()), sorted_by_id(expected.rejects()));
  }
}

TEST(Tally, DoesNotDependOnHowRowsAreSplitIntoBatches) {
  const auto rows = mixed_rows(500);
  const Tally expected = tally_of(batch_of(rows));
  RowClassifier classifier({});
  Tally tally;
  for (size_t begin = 0; begin < rows.size(); begin += 7) {
    const auto first = rows.begin() + static_cast<ptrdiff_t>(begin);
    const auto last = rows.begin() + static_cast<ptrdiff_t>(std::min(begin + 7, rows.size()));
    const TrackingBatch batch = batch_of({first, last});
    tally.add(classifier, batch);
  }
  EXPECT_EQ(tally.contribution(), expected.contribution());
  EXPECT_EQ(tally.digest(), expected.digest());
  EXPECT_EQ(tally.rejects(), expected.rejects());
}

TEST(Tally, LeavesDuplicatesToTheCaller) {
  const TrackingBatch batch = batch_of({{}, {}});
  const Tally tally = tally_of(batch);
  EXPECT_EQ(tally.classes().counted, 2);
  EXPECT_EQ(tally.contribution()[0].measures.clicks, 2);
  EXPECT_EQ(tally.digest().hash, RowClassifier({}).row_hash(batch, 0) * 2);
}

TEST(Tally, ContributionIsCanonicalWithManyCells) {
  std::mt19937_64 random(3);
  TrackingBatch batch;
  std::map<CellKey, Measures> expected;
  for (int i = 0; i < 100'000; ++i) {
    const auto job = static_cast<int64_t>(random() % 40'000) + 1;
    const auto publisher = static_cast<int64_t>(random() % 3) - 1;
    append_row(batch, {.id = id_at(kArrivalUs, static_cast<uint64_t>(i)),
                       .job_id = job,
                       .publisher_id = publisher,
                       .bid_micros = i});
    Measures& measures = expected[CellKey{kArrivalHour, job, publisher, 8, 3}];
    measures.clicks += 1;
    measures.bid_micros += i;
  }
  const Contribution contribution = tally_of(batch).contribution();
  EXPECT_TRUE(is_canonical(contribution));
  ASSERT_EQ(contribution.size(), expected.size());
  auto at = expected.begin();
  for (const Cell& cell : contribution) {
    ASSERT_EQ(cell.key, at->first);
    ASSERT_EQ(cell.measures, at->second);
    ++at;
  }
}

TEST(Tally, ClearMakesItAsGoodAsNew) {
  const TrackingBatch batch = batch_of(mixed_rows(300));
  RowClassifier classifier({});
  Tally tally = tally_of(batch);
  const Contribution expected = tally.contribution();
  tally.clear();
  EXPECT_TRUE(tally.empty());
  EXPECT_TRUE(tally.contribution().empty());
  EXPECT_TRUE(tally.rejects().empty());
  EXPECT_EQ(tally.digest(), RowDigest{});
  EXPECT_EQ(tally.classes(), RowClasses{});
  tally.add(classifier, batch);
  EXPECT_EQ(tally.contribution(), expected);
}

TEST(TallyRejects, AreAllCountedButKeptOnlyUpToTheCap) {
  TrackingBatch batch;
  const size_t count = kRejectsPerSliceMax + 10;
  for (size_t i = 0; i < count; ++i) {
    append_row(batch, {.id = id_at(kArrivalUs, i), .ts_us = {}});
  }
  const Tally tally = tally_of(batch);
  EXPECT_EQ(tally.classes().rejected, static_cast<int64_t>(count));
  EXPECT_EQ(tally.rejects().size(), kRejectsPerSliceMax);
}

TEST(TallyRejects, SayWhatWasWrong) {
  TrackingBatch batch;
  append_row(batch, {});
  batch.set_bid_text("-7");
  append_row(batch, {.id = id_at(kArrivalUs + 1), .ts_us = {}});
  append_row(batch, {.id = id_at(kArrivalUs + 2), .ts_us = 0});
  append_row(batch, {.id = {}});
  append_row(batch, {.id = id_at(kArrivalUs + 3), .ts_us = INT64_MIN});
  const Tally tally = tally_of(batch);
  ASSERT_EQ(tally.rejects().size(), 5U);
  const RejectedRow& bid = tally.rejects()[0];
  EXPECT_EQ(bid.id, id_at(kArrivalUs));
  EXPECT_EQ(bid.reason, "bid_negative");
  EXPECT_EQ(bid.column, "bid");
  EXPECT_EQ(bid.value, "-7");
  EXPECT_EQ(bid.row, R"({"create_time":")" + format_uuid(id_at(kArrivalUs)) +
                         R"(","ts":"2022-07-01 12:34:56.789000","job_id":188,"publisher_id":1,)"
                         R"("campaign_id":8,"group_id":3,"bid":"-7","custom_track":"click"})");
  EXPECT_EQ(tally.rejects()[1].reason, "ts_missing");
  EXPECT_EQ(tally.rejects()[1].value, "");
  EXPECT_EQ(tally.rejects()[2].reason, "ts_too_old");
  EXPECT_EQ(tally.rejects()[2].value, "1970-01-01 00:00:00.000000");
  EXPECT_EQ(tally.rejects()[3].reason, "create_time_missing");
  EXPECT_EQ(tally.rejects()[3].column, "create_time");
  EXPECT_EQ(tally.rejects()[4].reason, "ts_too_old");
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(TallyRejects, AreJsonWhateverBytesCame) {
  simdjson::dom::parser parser;
  for (const std::string& text : std::vector<std::string>{
           "plain", "quote\" back\\slash", "line\nbreak\ttab\x01", "ümlaut €😀", "\xFF\xFE bad",
           "cut \xF0\x9F\x98", "\xC0\x80 \xED\xA0\x80 \xF5\x80\x80\x80 \xE0\x80\x80",
           std::string("nul\0byte", 8), std::string(5000, '\xFF'), std::string(5000, '"')}) {
    TrackingBatch batch;
    append_row(batch, {.ed = text});
    batch.set_bid_text(text);
    const Tally tally = tally_of(batch);
    ASSERT_EQ(tally.rejects().size(), 1U);
    const RejectedRow& reject = tally.rejects()[0];
    simdjson::dom::element element;
    EXPECT_EQ(parser.parse(reject.row).get(element), simdjson::SUCCESS) << reject.row;
    EXPECT_EQ(element["bid"].get_string().value(), reject.value);
    EXPECT_LE(reject.value.size(), kRejectedValueMax);
    EXPECT_EQ(reject.value.find('\0'), std::string::npos);
  }
}

TEST(TallyRejects, KeepReadableTextAsItIsAndMarkTheRest) {
  const auto value_of = [](const std::string& text) {
    TrackingBatch batch;
    append_row(batch, {});
    batch.set_bid_text(text);
    return tally_of(batch).rejects().at(0).value;
  };
  EXPECT_EQ(value_of("ümlaut €😀\n"), "ümlaut €😀\n");
  EXPECT_EQ(value_of("a\xFF"
                     "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(count_of(value_of("\xED\xA0\x80"), "\xEF\xBF\xBD"), 3U);
  EXPECT_EQ(value_of(std::string(511, 'x') + "é"), std::string(511, 'x'));  // cut in a character
}

TEST(DescribeRow, LeavesNullsAway) {
  TrackingBatch batch;
  batch.add_row();
  EXPECT_EQ(describe_row(batch, 0), "{}");
  batch.set_bid_text("1.4");
  batch.set_integer(Column::kGroupId, -3);
  batch.set_text(Column::kEv, "1");
  EXPECT_EQ(describe_row(batch, 0), R"({"group_id":-3,"bid":1.400000,"ev":"1"})");
}

void expect_no_allocation(CountingOptions options) {
  auto rows = mixed_rows(2000);
  for (RowSpec& row : rows) {
    row.ts_us = row.ts_us.value_or(kArrivalUs);  // rejected rows are kept, so they allocate
    row.ed = R"({"customEvent":"click","jobId":"188","publisherId":[4,1,2],"userId":78})";
  }
  const TrackingBatch batch = batch_of(rows);
  RowClassifier classifier(std::move(options));
  Tally tally;
  const auto add_all = [&] { tally.add(classifier, batch); };
  add_all();
  const AllocationCounter counter;
  add_all();
  EXPECT_EQ(counter.count().allocations, 0);
  tally.clear();
  add_all();
  EXPECT_EQ(counter.count().allocations, 0) << "after clear()";
}

TEST(TallyAllocation, NoneForValidRowsOnceWarm) {
  expect_no_allocation({});
}

TEST(TallyAllocation, NoneInAZoneWithSummerTime) {
  CountingOptions options;
  options.reporting_zone = *TimeZone::find("Europe/Berlin");
  expect_no_allocation(options);
}

TEST(TallyAllocation, NoneWithPayloadAttribution) {
  CountingOptions options;
  options.attribution = Attribution::kPayload;
  expect_no_allocation(options);
}

TEST(TrackingBatchAllocation, NoneForRowsOfAClearedBatch) {
  TrackingBatch batch;
  const auto fill = [&batch] {
    for (int i = 0; i < 1000; ++i) {
      batch.add_row();
      batch.set_id_text("1c8a8a60-f8a9-11ec-8f3d-0242ac120002");
      batch.set_ts_text("2022-07-01 12:34:56.789");
      batch.set_integer_text(Column::kJobId, "188");
      batch.set_bid_text("1.4");
      batch.set_text(Column::kCustomTrack, "click");
      batch.set_text(Column::kEd, R"({"customEvent":"click","jobId":"188"})");
    }
  };
  fill();
  batch.clear();
  const AllocationCounter counter;
  fill();
  EXPECT_EQ(counter.count().allocations, 0);
}

}  // namespace
}  // namespace hirestream
