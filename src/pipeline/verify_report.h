// How both halves of verify tell what they found: names and samples, bounded.
#pragma once

#include <string>

#include "model/contribution.h"
#include "model/slice.h"
#include "pipeline/verify.h"

namespace hirestream {

// A file's path, or "slice SHARD/BUCKET".
std::string slice_name(const LedgerEntry& entry);
void name_slice(VerifyReport& report, const LedgerEntry& entry);
// Samples of these cells, with their values in both contributions.
void note_cells(VerifyReport& report, const Contribution& cells, const Contribution& expected,
                const Contribution& found, const std::string& where);
void note_differences(VerifyReport& report, const Contribution& expected, const Contribution& found,
                      const std::string& where);

}  // namespace hirestream
