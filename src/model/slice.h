// Slices: the unit of replacement, and what is known of one besides its contribution.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

// Within one source. `bucket` numbers the slices of a shard: the arrival (tail) or event (scan) time divided by the
// bucket width, a block of a raw log's sequence numbers (follow), or the hash of a file's path (files).
struct SliceKey {
  int32_t shard = 0;
  int64_t bucket = 0;
  friend auto operator<=>(const SliceKey&, const SliceKey&) = default;
};

// Rows of a scan that have no event time belong to this bucket.
inline constexpr int64_t kNoTimeBucket = INT64_MIN / 2;

enum class SliceState : uint8_t { kOpen = 0, kSettled = 1, kFrozen = 2 };

// Count and order-free hash (sum mod 2⁶⁴ of each distinct row's hash): equal digests mean equal sets of rows.
struct RowDigest {
  int64_t rows = 0;
  uint64_t hash = 0;
  RowDigest& operator+=(const RowDigest& other) {
    rows += other.rows;
    hash += other.hash;
    return *this;
  }
  friend bool operator==(const RowDigest&, const RowDigest&) = default;
};

// Where every row read ended up; the sum is the number of rows read.
struct RowClasses {
  int64_t counted = 0;
  int64_t unattributed = 0;  // a counted kind without a job
  int64_t other = 0;         // a kind that is not counted: alive, redirect, …
  int64_t rejected = 0;      // no event time, unreadable value, impossible bid, …
  int64_t too_late = 0;      // seen after their slice froze
  RowClasses& operator+=(const RowClasses& classes);
  int64_t total() const { return counted + unattributed + other + rejected + too_late; }
  friend bool operator==(const RowClasses&, const RowClasses&) = default;
};

// A row that could not be counted, kept with its reason. May hold personal data: capped and expiring.
struct RejectedRow {
  RowId id;
  std::string
      reason;  // stable word: "ts_missing", "ts_unreadable", "ts_in_future", "bid_negative", …
  std::string column;
  std::string value;  // as it came, at most kRejectedValueMax bytes
  std::string row;    // what else is known of the row, as JSON
  friend bool operator==(const RejectedRow&, const RejectedRow&) = default;
};
inline constexpr size_t kRejectedValueMax = 512;

// One line of the ledger, without its contribution.
struct LedgerEntry {
  SliceKey key;
  std::string name;  // a file's path; empty elsewhere
  std::string tag;   // a file's version (size, time); empty elsewhere
  int64_t revision = 0;
  SliceState state = SliceState::kOpen;
  RowDigest digest;
  RowClasses classes;
  int64_t settled_at_us = 0;
  int64_t audited_at_us = 0;
  int64_t corrected_at_us = 0;  // when it last changed after it was settled; 0: never
  bool held = false;            // a recount missed rows counted before and waits for confirmation
};

}  // namespace hirestream
