// One simulated run of a mirror, or of one on each of three nodes: between a fake table with its
// fake commit logs, which lose segments, miss rows and are started again, and a fake mirror's
// table, on a simulated clock. Deterministic.
//
// Invariants: Prompt (what any log had is in the mirror without a reconcile), Mirrored (in the end
// the mirror has what the table has), Invented (it has nothing
// that nobody wrote), Noted (what came late into a slice was noted behind it), Thrifty (where
// nothing differs nothing is copied).
#pragma once

#include <cstdint>

#include "simulation/simulation.h"

namespace hirestream::simulation {

RunReport run_mirror(uint64_t seed, bool tracing);

}  // namespace hirestream::simulation
