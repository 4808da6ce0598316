// The rates people look at, each the quotient of two sums. Rates of parts cannot be averaged to the
// rate of the whole, so they are made last, from the measures that are shown beside them. Pure.
#pragma once

#include <optional>

#include "model/contribution.h"

namespace hirestream {

// Nothing: the divisor is 0. Money in units of the currency, not millionths.
struct KeyFigures {
  std::optional<double> click_through_rate;   // clicks / impressions
  std::optional<double> conversion_rate;      // conversions / clicks
  std::optional<double> qualified_ratio;      // qualified / (qualified + unqualified)
  std::optional<double> average_bid;          // spend / clicks: also the cost per click
  std::optional<double> cost_per_conversion;  // spend / conversions
  std::optional<double> cost_per_qualified;   // spend / qualified
  friend bool operator==(const KeyFigures&, const KeyFigures&) = default;
};

KeyFigures key_figures(const Measures& measures);

}  // namespace hirestream
