// Parts of slices as whoever called the kernel sees them: a summary, and their cells as an Arrow
// record batch.
#pragma once

#include <span>
#include <string>

#include "model/slice_part.h"

struct ArrowSchema;
struct ArrowArray;

namespace hirestream {

// JSON, as hs_parts_summary says. `missing_columns`: ArrowBatch::missing_columns() of the batches
// that they were counted from.
std::string parts_summary(std::span<const SlicePart> parts, const std::string& missing_columns);
// Cells of all slices, added up. Structures are filled, and released by whoever takes them: the
// batch, and each column that was moved out of it, by itself.
// kRejected: a sum is beyond 64 bits.
Result<void> export_cells(std::span<const SlicePart> parts, ArrowSchema& schema, ArrowArray& array);

}  // namespace hirestream
