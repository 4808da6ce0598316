// The bucket of a slice of a table that can only be scanned: the period in which its rows arrived
// and that of their event times. Rows of one slice arrive together, so that they expire together,
// and a scan bounded by event times sees a slice whole or not at all.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace hirestream {

// Both count widths since 1970.
struct ScanBucket {
  // Nothing: the ids tell no time, or none that can be.
  std::optional<int64_t> arrival;
  // Nothing: the rows have no event time, or one before 1970 or very far ahead.
  std::optional<int64_t> event;

  // Ordered by arrival, then by event; nothing comes last. Never negative.
  int64_t bucket() const;
  static ScanBucket of(int64_t bucket);
  // The first bucket of what arrived in that period.
  static int64_t first_of_arrival(int64_t arrival);

  friend bool operator==(const ScanBucket&, const ScanBucket&) = default;
};

}  // namespace hirestream
