#include "adapters/cassandra/cassandra_scan_source.h"

#include <gtest/gtest.h>

#include "model/timestamp.h"

namespace hirestream {
namespace {

int64_t us_of(std::string_view text) {
  return parse_timestamp(text)->us;
}

TEST(TextBound, IsTheDateTwoDaysBefore) {
  EXPECT_EQ(text_bound(us_of("2022-07-03 00:00:00")), "2022-07-01");
  EXPECT_EQ(text_bound(us_of("2022-07-02 23:59:59.999")), "2022-06-30");
}

// The text is the civil time anywhere on earth, of an instant not before the bound.
TEST(TextBound, IsBelowEveryTextOfALaterInstant) {
  const int64_t from = us_of("2022-07-03 00:30:00");
  for (const std::string_view text :
       {"2022-07-03 00:30:00", "2022-07-02 12:30:00-12:00", "2022-07-02T12:30:00-12:00",
        "2022-07-03 14:30:00+14:00", "2022-07-02"}) {
    EXPECT_LT(text_bound(from), text);
  }
}

TEST(TextBound, StaysWithinFourDigitYears) {
  EXPECT_EQ(text_bound(INT64_MIN / 2), "0001-01-01");
  EXPECT_EQ(text_bound(INT64_MAX / 2), "9999-12-31");
}

}  // namespace
}  // namespace hirestream
