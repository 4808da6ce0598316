// Slices: the unit of replacement, and what is known of one besides its contribution.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>

#include "model/result.h"
#include "model/row_id.h"

namespace hirestream {

// Within one source. `bucket` numbers the slices of a shard: the arrival time divided by the bucket
// width (tail), arrival and event times (scan: scan_bucket.h), a block of a raw log's sequence
// numbers (follow), or the hash of a file's path (files).
struct SliceKey {
  int32_t shard = 0;
  int64_t bucket = 0;
  friend auto operator<=>(const SliceKey&, const SliceKey&) = default;
};

struct SliceKeyHash {
  size_t operator()(const SliceKey& key) const {
    const uint64_t mixed =
        (static_cast<uint64_t>(key.bucket) * 31 + static_cast<uint32_t>(key.shard)) *
        0x9E3779B97F4A7C15ULL;
    return mixed ^ (mixed >> 32);
  }
};

// Where a row stands in the order in which its slice fills: its arrival in microseconds since 1970
// (tail) or its sequence number (follow). Only positions of one source can be compared.
struct Position {
  int64_t value = INT64_MIN;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// How much a bucket holds: a time, of arrivals (tail) or of events (scan), or so many sequence
// numbers (follow). Files have no width.
class BucketWidth {
 public:
  BucketWidth() = default;
  static BucketWidth seconds(int64_t seconds) { return BucketWidth(Time{seconds * 1'000'000}); }
  static BucketWidth rows(int64_t rows) { return BucketWidth(Rows{rows}); }

  bool is_time() const { return std::holds_alternative<Time>(width_); }
  // Only of a time.
  int64_t us() const {
    HIRESTREAM_CHECK(is_time());
    return std::get<Time>(width_).us;
  }
  // As fingerprints have always stored it: seconds, sequence numbers, or 0.
  int64_t number() const {
    if (is_time()) {
      return us() / 1'000'000;
    }
    const auto* block = std::get_if<Rows>(&width_);
    return block == nullptr ? 0 : block->count;
  }

 private:
  struct Time {
    int64_t us = 0;
  };
  struct Rows {
    int64_t count = 0;
  };
  using Width = std::variant<std::monostate, Time, Rows>;
  explicit BucketWidth(Width width) : width_(width) {}

  Width width_;
};

// In the ledger; a slice that is frozen has left it. (2 was its state in ledgers of older
// versions.)
enum class SliceState : uint8_t { kOpen = 0, kSettled = 1 };

// Count and order-free hash (sum mod 2⁶⁴ of each distinct row's hash): equal digests mean equal
// sets of rows. In the ledger a hash may not be known: an older version made it of other things.
struct RowDigest {
  int64_t rows = 0;
  uint64_t hash = 0;
  bool hash_known() const { return hash != 0 || rows == 0; }
  // Whether rows that are counted now may be those: as far as is known.
  bool may_be(const RowDigest& counted) const {
    return rows == counted.rows && (hash == counted.hash || !hash_known());
  }
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
  // A counted kind without a job.
  int64_t unattributed = 0;
  // A kind that is not counted: alive, redirect, …
  int64_t other = 0;
  // No event time, unreadable value, impossible bid, …
  int64_t rejected = 0;
  // Seen after their slice froze.
  int64_t too_late = 0;
  RowClasses& operator+=(const RowClasses& classes);
  int64_t total() const { return counted + unattributed + other + rejected + too_late; }
  friend bool operator==(const RowClasses&, const RowClasses&) = default;
};

// A row that could not be counted, kept with its reason. May hold personal data: capped and
// expiring.
struct RejectedRow {
  RowId id;
  // A stable word: "ts_missing", "ts_unreadable", "ts_in_future", "bid_negative", …
  std::string reason;
  std::string column;
  // As it came, at most kRejectedValueMax bytes.
  std::string value;
  // What else is known of the row, as JSON.
  std::string row;
  friend bool operator==(const RejectedRow&, const RejectedRow&) = default;
};
inline constexpr size_t kRejectedValueMax = 512;

// One line of the ledger, without its contribution.
struct LedgerEntry {
  SliceKey key;
  // A file's path and its version (size, time); empty elsewhere.
  std::string name;
  std::string tag;
  int64_t revision = 0;
  SliceState state = SliceState::kOpen;
  RowDigest digest;
  RowClasses classes;
  int64_t settled_at_us = 0;
  int64_t audited_at_us = 0;
  // When it last changed after it was settled; 0: never.
  int64_t corrected_at_us = 0;
  // A recount missed rows counted before and waits for confirmation.
  bool held = false;
};

}  // namespace hirestream
