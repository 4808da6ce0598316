// What a block of rows counts as: what RowClassifier makes and Tally takes. Uninitialised but for
// its sizes and sums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aggregation/counted_rows.h"
#include "aggregation/known_kinds.h"
#include "model/not_counted.h"
#include "model/slice.h"

namespace hirestream {

// Rows of class other or unattributed: their numbers in the batch, and what they have in common
// with others.
struct NotCountedRows {
  // A group is all rows of one class and of one text that tells the kind. Rows whose text is not
  // among KnownKinds have kNoGroup or a greater one.
  static constexpr uint8_t kNoGroup = 2 * KnownKinds::kTextsMax;
  static constexpr size_t kGroups = kNoGroup + 2;
  static uint8_t group_of(uint8_t text, bool is_other) {
    return static_cast<uint8_t>(text * 2 + (is_other ? 0 : 1));
  }

  size_t size = 0;
  std::array<uint32_t, kBlockRows> row;
  std::array<uint8_t, kBlockRows> group;

  WhyNotCounted why(size_t i) const {
    return group[i] % 2 == 0 ? WhyNotCounted::kOtherKind : WhyNotCounted::kNoJob;
  }
};

struct RejectedRows {
  size_t size = 0;
  std::array<uint32_t, kBlockRows> row;
};

struct ClassifiedRows {
  RowDigest digest;
  RowClasses classes;
  CountedRows counted;
  NotCountedRows not_counted;
  RejectedRows rejected;
};

}  // namespace hirestream
