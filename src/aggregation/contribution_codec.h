// Contributions as bytes: the ledger's blobs. Format version 1: a sealed blob (sealed_bytes.h)
// "HSC1" of: cell count (LEB128), then per cell in key order: local_hour as zig-zag difference to
// the cell before, job_id … group_id zig-zag, a byte whose bits say which of the six measures
// follow, those as zig-zag LEB128. Equal contributions give equal bytes; cells written in any other
// way (numbers longer than need be, zero measures) are damage.
#pragma once

#include <string>
#include <string_view>

#include "model/contribution.h"
#include "model/result.h"

namespace hirestream {

// `contribution` must be canonical.
std::string encode_contribution(const Contribution& contribution);
// kRejected when the blob is damaged: wrong magic, checksum, order or length. Never trusts a length
// before checking it.
Result<Contribution> decode_contribution(std::string_view blob);

}  // namespace hirestream
