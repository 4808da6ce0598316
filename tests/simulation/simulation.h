// One simulated run: real engines on a fake raw log, or on two that know nothing of each other, and
// a fake warehouse, in one thread, on a simulated clock. Deterministic: the same parameters give
// the same run, call by call.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ports/event_source.h"
#include "simulation/defects.h"

namespace hirestream::simulation {

// Several engines for the same shards; now and then one is stopped for a while.
enum class Leasing {
  kNone,
  kShared,   // each has its part of them
  kStandby,  // one has them all, the others wait
};

struct RunParameters {
  uint64_t seed = 1;
  Strategy strategy = Strategy::kTail;
  // Another source that counts into the same warehouse, by engines of its own.
  std::optional<Strategy> companion;
  Leasing leasing = Leasing::kNone;  // not beside a companion
  std::optional<int64_t> seconds;    // during which rows are written; else the seed decides
  std::optional<Defect> defect;
  bool tracing = false;
};

struct RunReport {
  // Empty: the run went well. Else "Invariant: what is wrong".
  std::string failure;
  int64_t simulated_us = 0;
  int64_t rows = 0;
  int64_t steps = 0;
  int64_t port_calls = 0;
  int64_t commits = 0;
  std::map<std::string, int64_t, std::less<>> faults;
  std::map<std::string, int64_t, std::less<>> crashes;  // by port call
  std::vector<std::string> trace;
};

RunReport run_simulation(const RunParameters& parameters);

}  // namespace hirestream::simulation
