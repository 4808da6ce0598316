#include "model/reading_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tracking_batch.h"

namespace hirestream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::string> all_but(std::vector<std::string> left_out,
                                 const std::vector<std::string>& besides = {}) {
  std::vector<std::string> names;
  for (const Column column : kAllColumns) {
    if (std::ranges::find(left_out, column_name(column)) == left_out.end()) {
      names.emplace_back(column_name(column));
    }
  }
  names.insert(names.end(), besides.begin(), besides.end());
  return names;
}

std::string refusal(const std::vector<std::string>& found, const ReadingRules& rules = {},
                    Columns kind = Columns::kDeclared) {
  const auto checked = check_columns(rules, "logs.tracking", found, kind);
  return checked ? "" : checked.error().text();
}

TEST(ReadingRules, UsualWordsMeanNullWithBlanksOrNot) {
  const ReadingRules rules;
  for (const char* text : {"", " ", "\\N", "NULL", "null", "None", "NaN", "nan", " NULL "}) {
    EXPECT_TRUE(rules.is_null(text)) << text;
  }
  for (const char* text : {"0", "none", "unknown", "Null", "N"}) {
    EXPECT_FALSE(rules.is_null(text)) << text;
  }
}

TEST(ReadingRules, ReadAWordAsNullInEveryColumnButEd) {
  ReadingRules rules;
  rules.null_words = {"unknown"};
  TrackingBatch batch(rules);
  batch.add_row();
  batch.set_texts([](Column) { return "unknown"; });
  for (const Column column : kAllColumns) {
    EXPECT_EQ(batch.status(column, 0),
              column == Column::kEd ? CellStatus::kValue : CellStatus::kNull)
        << column_name(column);
  }
  EXPECT_EQ(batch.null_words(), 9);
}

