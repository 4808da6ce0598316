// Cells, measures and contributions: what a slice adds to the hourly table. All sums are integers,
// so any order, split or repetition of the input gives the same bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

namespace hirestream {

// One row of `events`. The order is that of the table's primary key: dates and hours first.
struct CellKey {
  // Civil hours since 1970 in the reporting time zone; date = hour / 24 (floored), hour = the rest.
  int32_t local_hour = 0;
  int64_t job_id = 0;
  int64_t publisher_id = 0;  // null dimensions are 0
  int64_t campaign_id = 0;
  int64_t group_id = 0;

  int32_t days() const;  // since 1970
  int32_t hour() const;  // 0..23
  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};

struct Measures {
  int64_t impressions = 0;
  int64_t clicks = 0;
  int64_t conversions = 0;
  int64_t qualified = 0;
  int64_t unqualified = 0;
  // Sum of the clicks' bids, in millionths.
  int64_t bid_micros = 0;

  bool is_zero() const { return *this == Measures{}; }
  bool any_negative() const;
  // Sums beyond 64 bits are never wrapped: they stop the process. Where bids come from outside
  // can_add() is asked first.
  bool can_add(const Measures& other) const;
  Measures& operator+=(const Measures& other);
  Measures& operator-=(const Measures& other);
  friend bool operator==(const Measures&, const Measures&) = default;
};

struct Cell {
  CellKey key;
  Measures measures;
  friend bool operator==(const Cell&, const Cell&) = default;
};

// Sorted by key, keys unique, no all-zero measures. As a difference it may hold negative measures.
using Contribution = std::vector<Cell>;

bool is_canonical(const Contribution& contribution);
// In a canonical contribution. Null: it has no such cell.
const Cell* find_cell(const Contribution& contribution, const CellKey& key);
// Sorts, adds up equal keys, drops zeros. Sums must fit.
void canonicalize(Contribution& contribution);
// False: a sum is beyond 64 bits; the contribution is useless then.
bool try_canonicalize(Contribution& contribution);
Contribution merge(const Contribution& a, const Contribution& b);
// a − b
Contribution difference(const Contribution& a, const Contribution& b);

}  // namespace hirestream
