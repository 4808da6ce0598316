// What was counted of a slice somewhere else, and travels: the kernel's answer, a row of the
// staging table (aggregation/slice_part_codec.h). The parts of a slice are of disjoint rows and add
// up in any order (Tally::add).
#pragma once

#include <vector>

#include "model/contribution.h"
#include "model/not_counted.h"
#include "model/slice.h"

namespace hirestream {

struct SlicePart {
  SliceKey key;
  RowDigest digest = {};
  RowClasses classes = {};
  Contribution contribution = {};  // canonical
  std::vector<RejectedRow> rejects = {};
  std::vector<NotCounted> not_counted = {};
  friend bool operator==(const SlicePart&, const SlicePart&) = default;
};

}  // namespace hirestream
