// Parts of slices as bytes. Format version 1: a sealed blob (sealed_bytes.h) "HSP1" of: shard and
// bucket, rows, hash (u64), the five classes, the contribution's own blob, rejects (id, reason,
// column, value, row), kinds (class, kind, rows, newest id, place). Equal parts give equal bytes.
#pragma once

#include <string>
#include <string_view>

#include "model/result.h"
#include "model/slice_part.h"

namespace hirestream {

std::string encode_part(const SlicePart& part);
// kRejected when the blob is damaged. Never trusts a length before checking it.
Result<SlicePart> decode_part(std::string_view blob);

}  // namespace hirestream
