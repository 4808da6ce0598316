#include "config/values.h"

#include <gtest/gtest.h>

#include "config/suggestion.h"

namespace hirestream {
namespace {

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("90us"), 90);
  EXPECT_EQ(parse_duration("250ms"), 250'000);
  EXPECT_EQ(parse_duration("10s"), 10'000'000);
  EXPECT_EQ(parse_duration("2min"), 120'000'000);
  EXPECT_EQ(parse_duration("1.5 h"), 5'400'000'000);
  EXPECT_EQ(parse_duration("7d"), 604'800'000'000);
  EXPECT_EQ(parse_duration("0"), 0);
}

TEST(Duration, RefusesMissingOrUnknownUnitsAndSigns) {
  for (const char* text :
       {"", "10", "10m", "s", "-1s", "1e3s", "1..5s", "10 s s", "1e99d", "1000000000000d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, FormatsSoThatItReadsBack) {
  for (const int64_t us : {int64_t{0}, int64_t{1}, int64_t{1'500}, int64_t{250'000},
                           int64_t{120'000'000}, int64_t{90'000'000}, int64_t{604'800'000'000}}) {
    EXPECT_EQ(parse_duration(format_duration(us)), us);
  }
  EXPECT_EQ(format_duration(120'000'000), "2min");
  EXPECT_EQ(format_duration(90'000'000), "90s");
}

TEST(Shards, ReadsNumbersAndRangesSortedAndUnique) {
  const std::vector<int32_t> expected = {0, 1, 2, 3, 6};
  EXPECT_EQ(parse_shards("6, 0-3,2"), expected);
  EXPECT_EQ(format_shards(expected), "0-3,6");
}

TEST(Shards, RefusesNegativeBackwardAndHuge) {
  for (const char* text : {"-1", "3-1", "a", "1-", "0-99999", "1,,2"}) {
    EXPECT_EQ(parse_shards(text), std::nullopt) << text;
  }
}

TEST(Integer, AcceptsSignAndGroupsOnly) {
  EXPECT_EQ(parse_int64("200_000"), 200'000);
  EXPECT_EQ(parse_int64("+5"), 5);
  EXPECT_EQ(parse_int64("1.0"), std::nullopt);
  EXPECT_EQ(parse_int64(""), std::nullopt);
  EXPECT_EQ(parse_int64("99999999999999999999"), std::nullopt);
}

TEST(Suggestion, FindsSwappedMissingAndWrongLetters) {
  const std::vector<std::string> words = {"poll_interval", "overlap", "grace"};
  EXPECT_EQ(nearest_word("pol_intreval", words), "poll_interval");
  EXPECT_EQ(suggest("garce", words), "did you mean 'grace'?");
  EXPECT_EQ(suggest("zzzzzz", words), "allowed: poll_interval, overlap, grace");
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
}

}  // namespace
}  // namespace hirestream
