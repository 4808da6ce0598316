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

struct RunParameters {
  uint64_t seed = 1;
  Strategy strategy = Strategy::kTail;
  // Another source that counts into the same warehouse, by engines of its own.
  std::optional<Strategy> companion;
  // Several engines share the shards by leases; now and then one is stopped for a while. Not beside
  // a companion.
  bool sharing = false;
  std::optional<int64_t> seconds;  // during which rows are written; else the seed decides
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