TEST(ReadingRules, ReadNumbersAsTimesByTheirSize) {
  for (const char* text : {"1709633700", "1709633700.0", "1709633700000", "1709633700000000",
                           "1709633700000000000", "1.7096337e9"}) {
    TrackingBatch batch;
    batch.add_row();
    batch.set_ts_text(text);
    EXPECT_EQ(batch.ts_us(0), 1'709'633'700'000'000) << text;
  }
  TrackingBatch batch;
  batch.add_row();
  batch.set_ts_text("1709633700.125");
  EXPECT_EQ(batch.ts_us(0), 1'709'633'700'125'000);
  for (const char* text : {"0", "42", "20240305", "-1709633700", "99999999999"}) {
    batch.add_row();
    batch.set_ts_text(text);
    EXPECT_EQ(batch.status(Column::kTs, batch.rows() - 1), CellStatus::kBad) << text;
  }
}

TEST(ReadingRules, KnowARowByItsIdHoweverThatIsWritten) {
  const RowId id = *parse_uuid("84daa001-f882-11ec-8001-000000000001");
  for (const char* text :
       {"84daa001-f882-11ec-8001-000000000001", "84DAA001-F882-11EC-8001-000000000001",
        "{84daa001-f882-11ec-8001-000000000001}", " 84daa001-f882-11ec-8001-000000000001\r"}) {
    EXPECT_TRUE(read_uuid_text(text).is_uuid) << text;
    EXPECT_EQ(read_uuid_text(text).id, id) << text;
  }
  EXPECT_FALSE(read_uuid_text("{84daa001-f882-11ec-8001-000000000001").is_uuid);
}

TEST(ReadingRules, KnowAnIdOrAnyTextWhereThatIsSaid) {
  ReadingRules rules;
  const std::string id = "84daa001-f882-11ec-8001-000000000001";
  EXPECT_EQ(rules.read_id(" {" + id + "} ")->id, *parse_uuid(id));
  for (const char* none : {"", " ", "NULL", "2026-07-01", "order 1"}) {
    EXPECT_FALSE(rules.read_id(none)) << none;
  }
  rules.any_text_is_id = true;
  EXPECT_TRUE(rules.read_id(id)->is_uuid);
  EXPECT_FALSE(rules.read_id("order 1")->is_uuid);
  EXPECT_EQ(rules.read_id("order 1")->id, rules.read_id(" order 1\t")->id);
  EXPECT_NE(rules.read_id("order 1")->id, rules.read_id("order 2")->id);
  EXPECT_FALSE(rules.read_id(" NULL "));
}

TEST(ReadingRules, TakeTheTimeOfArrivalForTheEventsOwn) {
  ReadingRules rules;
  rules.arrival_is_event_time = true;
  TrackingBatch batch(rules);
  batch.add_row();
  batch.set_id(make_version_1(17'096'337'000'000'000, 1, 1));
  batch.set_ts_text("2001-01-01");
  EXPECT_EQ(batch.ts_us(0), 1'709'633'700'000'000);
  batch.add_row();
  batch.set_id_text("84daa001-f882-41ec-8001-000000000001");
  EXPECT_EQ(batch.status(Column::kTs, 1), CellStatus::kNull) << "an id of version 4 has no time";
}

TEST(CheckColumns, NeedsWhatTellsARowItsKindAndItsTime) {
  EXPECT_EQ(refusal(all_but({})), "");
  EXPECT_EQ(refusal(all_but({"ev", "ed", "bid", "job_id", "group_id"})), "");
  for (const std::string name : {"create_time", "ts", "custom_track"}) {
    EXPECT_THAT(refusal(all_but({name})),
                AllOf(HasSubstr("logs.tracking"), HasSubstr("no column " + name)));
  }
  EXPECT_THAT(refusal(all_but({"ts"})), HasSubstr("--event-time arrival"));
  ReadingRules rules;
  rules.arrival_is_event_time = true;
  EXPECT_EQ(refusal(all_but({"ts"}), rules), "");
}

TEST(CheckColumns, NamesWhatIsLikelyMeant) {
  EXPECT_THAT(refusal(all_but({"create_time", "ts", "custom_track"},
                              {"event_id", "event_type", "created_at", "ua"})),
              HasSubstr("--columns create_time=event_id,ts=created_at,custom_track=event_type"));
  EXPECT_THAT(refusal(all_but({"custom_track"}, {"customTrack"})),
              HasSubstr("--columns custom_track=customTrack"));
}

TEST(CheckColumns, GoesByTheNamesThatWereSet) {
  ReadingRules rules;
  rules.names[static_cast<size_t>(Column::kTs)] = "created_at";
  EXPECT_EQ(refusal(all_but({"ts"}, {"created_at"}), rules), "");
  EXPECT_THAT(refusal(all_but({}), rules), HasSubstr("no column created_at"));
  EXPECT_EQ(rules.renames_text(), "ts=created_at");
}

TEST(CheckColumns, NeedsBothColumnsOfATimeInTwo) {
  ReadingRules rules;
  rules.names[static_cast<size_t>(Column::kTs)] = "day";
  rules.time_of_day = "time";
  EXPECT_EQ(refusal(all_but({"ts"}, {"day", "time"}), rules), "");
  EXPECT_THAT(refusal(all_but({"ts"}, {"day"}), rules), HasSubstr("no column time"));
  EXPECT_THAT(refusal(all_but({"ts"}, {"time"}), rules), HasSubstr("no column day"));
  EXPECT_EQ(rules.renames_text(), "ts=day+time");
}

TEST(CheckColumns, OfColumnsSeenMissesOnlyWhatHasAnotherName) {
  EXPECT_EQ(refusal(all_but({"custom_track"}), {}, Columns::kSeen), "");
  EXPECT_THAT(refusal(all_but({"custom_track"}, {"event_type"}), {}, Columns::kSeen),
              HasSubstr("custom_track=event_type"));
}

TEST(MissingColumns, SaysWhatTheNumbersLack) {
  EXPECT_EQ(missing_columns_text({}, all_but({"ed"}), false), "");
  EXPECT_EQ(missing_columns_text({}, all_but({"ev", "bid"}), false),
            "no column bid, ev: spend stays 0, page views are not told and impressions stay 0");
  EXPECT_THAT(missing_columns_text({}, all_but({"job_id"}, {"Job_Id"}), false),
              AllOf(HasSubstr("nothing is counted"), HasSubstr("--columns job_id=Job_Id")));
  EXPECT_THAT(missing_columns_text({}, all_but({"job_id", "ed"}), true),
              HasSubstr("attribution by payload finds nothing"));
}

}  // namespace
}  // namespace hirestream
