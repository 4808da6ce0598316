#include "model/tracking_batch.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/slice.h"

namespace hirestream {
namespace {

constexpr std::array<Column, 4> kIdColumns = {Column::kJobId, Column::kPublisherId,
                                              Column::kCampaignId, Column::kGroupId};
constexpr const char* kUuid = "1c8a8a60-f8a9-11ec-8f3d-0242ac120002";

TEST(TrackingBatch, NamesColumnsAsInTheTrackingTable) {
  std::vector<std::string> names;
  for (const Column column : kAllColumns) {
    names.emplace_back(column_name(column));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"create_time", "ts", "job_id", "publisher_id", "campaign_id",
                                      "group_id", "bid", "custom_track", "ev", "ed"}));
}

TEST(TrackingBatch, CellsAreNullUntilSet) {
  TrackingBatch batch;
  EXPECT_TRUE(batch.empty());
  batch.add_row();
  EXPECT_EQ(batch.rows(), 1U);
  EXPECT_FALSE(batch.empty());
  for (const Column column : kAllColumns) {
    EXPECT_EQ(batch.status(column, 0), CellStatus::kNull) << column_name(column);
  }
  EXPECT_EQ(batch.text(Column::kEd, 0), "");
}

TEST(TrackingBatch, SettersWriteToTheRowAddedLast) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_integer(Column::kJobId, 1);
  batch.set_text(Column::kEd, "first");
  batch.add_row();
  batch.set_integer(Column::kJobId, 2);
  batch.set_integer(Column::kGroupId, -9);
  batch.set_text(Column::kEd, "second");
  batch.set_text(Column::kEv, "1");
  batch.set_text(Column::kCustomTrack, "click");
  EXPECT_EQ(batch.integer(Column::kJobId, 0), 1);
  EXPECT_EQ(batch.integer(Column::kJobId, 1), 2);
  EXPECT_EQ(batch.status(Column::kGroupId, 0), CellStatus::kNull);
  EXPECT_EQ(batch.integer(Column::kGroupId, 1), -9);
  EXPECT_EQ(batch.text(Column::kEd, 0), "first");
  EXPECT_EQ(batch.text(Column::kEd, 1), "second");
  EXPECT_EQ(batch.text(Column::kEv, 1), "1");
  EXPECT_EQ(batch.text(Column::kCustomTrack, 1), "click");
  EXPECT_EQ(batch.text(Column::kCustomTrack, 0), "");
}

TEST(TrackingBatch, ClearForgetsEverything) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_id_text("broken");
  batch.set_integer(Column::kJobId, 1);
  batch.set_text(Column::kEd, "text");
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(batch.bad_cells().empty());
  batch.add_row();
  for (const Column column : kAllColumns) {
    EXPECT_EQ(batch.status(column, 0), CellStatus::kNull) << column_name(column);
  }
  EXPECT_EQ(batch.id(0), RowId{});
  EXPECT_EQ(batch.position(0).value, 0);
}

TEST(TrackingBatch, IdGivesThePosition) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_id_text(kUuid);
  EXPECT_EQ(batch.status(Column::kCreateTime, 0), CellStatus::kValue);
  EXPECT_EQ(batch.id(0), parse_uuid(kUuid));
  EXPECT_EQ(batch.position(0).value, 1656616575364566);
  batch.add_row();
  batch.set_id(*parse_uuid(kUuid));
  EXPECT_EQ(batch.id(1), batch.id(0));
  EXPECT_EQ(batch.position(1), batch.position(0));
  batch.set_position(Position{42});
  EXPECT_EQ(batch.position(1).value, 42);
  EXPECT_EQ(batch.position(0).value, 1656616575364566);
}

