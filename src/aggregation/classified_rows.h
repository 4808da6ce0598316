// What a block of rows counts as: what RowClassifier makes and Tally takes. Uninitialised but for
// its sizes and sums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aggregation/counted_rows.h"
#include "model/known_texts.h"
#include "model/not_counted.h"
#include "model/slice.h"

namespace hirestream {

// What tells a row's kind: the number of a text among KnownTexts, or kMax, times two; odd where it
// is that of ev and not of custom_track.
using KindText = uint8_t;

// Rows of class other or unattributed: their numbers in the batch, and what they have in common
// with others.
struct NotCountedRows {
  // A group is all rows of one class and of one text that tells the kind. Rows whose text is not
  // among KnownTexts have kNoGroup or a greater one.
  static constexpr uint16_t kNoGroup = 4 * KnownTexts::kMax;
  static constexpr size_t kGroups = kNoGroup + 4;
  static uint16_t group_of(KindText text, bool is_other) {
    return static_cast<uint16_t>(text * 2 + (is_other ? 0 : 1));
  }

  size_t size = 0;
  std::array<uint32_t, kBlockRows> row;
  std::array<uint16_t, kBlockRows> group;

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
