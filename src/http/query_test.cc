#include "http/query.h"

#include <gtest/gtest.h>

#include "model/time_zone.h"

namespace hirestream {
namespace {

constexpr int32_t kNow = 473'352 + 13;  // 2024-01-01 13:00

Query read(const QueryParameters& given) {
  auto query = Query::read(given, {"from", "to", "last", "company", "campaign", "group",
                                   "publisher", "job", "limit", "step", "search"});
  EXPECT_TRUE(query.has_value()) << query.error().detail;
  return *query;
}

Problem problem_of_range(const QueryParameters& given) {
  const auto range = read(given).range(kNow);
  EXPECT_FALSE(range.has_value());
  return range ? Problem{} : range.error();
}

TEST(Query, RefusesWhatItDoesNotKnowNamingWhatThereIs) {
  const auto query = Query::read({{"form", "x"}}, {"to", "from"});
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().status, 400);
  EXPECT_EQ(query.error().parameter, "form");
  EXPECT_EQ(query.error().allowed, "from, to");
}

TEST(Query, RefusesAParameterGivenTwice) {
  const auto query = Query::read({{"to", "1"}, {"to", "2"}}, {"to"});
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().parameter, "to");
}

TEST(Query, RangeIsTheLastDayByDefault) {
  EXPECT_EQ(*read({}).range(kNow), (HourRange{kNow + 1 - 24, kNow + 1}));
}

TEST(Query, LastHoursEndWithTheCurrentHourAndLastDaysWithTheCurrentDay) {
  EXPECT_EQ(*read({{"last", "1h"}}).range(kNow), (HourRange{kNow, kNow + 1}));
  EXPECT_EQ(*read({{"last", "1d"}}).range(kNow), (HourRange{473'352, 473'352 + 24}));
  EXPECT_EQ(*read({{"last", "30d"}}).range(kNow), (HourRange{473'352 + 24 - 720, 473'352 + 24}));
}

TEST(Query, RangeOfFromAndTo) {
  const auto range = read({{"from", "2024-01-01T00:00"}, {"to", "2024-03-01T05:00"}}).range(kNow);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(*range, (HourRange{473'352, 473'352 + 60 * 24 + 5}));  // a leap year
  EXPECT_EQ(range->previous(), (HourRange{473'352 - 60 * 24 - 5, 473'352}));
}

