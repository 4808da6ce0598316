// What every engine does by the clock, whatever it reads: refresh the job dimension, expire
// rejected rows, and notice that the clock was set back. Not thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "pipeline/engine.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

// When recurring work is due next, in the clock's time.
struct Timer {
  int64_t due_us = 0;
  bool due(int64_t now_us) const { return now_us >= due_us; }
};

class Clockwork {
 public:
  // The engine's own timers move with the clock, too; they outlive this object.
  Clockwork(const EnginePorts& ports, const EngineOptions& options, SliceLedger& ledger,
            std::initializer_list<Timer*> timers);

  // Everything is due now. Returns now.
  int64_t start();
  // Reads the clock. If it was set back since the last look, whatever is due is due that much
  // earlier: else the engine would stand still until the clock has caught up.
  int64_t tick();
  // At the last tick: by how much; 0: it was not.
  int64_t set_back_us() const { return set_back_us_; }
  // What is due of the dimension and of the rejects.
  Result<void> do_chores();

 private:
  EnginePorts ports_;
  const EngineOptions& options_;
  SliceLedger& ledger_;
  std::vector<Timer*> timers_;
  Timer jobs_;
  Timer rejects_;
  int64_t now_us_ = 0;
  int64_t set_back_us_ = 0;
};

}  // namespace hirestream
