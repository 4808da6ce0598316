// How the key of a cell is packed into one number: hour, job, publisher, campaign and group, each
// in as many bits as the values that were seen need and some to spare, the hour first. So packed
// keys have the order of CellKey. What is negative, needs more than kPartBitsMax bits, or does not
// fit beside the others, is not packed. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aggregation/counted_rows.h"
#include "model/contribution.h"

namespace hirestream {

class KeyLayout {
 public:
  static constexpr size_t kParts = 5;
  // The hour counts from hour_base().
  using Parts = std::array<uint64_t, kParts>;

  // Holds no key at all: no hour is so late.
  KeyLayout() = default;
  // `bits`: of each part; together at most 63.
  KeyLayout(int64_t hour_base, const std::array<uint32_t, kParts>& bits);

  int64_t hour_base() const { return hour_base_; }
  Parts parts(const CellKey& key) const {
    return {static_cast<uint64_t>(key.local_hour - hour_base_), static_cast<uint64_t>(key.job_id),
            static_cast<uint64_t>(key.publisher_id), static_cast<uint64_t>(key.campaign_id),
            static_cast<uint64_t>(key.group_id)};
  }
  // Bits of the parts that have no place; 0: all have.
  uint64_t excess(const Parts& parts) const {
    return (parts[0] & excess_[0]) | (parts[1] & excess_[1]) | (parts[2] & excess_[2]) |
           (parts[3] & excess_[3]) | (parts[4] & excess_[4]);
  }
  // Meaningless if there is an excess. (Products, for shifts by a number that is not a constant are
  // slower.)
  uint64_t pack(const Parts& parts) const {
    return parts[0] * unit_[0] + parts[1] * unit_[1] + parts[2] * unit_[2] + parts[3] * unit_[3] +
           parts[4];
  }
  CellKey unpack(uint64_t key) const;

 private:
  int64_t hour_base_ = int64_t{1} << 40;
  std::array<uint32_t, kParts> bits_{};
  std::array<uint64_t, kParts> unit_{};
  std::array<uint64_t, kParts> excess_{~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0},
                                       ~uint64_t{0}};
};

// Which keys a layout is to hold.
class KeyRange {
 public:
  static constexpr uint32_t kPartBitsMax = 40;

  // False, and nothing is changed: no layout holds this key together with those that were added.
  bool add(const CellKey& key);
  // All of them, or none.
  bool add(const CountedRows& rows);
  bool empty() const { return lowest_hour_ > highest_hour_; }
  // Holds all that were added, and nothing that could not be. Where bits are left every part gets
  // some of them, the hours to both sides, so that another layout is rarely needed.
  KeyLayout layout() const;

 private:
  uint64_t hours() const { return static_cast<uint64_t>(highest_hour_ - lowest_hour_); }
  std::array<uint32_t, KeyLayout::kParts> bits() const;
  void include(const CellKey& key);
  bool fits() const;

  int64_t lowest_hour_ = INT64_MAX;
  int64_t highest_hour_ = INT64_MIN;
  // All values of a part, or'ed; the hour's is not used.
  KeyLayout::Parts seen_{};
};

}  // namespace hirestream
