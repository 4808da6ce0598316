// Is the log that a mirror follows the one that its node writes? What the mirror stores itself must
// come in it: a copy, a volume that was mounted anew, another cluster's log are read without any
// sign. One thread.
#pragma once

#include <cstdint>

#include "ports/clock.h"

namespace hirestream {

class LogWatch {
 public:
  // `patience_us`: longer than the node takes to show what it has acknowledged. Begins to wait for
  // what is stored from now on.
  LogWatch(int64_t patience_us, Clock& clock);

  // After each look. `own_written_us`: of what came last of the mirror's own; `store_began_us`: of
  // its last store; `read_to_end`: there was nothing more in the log.
  void looked(int64_t own_written_us, int64_t store_began_us, bool read_to_end);
  // Nothing needs to come: the node cannot be reached, or the mirror waits.
  void forgive() { waiting_since_us_ = 0; }

  // What was stored since the start has come; all that the node had acknowledged before has, too.
  bool has_heard() const { return has_heard_; }
  // What was stored has not come for too long, though the log was read to its end.
  bool is_silent() const;
  int64_t waiting_since_us() const { return waiting_since_us_; }

 private:
  const int64_t patience_us_;
  Clock& clock_;
  const int64_t started_us_;
  int64_t set_back_to_us_;  // the earliest time since the start
  bool has_heard_ = false;
  int64_t own_written_us_ = 0;
  int64_t waiting_since_us_ = 0;  // 0: for nothing
};

}  // namespace hirestream
