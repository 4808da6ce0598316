// Going on with a raw log that is not what it was: a table that was made anew, or that has other
// columns. Under its name the source goes on; nothing of what was counted is changed, and guard
// Shrink decides about what the raw log gives less than before.
#pragma once

#include <string>

#include "pipeline/engine.h"

namespace hirestream {

struct Adoption {
  // What is not as it was when the source was counted, for people; empty: nothing.
  std::string differences;
  // The ledger knows the source as it is now.
  bool stored = false;
};

// Compares the source with what the ledger knows of that name; `accept`: stores it as it is now.
// kConfig: the name is not known, or something else differs, which must not change. kTransient:
// maybe stored; asked again, it says so.
Result<Adoption> adopt_source(const EnginePorts& ports, const EngineOptions& options, bool accept);

}  // namespace hirestream