TEST(TrackingBatch, IdThatIsNoUuidIsBadButStillDistinguishesRows) {
  TrackingBatch batch;
  for (const char* text : {"row-1", "row-2", "row-1", "1C8A8A60F8A911EC8F3D0242AC120002"}) {
    batch.add_row();
    batch.set_id_text(text);
  }
  EXPECT_EQ(batch.status(Column::kCreateTime, 0), CellStatus::kBad);
  EXPECT_EQ(batch.id(0), batch.id(2));
  EXPECT_NE(batch.id(0), batch.id(1));
  ASSERT_EQ(batch.bad_cells().size(), 4U);
  EXPECT_EQ(batch.bad_cells()[0].reason, "create_time_unreadable");
  EXPECT_EQ(batch.bad_cells()[0].text, "row-1");
  EXPECT_EQ(batch.bad_cells()[0].column, Column::kCreateTime);
  EXPECT_EQ(batch.bad_cells()[3].row, 3U);
  for (size_t row = 0; row < batch.rows(); ++row) {
    EXPECT_FALSE(is_version_1(batch.id(row)));
  }
}

TEST(TrackingBatch, AnyTextIsAnIdWhereThatIsSaid) {
  ReadingRules rules;
  rules.any_text_is_id = true;
  TrackingBatch batch(rules);
  for (const char* text : {"row-1", " row-1 ", "row-2", "NULL"}) {
    batch.add_row();
    batch.set_id_text(text);
  }
  EXPECT_EQ(batch.status(Column::kCreateTime, 0), CellStatus::kValue);
  EXPECT_EQ(batch.id(0), batch.id(1));
  EXPECT_NE(batch.id(0), batch.id(2));
  EXPECT_FALSE(is_version_1(batch.id(0)));
  EXPECT_EQ(batch.status(Column::kCreateTime, 3), CellStatus::kNull);
  EXPECT_TRUE(batch.bad_cells().empty());
}

TEST(TrackingBatch, TimeWithOffsetIsUtcWhateverTheSourceZone) {
  TrackingBatch batch(ReadingRules{.source_zone = *TimeZone::find("America/New_York")});
  batch.add_row();
  batch.set_ts_text("2022-07-01T12:34:56+02:00");
  EXPECT_EQ(batch.status(Column::kTs, 0), CellStatus::kValue);
  EXPECT_EQ(batch.ts_us(0), 1656671696000000);
  EXPECT_EQ(batch.integer(Column::kTs, 0), 1656671696000000);
}

TEST(TrackingBatch, TimeWithoutOffsetIsInTheSourceZone) {
  TrackingBatch utc;
  utc.add_row();
  utc.set_ts_text("2022-07-01 12:34:56.789");
  EXPECT_EQ(utc.ts_us(0), 1656678896789000);
  TrackingBatch berlin(ReadingRules{.source_zone = *TimeZone::find("Europe/Berlin")});
  berlin.add_row();
  berlin.set_ts_text("2022-07-01 12:34:56.789");
  EXPECT_EQ(berlin.ts_us(0), 1656678896789000 - 7'200'000'000);
}

TEST(TrackingBatch, TimeInTwoTextsNeedsBoth) {
  TrackingBatch batch(ReadingRules{.source_zone = *TimeZone::find("Europe/Berlin")});
  for (const auto& [date, time] : std::vector<std::pair<std::string_view, std::string_view>>{
           {" 2022-07-01 ", "12:34:56.789"}, {"2022-07-01", " "}, {"NULL", "12:34:56"}}) {
    batch.add_row();
    batch.set_ts_texts(date, time);
  }
  EXPECT_EQ(batch.ts_us(0), 1656678896789000 - 7'200'000'000);
  EXPECT_EQ(batch.status(Column::kTs, 1), CellStatus::kNull);
  EXPECT_EQ(batch.status(Column::kTs, 2), CellStatus::kNull);
  batch.add_row();
  batch.set_ts_texts("2022-07-01", "24:00:00");
  EXPECT_EQ(batch.bad_cells(3)[0].text, "2022-07-01 24:00:00");
}

TEST(TrackingBatch, NativeTimeIsTakenAsItIs) {
  TrackingBatch batch(ReadingRules{.source_zone = *TimeZone::find("Europe/Berlin")});
  batch.add_row();
  batch.set_ts_us(-5);
  EXPECT_EQ(batch.ts_us(0), -5);
  EXPECT_EQ(batch.status(Column::kTs, 0), CellStatus::kValue);
}

TEST(TrackingBatch, EmptyTextIsNull) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_ts_text("");
  batch.set_bid_text("");
  for (const Column column : kIdColumns) {
    batch.set_integer_text(column, "");
  }
  for (const Column column : {Column::kCustomTrack, Column::kEv, Column::kEd}) {
    batch.set_text(column, "");
  }
  for (const Column column : kAllColumns) {
    EXPECT_EQ(batch.status(column, 0), CellStatus::kNull) << column_name(column);
  }
  EXPECT_TRUE(batch.bad_cells().empty());
}

TEST(TrackingBatch, ReadsIdsWrittenAsText) {
  TrackingBatch batch;
  batch.add_row();
  for (const Column column : kIdColumns) {
    batch.set_integer_text(column, " 188.0 ");
    EXPECT_EQ(batch.status(column, 0), CellStatus::kValue);
    EXPECT_EQ(batch.integer(column, 0), 188);
  }
}

TEST(TrackingBatch, UnreadableValuesAreBadAndKeptWithTheirReason) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_ts_text("yesterday");
  batch.set_integer_text(Column::kJobId, "4,1,2");
  batch.set_integer_text(Column::kPublisherId, "x");
  batch.set_integer_text(Column::kCampaignId, "1.5");
  batch.set_integer_text(Column::kGroupId, "99999999999999999999");
  batch.set_bid_text("cheap");
  const std::vector<std::array<std::string, 3>> expected = {
      {"ts", "yesterday", "ts_unreadable"},
      {"job_id", "4,1,2", "job_id_unreadable"},
      {"publisher_id", "x", "publisher_id_unreadable"},
      {"campaign_id", "1.5", "campaign_id_unreadable"},
      {"group_id", "99999999999999999999", "group_id_unreadable"},
      {"bid", "cheap", "bid_unreadable"}};
  ASSERT_EQ(batch.bad_cells().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& cell = batch.bad_cells()[i];
    EXPECT_EQ(column_name(cell.column), expected[i][0]);
    EXPECT_EQ(cell.text, expected[i][1]);
    EXPECT_EQ(cell.reason, expected[i][2]);
    EXPECT_EQ(cell.row, 0U);
    EXPECT_EQ(batch.status(cell.column, 0), CellStatus::kBad);
  }
}

