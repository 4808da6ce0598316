#include "adapters/sql/old_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace hirestream::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Days since 1970 of 5 March 2024.
constexpr int32_t kDay = 19'787;

TEST(OldDate, IsReadHoweverItIsWritten) {
  for (const char* text :
       {"2024-03-05", " 2024-03-05 ", "2024/03/05", "2024-3-5", "20240305", "2024-03-05 00:00:00",
        "2024-03-05 23:59:59.999", "2024-03-05T10:00:00Z", "2024-03-05T10:00:00.000+07:00"}) {
    EXPECT_EQ(parse_old_date(text), kDay) << text;
  }
  EXPECT_EQ(parse_old_date("1969-12-31"), -1);
}

TEST(OldDate, ThatThereIsNotIsNone) {
  for (const char* text :
       {"", "2024-13-40", "2024-02-30", "0000-00-00", "05/03/2024", "2024-03", "2024-03/05", "bad",
        "2024-03-05x", "2024-03-05 noon", "2024.03.05", "24-03-05", "2024035"}) {
    EXPECT_FALSE(parse_old_date(text).has_value()) << text;
  }
}

TEST(OldHour, IsReadFromTextAndTime) {
  for (const char* text : {"9", "09", " 9 ", "9.0", "09:00", "9:00:00", "09:00:00.000000"}) {
    EXPECT_EQ(parse_old_hour(text), 9) << text;
  }
  EXPECT_EQ(parse_old_hour("0"), 0);
  EXPECT_EQ(parse_old_hour("23"), 23);
  for (const char* text : {"", "24", "-1", "9.5", "9:30", "noon", "9:00:01"}) {
    EXPECT_FALSE(parse_old_hour(text).has_value()) << text;
  }
}

TEST(OldMoney, IsMillionthsHalfToEven) {
  EXPECT_EQ(parse_old_money("1.5"), 1'500'000);
  EXPECT_EQ(parse_old_money("-1.5"), -1'500'000);
  EXPECT_EQ(parse_old_money(" +2 "), 2'000'000);
  EXPECT_EQ(parse_old_money(".25"), 250'000);
  EXPECT_EQ(parse_old_money("4.2000000000000002"), 4'200'000);
  EXPECT_EQ(parse_old_money("0.9999999"), 1'000'000);
  EXPECT_EQ(parse_old_money("1e-7"), 0);
  EXPECT_EQ(parse_old_money("1.5e3"), 1'500'000'000);
  EXPECT_EQ(parse_old_money("9223372036854.775807"), std::numeric_limits<int64_t>::max());
  for (const char* text : {"", "x", "1,5", "1.5.", "9223372036854.775808", "1e30", "--1", "1 2"}) {
    EXPECT_FALSE(parse_old_money(text).has_value()) << text;
  }
}

const std::vector<std::string> kUsual = {
    "job_id",     "dates",      "hours",      "publisher_id", "campaign_id",
    "group_id",   "company_id", "conversion", "clicks",       "qualified_application",
    "spend_hour", "sources",    "updated_at", "impressions",  "disqualified_application"};

TEST(OldEventsColumns, AreTakenWhenTheyHaveOurNames) {
  const OldEventsColumns columns(kUsual);
  EXPECT_THAT(columns.missing(), IsEmpty());
  EXPECT_THAT(columns.notes(), IsEmpty());
  EXPECT_EQ(columns.position(OldColumn::kDates), 1);
}

TEST(OldEventsColumns, OtherNamesAndMissingOnesAreTold) {
  const OldEventsColumns columns({"Job_Id", "DATES", "hours", "publisher_id", "campaign_id",
                                  "group_id", "unqualified_application", "qualified_application",
                                  "conversion", "clicks", "bid_set", "spend_hour", "impression"});
  EXPECT_THAT(columns.missing(), IsEmpty());
  EXPECT_EQ(columns.position(OldColumn::kUnqualified), 6);
  EXPECT_EQ(columns.position(OldColumn::kImpressions), 12);
  EXPECT_EQ(columns.position(OldColumn::kCompany), std::nullopt);
  EXPECT_THAT(columns.notes(),
              ElementsAre("there is no column company_id: it is 0",
                          "column impression is taken as impressions",
                          "column unqualified_application is taken as disqualified_application",
                          "there is no column sources: it stays empty",
                          "there is no column updated_at: rows get the time of the migration"));
}

TEST(OldEventsColumns, ThatAreNeededAreNamed) {
  EXPECT_THAT(
      OldEventsColumns(
          {"id", "dates", "hours", "job_id", "clicks", "conversion", "publisher_id", "campaign_id"})
          .missing(),
      ElementsAre("group_id", "qualified_application", "disqualified_application", "spend_hour"));
}

}  // namespace
}  // namespace hirestream::sql
