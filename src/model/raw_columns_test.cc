#include "model/raw_columns.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

std::string name_of(const ReadingRules& rules, RawColumn column) {
  for (const NamedRawColumn& known : raw_columns(rules)) {
    if (known.column == column) {
      return known.name;
    }
  }
  return {};
}

TEST(RawColumns, AreCalledAsTheRulesSay) {
  ReadingRules rules;
  EXPECT_EQ(raw_columns(rules).size(), kRawColumnNames.size());
  EXPECT_EQ(name_of(rules, RawColumn::kUa), "ua");
  rules.names[static_cast<size_t>(Column::kTs)] = "dt";
  EXPECT_EQ(name_of(rules, RawColumn::kTs), "dt");
  EXPECT_EQ(name_of(rules, RawColumn::kDt), "") << "it is ts";
  rules.arrival_is_event_time = true;
  EXPECT_EQ(name_of(rules, RawColumn::kTs), "") << "nothing reads it";
}

TEST(RawColumns, WordsForNullAreNullWhereRowsAreCountedByThem) {
  ReadingRules rules;
  RawEvent event;
  for (const RawColumn column : {RawColumn::kBid, RawColumn::kEd, RawColumn::kUa, RawColumn::kEv}) {
    event[column] = "NULL";
  }
  event[RawColumn::kJobId] = "188";
  apply_rules(rules, event);
  EXPECT_EQ(event[RawColumn::kBid], std::nullopt);
  EXPECT_EQ(event[RawColumn::kEv], std::nullopt);
  EXPECT_EQ(event[RawColumn::kEd], "NULL");
  EXPECT_EQ(event[RawColumn::kUa], "NULL");
  EXPECT_EQ(event[RawColumn::kJobId], "188");
}

TEST(RawColumns, TimeInTwoColumnsBecomesOne) {
  ReadingRules rules;
  rules.names[static_cast<size_t>(Column::kTs)] = "day";
  rules.time_of_day = "dt";
  const auto joined = [&](std::optional<std::string> day, std::optional<std::string> time) {
    RawEvent event;
    for (const NamedRawColumn& column : raw_columns(rules)) {
      if (column.column == RawColumn::kTs || column.name == "dt") {
        set_value(column, column.name == "day" ? day : time, event);
      }
    }
    return event[RawColumn::kTs];
  };
  EXPECT_EQ(joined("2022-07-01", "10:00:00"), "2022-07-01 10:00:00");
  EXPECT_EQ(joined("2022-07-01", std::nullopt), std::nullopt);
  EXPECT_EQ(joined(std::nullopt, "10:00:00"), std::nullopt);
}

TEST(RawColumns, ArrivalBecomesTheEventTime) {
  ReadingRules rules;
  rules.arrival_is_event_time = true;
  RawEvent event;
  event[RawColumn::kCreateTime] = "91afd000-f924-11ec-8001-0242ac120002";
  event[RawColumn::kTs] = "yesterday";
  apply_rules(rules, event);
  EXPECT_EQ(event[RawColumn::kTs], "2022-07-01 10:00:00.000000+00:00");
  event[RawColumn::kCreateTime] = " {91AFD000-F924-11EC-8001-0242AC120002} ";
  apply_rules(rules, event);
  EXPECT_EQ(event[RawColumn::kTs], "2022-07-01 10:00:00.000000+00:00") << "as rows are counted";
  event[RawColumn::kCreateTime] = "91afd000-f924-41ec-8001-0242ac120002";
  apply_rules(rules, event);
  EXPECT_EQ(event[RawColumn::kTs], std::nullopt) << "the id tells no time";
}

}  // namespace
}  // namespace hirestream
