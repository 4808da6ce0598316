// Random rows and contributions for the properties, small enough that cells meet and large enough
// to hurt.
#pragma once

#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "aggregation/row_spec_test.h"
#include "model/contribution.h"

namespace hirestream {

// NOLINTNEXTLINE(readability-identifier-naming): rapidcheck looks for this name
inline void showValue(const RowSpec& row, std::ostream& out) {
  const auto number = [](const std::optional<int64_t>& value) {
    return value ? std::to_string(*value) : "null";
  };
  out << fmt::format(
      "{{id {} ts {} job {} publisher {} campaign {} group {} bid {} track '{}' ev '{}' ed '{}'}}",
      row.id ? format_uuid(*row.id) : "null", number(row.ts_us), number(row.job_id),
      number(row.publisher_id), number(row.campaign_id), number(row.group_id),
      number(row.bid_micros), row.custom_track, row.ev, row.ed);
}

// NOLINTNEXTLINE(readability-identifier-naming): rapidcheck looks for this name
inline void showValue(const Cell& cell, std::ostream& out) {
  const CellKey& key = cell.key;
  const Measures& m = cell.measures;
  out << fmt::format("{{{} {} {} {} {}: {} {} {} {} {} {}}}", key.local_hour, key.job_id,
                     key.publisher_id, key.campaign_id, key.group_id, m.impressions, m.clicks,
                     m.conversions, m.qualified, m.unqualified, m.bid_micros);
}

// Rows of all classes and kinds; the ids are 1, 2, 3 … microseconds after kArrivalUs.
inline rc::Gen<std::vector<RowSpec>> any_rows() {
  return rc::gen::exec([] {
    const auto id = [](int64_t largest) {
      return *rc::gen::oneOf(rc::gen::just(std::optional<int64_t>()),
                             rc::gen::map(rc::gen::inRange<int64_t>(0, largest), [](int64_t value) {
                               return std::optional<int64_t>(value);
                             }));
    };
    const auto count = *rc::gen::inRange<int64_t>(0, 60);
    std::vector<RowSpec> rows;
    for (int64_t i = 1; i <= count; ++i) {
      RowSpec row;
      row.id = id_at(kArrivalUs + i);
      row.ts_us = *rc::gen::weightedOneOf<std::optional<int64_t>>(
          {{8, rc::gen::map(rc::gen::inRange<int64_t>(-5, 3),
                            [](int64_t hours) {
                              return std::optional<int64_t>(kArrivalUs + hours * 3'600'000'000);
                            })},
           {1, rc::gen::just(std::optional<int64_t>())},
           {1, rc::gen::map(rc::gen::arbitrary<int64_t>(),
                            [](int64_t us) { return std::optional<int64_t>(us); })}});
      row.job_id = id(3);
      row.publisher_id = id(3);
      row.campaign_id = id(2);
      row.group_id = id(2);
      row.bid_micros = id(kBidMicrosMax + 1);
      row.custom_track = *rc::gen::element<std::string>("click", "click", "", "", "conversion",
                                                        "qualified", "unqualified", "alive");
      row.ev = *rc::gen::element<std::string>("1", "1", "", "2");
      row.ed = *rc::gen::element<std::string>("", R"({"jobId":"1","publisherId":2})",
                                              R"({"jobid":2})", R"({"publisherId":"4,1"})", "{");
      rows.push_back(row);
    }
    return rows;
  });
}

// Canonical, with measures of at most ±`largest`.
inline rc::Gen<Contribution> any_contribution(int64_t largest) {
  return rc::gen::exec([largest] {
    const auto count = *rc::gen::inRange(0, 30);
    Contribution contribution;
    for (int i = 0; i < count; ++i) {
      const auto measure = [largest] {
        return *rc::gen::weightedOneOf<int64_t>(
            {{2, rc::gen::just<int64_t>(0)},
             {2, rc::gen::inRange<int64_t>(-3, 4)},
             {1, rc::gen::inRange<int64_t>(-largest, largest)}});
      };
      Cell cell;
      cell.key = {*rc::gen::inRange(-2, 3), *rc::gen::inRange<int64_t>(0, 3),
                  *rc::gen::inRange<int64_t>(0, 2), *rc::gen::inRange<int64_t>(0, 2),
                  *rc::gen::inRange<int64_t>(0, 2)};
      cell.measures = {measure(), measure(), measure(), measure(), measure(), measure()};
      contribution.push_back(cell);
    }
    canonicalize(contribution);
    return contribution;
  });
}

// Canonical, with keys and measures from the whole range of their types.
inline rc::Gen<Contribution> extreme_contribution() {
  return rc::gen::exec([] {
    const auto number = [] {
      return *rc::gen::oneOf(
          rc::gen::arbitrary<int64_t>(), rc::gen::inRange<int64_t>(-2, 3),
          rc::gen::element<int64_t>(INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1));
    };
    const auto count = *rc::gen::inRange(0, 30);
    Contribution contribution;
    for (int i = 0; i < count; ++i) {
      Cell cell;
      cell.key = {*rc::gen::oneOf(rc::gen::arbitrary<int32_t>(),
                                  rc::gen::element<int32_t>(INT32_MIN, INT32_MAX, 0)),
                  number(), number(), number(), number()};
      cell.measures = {number(), number(), number(), number(), number(), number()};
      // Equal keys would be added up, beyond the range of int64.
      const bool known = std::any_of(contribution.begin(), contribution.end(),
                                     [&cell](const Cell& other) { return other.key == cell.key; });
      if (!known) {
        contribution.push_back(cell);
      }
    }
    canonicalize(contribution);
    return contribution;
  });
}

}  // namespace hirestream
