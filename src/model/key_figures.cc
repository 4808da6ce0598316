#include "model/key_figures.h"

namespace hirestream {
namespace {

std::optional<double> quotient(int64_t part, int64_t whole) {
  if (whole == 0) {
    return std::nullopt;
  }
  return static_cast<double>(part) / static_cast<double>(whole);
}

// One division by a product that is exact in a double up to 2⁵³: the nearest double to the true
// quotient, as good as always.
std::optional<double> cost(int64_t micros, int64_t count) {
  if (count == 0) {
    return std::nullopt;
  }
  return static_cast<double>(micros) / (static_cast<double>(count) * 1e6);
}

}  // namespace

KeyFigures key_figures(const Measures& m) {
  return {.click_through_rate = quotient(m.clicks, m.impressions),
          .conversion_rate = quotient(m.conversions, m.clicks),
          .qualified_ratio = quotient(m.qualified, m.qualified + m.unqualified),
          .average_bid = cost(m.bid_micros, m.clicks),
          .cost_per_conversion = cost(m.bid_micros, m.conversions),
          .cost_per_qualified = cost(m.bid_micros, m.qualified)};
}

}  // namespace hirestream