// Ranges in hours from midnight of `kNow`'s day.
void expect_comparison(HourRange range, HourRange current, HourRange previous, int32_t now = 13) {
  const auto absolute = [](HourRange hours) {
    return HourRange{473'352 + hours.from, 473'352 + hours.to};
  };
  const Comparison found = compare_completed(absolute(range), 473'352 + now);
  EXPECT_EQ(found.current, absolute(current));
  EXPECT_EQ(found.previous, absolute(previous));
}

TEST(Comparison, TakesRangesThatAreOverWhole) {
  expect_comparison({3, 13}, {3, 13}, {-7, 3});
}

TEST(Comparison, LeavesOutTheRunningHourAndItsLikeBefore) {
  expect_comparison({-10, 14}, {-10, 13}, {-34, -11});                // 24h
  expect_comparison({-6 * 24, 24}, {-6 * 24, 13}, {-13 * 24, -155});  // 7d: today until now
  expect_comparison({0, 24}, {0, 13}, {-24, -11});                    // 1d
  expect_comparison({5, 100}, {5, 13}, {-90, -82});                   // ends in the future
}

TEST(Comparison, OfTheRunningHourIsTheCompletedOneAgainstTheOneBefore) {
  expect_comparison({13, 14}, {12, 13}, {11, 12});
}

TEST(Comparison, OfADayThatHasJustBegunIsTheDayBefore) {
  expect_comparison({0, 24}, {-24, 0}, {-48, -24}, 0);
}

TEST(Comparison, OfAFutureRangeIsTheLastThatIsOver) {
  expect_comparison({40, 50}, {0, 10}, {-10, 0});
}

TEST(Query, BadRangesNameTheParameter) {
  EXPECT_EQ(problem_of_range({{"from", "2024-01-01T00:00"}}).parameter, "to");
  EXPECT_EQ(problem_of_range({{"to", "2024-01-01T00:00"}}).parameter, "from");
  EXPECT_EQ(problem_of_range({{"from", "2024-01-01T00:00"}, {"to", "2024-01-01T00:00"}}).parameter,
            "to");
  EXPECT_EQ(
      problem_of_range({{"from", "2024-01-01T00:00"}, {"to", "2024-01-02T00:00"}, {"last", "1h"}})
          .parameter,
      "last");
  EXPECT_EQ(problem_of_range({{"from", "2024-02-30T00:00"}, {"to", "2024-03-02T00:00"}}).parameter,
            "from");
  for (const char* last :
       {"", "h", "0h", "01h", "10000h", "5", "5m", "-1h", "1.5h", " 1h", "99999999999999999999h"}) {
    EXPECT_EQ(problem_of_range({{"last", last}}).parameter, "last") << last;
  }
}

TEST(Query, HoursAreReadInExactlyOneForm) {
  EXPECT_EQ(parse_hour("1970-01-01T00:00"), 0);
  EXPECT_EQ(parse_hour("2024-01-01T13:00"), kNow);
  for (const char* text :
       {"2024-01-01 13:00", "2024-01-01T13:30", "2024-01-01T24:00", "2024-1-01T13:00",
        "2024-01-01T13:00Z", "1969-12-31T23:00", "2200-01-01T00:00", "0000-00-00T00:00", ""}) {
    EXPECT_EQ(parse_hour(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_hour(kNow), "2024-01-01T13:00");
  EXPECT_EQ(format_hour(*parse_hour("2199-12-31T23:00")), "2199-12-31T23:00");
}

// Ranges are counted in civil hours: a day has 24 of them even where the clocks change, and the
// repeated hour is one.
TEST(Query, DaysWhereClocksChangeHave24CivilHours) {
  auto zone = *TimeZone::find("Europe/Berlin");
  constexpr int64_t kHourUs = 3'600'000'000;
  const int64_t spring_us = *parse_hour("2024-03-31T12:00") * kHourUs;  // UTC; 14:00 in Berlin
  const auto day = *read({{"last", "1d"}}).range(zone.local_hour(spring_us));
  EXPECT_EQ(format_hour(day.from), "2024-03-31T00:00");
  EXPECT_EQ(format_hour(day.to), "2024-04-01T00:00");
  const int64_t first_us =
      *parse_hour("2024-10-27T00:00") * kHourUs;  // 02:00 in Berlin, for the first time
  const auto first = *read({{"last", "3h"}}).range(zone.local_hour(first_us));
  const auto second = *read({{"last", "3h"}}).range(zone.local_hour(first_us + kHourUs));
  EXPECT_EQ(first, second);
  EXPECT_EQ(format_hour(first.to), "2024-10-27T03:00");
  // Just after midnight UTC it is the next day there.
  const auto berlin =
      *read({{"last", "1d"}}).range(zone.local_hour(*parse_hour("2024-06-30T23:00") * kHourUs));
  EXPECT_EQ(format_hour(berlin.from), "2024-07-01T00:00");
}

TEST(Query, IdsAreIntegersOf64Bits) {
  EXPECT_EQ(*read({{"job", "5,-7,9223372036854775807"}}).ids("job"),
            (std::vector<int64_t>{5, -7, INT64_MAX}));
  EXPECT_TRUE(read({}).ids("job")->empty());
  for (const char* text :
       {"", ",", "1,", "a", "1 2", "9223372036854775808", "1;DROP TABLE events"}) {
    const auto ids = read({{"job", text}}).ids("job");
    ASSERT_FALSE(ids.has_value()) << text;
    EXPECT_EQ(ids.error().parameter, "job");
  }
  std::string many = "1";
  for (int i = 0; i < 200; ++i) {
    many += ",1";
  }
  EXPECT_FALSE(read({{"job", many}}).ids("job").has_value());
}

TEST(Query, FilterHoldsOnlyWhatIsRestricted) {
  const auto filter = read({{"last", "1h"}, {"company", "3"}, {"job", "1,2"}}).filter(kNow);
  ASSERT_TRUE(filter.has_value());
  EXPECT_EQ(filter->ids.size(), 2u);
  EXPECT_EQ(filter->ids.at(Dimension::kJob), (std::vector<int64_t>{1, 2}));
}

TEST(Query, NumbersWordsAndTextsKeepToTheirLimits) {
  EXPECT_EQ(*read({}).integer("limit", 50, 1, 100), 50);
  EXPECT_EQ(*read({{"limit", "100"}}).integer("limit", 50, 1, 100), 100);
  for (const char* text : {"0", "101", "x", "", "1.0"}) {
    EXPECT_FALSE(read({{"limit", text}}).integer("limit", 50, 1, 100).has_value()) << text;
  }
  EXPECT_EQ(*read({}).word("step", {"auto", "hour"}), "auto");
  EXPECT_EQ(read({{"step", "year"}}).word("step", {"auto", "hour"}).error().allowed, "auto, hour");
  EXPECT_EQ(*read({{"search", "Zürich"}}).text("search", 6), "Zürich");
  EXPECT_FALSE(read({{"search", "Zürich"}}).text("search", 5).has_value());
  for (const char* text : {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(read({{"search", text}}).text("search", 100).has_value());
  }
}

TEST(Query, CellKeysReadBack) {
  const CellKey key{kNow, -5, INT64_MAX, 0, INT64_MIN};
  EXPECT_EQ(parse_cell_key(format_cell_key(key)), key);
  for (const char* text :
       {"", "1.2.3.4", "1.2.3.4.5.6", "1.2.3.4.x", "-1.2.3.4.5", "9999999999.1.1.1.1"}) {
    EXPECT_EQ(parse_cell_key(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace hirestream
