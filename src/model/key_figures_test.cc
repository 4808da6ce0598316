#include "model/key_figures.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(KeyFigures, AreQuotientsOfSums) {
  const KeyFigures figures = key_figures({.impressions = 400,
                                          .clicks = 100,
                                          .conversions = 8,
                                          .qualified = 3,
                                          .unqualified = 1,
                                          .bid_micros = 120'000'000});
  EXPECT_EQ(figures.click_through_rate, 0.25);
  EXPECT_EQ(figures.conversion_rate, 0.08);
  EXPECT_EQ(figures.qualified_ratio, 0.75);
  EXPECT_EQ(figures.average_bid, 1.2);
  EXPECT_EQ(figures.cost_per_conversion, 15.0);
  EXPECT_EQ(figures.cost_per_qualified, 40.0);
}

TEST(KeyFigures, QuotientByZeroIsNothing) {
  EXPECT_EQ(key_figures({}), KeyFigures{});
  const KeyFigures only_conversions = key_figures({.conversions = 2, .bid_micros = 5});
  EXPECT_FALSE(only_conversions.conversion_rate.has_value());
  EXPECT_FALSE(only_conversions.average_bid.has_value());
  EXPECT_EQ(only_conversions.cost_per_conversion, 5.0 / 2e6);
}

TEST(KeyFigures, ZeroOfSomethingIsZeroNotNothing) {
  const KeyFigures figures = key_figures({.impressions = 5, .unqualified = 2});
  EXPECT_EQ(figures.click_through_rate, 0.0);
  EXPECT_EQ(figures.qualified_ratio, 0.0);
}

TEST(KeyFigures, OfTheWholeAreNotTheAverageOfTheParts) {
  const Measures one{.impressions = 1, .clicks = 1};
  const Measures two{.impressions = 99, .clicks = 0};
  Measures both = one;
  both += two;
  EXPECT_EQ(key_figures(both).click_through_rate, 0.01);
}

TEST(KeyFigures, LargeSumsKeepTheirPrecision) {
  const int64_t micros = 9'007'199'254'740'991;  // nine milliards and a bit
  EXPECT_DOUBLE_EQ(*key_figures({.clicks = 1, .bid_micros = micros}).average_bid,
                   9007199254.740991);
}

}  // namespace
}  // namespace hirestream