TEST(TrackingBatch, EachKindOfBadBidHasItsReason) {
  TrackingBatch batch;
  for (const char* text : {"-1", "1e400", "free"}) {
    batch.add_row();
    batch.set_bid_text(text);
  }
  ASSERT_EQ(batch.bad_cells().size(), 3U);
  EXPECT_EQ(batch.bad_cells()[0].reason, "bid_negative");
  EXPECT_EQ(batch.bad_cells()[1].reason, "bid_too_large");
  EXPECT_EQ(batch.bad_cells()[2].reason, "bid_unreadable");
}

TEST(TrackingBatch, BidsAreMicros) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_bid_text("1.4");
  EXPECT_EQ(batch.integer(Column::kBid, 0), 1'400'000);
  batch.add_row();
  batch.set_bid(bid_from_double(2.5), "2.5");
  EXPECT_EQ(batch.integer(Column::kBid, 1), 2'500'000);
  batch.add_row();
  batch.set_bid(bid_from_int(-3), "-3");
  EXPECT_EQ(batch.status(Column::kBid, 2), CellStatus::kBad);
  EXPECT_EQ(batch.bad_cells()[0].text, "-3");
}

TEST(TrackingBatch, FindsTheBadCellsOfARow) {
  TrackingBatch batch;
  for (int row = 0; row < 4; ++row) {
    batch.add_row();
    for (int cell = 0; cell < row % 3; ++cell) {
      batch.set_integer_text(kIdColumns[static_cast<size_t>(cell)], "x" + std::to_string(row));
    }
  }
  EXPECT_TRUE(batch.bad_cells(0).empty());
  ASSERT_EQ(batch.bad_cells(1).size(), 1U);
  EXPECT_EQ(batch.bad_cells(1)[0].text, "x1");
  ASSERT_EQ(batch.bad_cells(2).size(), 2U);
  EXPECT_EQ(batch.bad_cells(2)[1].column, Column::kPublisherId);
  EXPECT_TRUE(batch.bad_cells(3).empty());
  EXPECT_EQ(batch.bad_cells().size(), 3U);
}

TEST(TrackingBatch, KeepsAtMostTheStartOfABadText) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_bid_text(std::string(kRejectedValueMax, 'a') + "b");
  EXPECT_EQ(batch.bad_cells()[0].text, std::string(kRejectedValueMax, 'a'));
}

TEST(TrackingBatch, TextsMayHoldAnyBytes) {
  TrackingBatch batch;
  const std::string bytes("\0\xFF{\"a\":1}\n", 10);
  batch.add_row();
  batch.set_text(Column::kEd, bytes);
  EXPECT_EQ(batch.text(Column::kEd, 0), bytes);
}

// A text that is met again lies where it lay, also after clear(), and is told by its place.
TEST(TrackingBatch, KeepsAShortTextThatTellsTheKindOnce) {
  TrackingBatch batch;
  for (int pass = 0; pass < 2; ++pass) {
    batch.clear();
    for (const char* text : {"click", "1", "click", "seventeen letters", "alive"}) {
      batch.add_row();
      batch.set_text(Column::kCustomTrack, text);
      batch.set_text(Column::kEd, text);
      EXPECT_EQ(batch.text(Column::kCustomTrack, batch.rows() - 1), text);
      EXPECT_EQ(batch.text(Column::kEd, batch.rows() - 1), text);
    }
    const auto number = [&batch](size_t row) {
      return TrackingBatch::known_number(batch.row(row).text(Column::kCustomTrack));
    };
    EXPECT_EQ(batch.known_texts().all().size(), 4U);
    EXPECT_EQ(number(0), number(2));
    EXPECT_EQ(batch.known_text(number(0)), "click");
    EXPECT_EQ(batch.known_text(number(1)), "1");
    EXPECT_EQ(number(3), KnownTexts::kMax);
    EXPECT_EQ(batch.known_text(number(4)), "alive");
    EXPECT_EQ(TrackingBatch::known_number(batch.row(0).text(Column::kEv)), 0U);
  }
}

// Texts that find no place are kept as any other.
TEST(TrackingBatch, KeepsTextsHoweverManyThereAre) {
  TrackingBatch batch;
  for (size_t i = 0; i < 3 * KnownTexts::kMax; ++i) {
    batch.add_row();
    batch.set_text(Column::kEv, std::to_string(i));
  }
  for (size_t i = 0; i < batch.rows(); ++i) {
    EXPECT_EQ(batch.text(Column::kEv, i), std::to_string(i));
  }
}

TEST(TrackingBatch, CopiesStandAlone) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_text(Column::kEd, "here");
  const TrackingBatch copy = batch;
  batch.clear();
  batch.add_row();
  batch.set_text(Column::kEd, "gone");
  EXPECT_EQ(copy.text(Column::kEd, 0), "here");
  const TrackingBatch moved = std::move(batch);
  EXPECT_EQ(moved.text(Column::kEd, 0), "gone");
}

// Digests and cells are made of values without a look at their status.
TEST(TrackingBatch, WhatIsUnreadableHasNoValue) {
  TrackingBatch batch;
  batch.add_row();
  batch.set_ts_us(7);
  batch.set_bad(Column::kTs, "?", "ts_unreadable");
  batch.set_integer(Column::kBid, 7);
  batch.set_bad(Column::kBid, "?", "bid_unreadable");
  batch.set_text(Column::kCustomTrack, "click");
  batch.set_bad(Column::kCustomTrack, "?", "custom_track_unreadable");
  EXPECT_EQ(batch.ts_us(0), 0);
  EXPECT_EQ(batch.integer(Column::kBid, 0), 0);
  EXPECT_EQ(batch.text(Column::kCustomTrack, 0), "");
}

TEST(TrackingBatch, IsUsableAgainWhenItWasMovedAway) {
  TrackingBatch batch;
  const TrackingBatch moved = std::move(batch);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what clear() allows
  batch.clear();
  batch.add_row();
  EXPECT_NE(batch.text(Column::kEv, 0).data(), nullptr);
  batch.set_text(Column::kEv, "1");
  EXPECT_EQ(batch.text(Column::kEv, 0), "1");
}

}  // namespace
}  // namespace hirestream
