#include "cli/log_watch.h"

#include <algorithm>

namespace hirestream {

LogWatch::LogWatch(int64_t patience_us, Clock& clock)
    : patience_us_(patience_us),
      clock_(clock),
      started_us_(clock.now_us()),
      set_back_to_us_(started_us_) {}

void LogWatch::looked(int64_t own_written_us, int64_t store_began_us, bool read_to_end) {
  const int64_t now_us = clock_.now_us();
  // It comes some time after it was stored, and something else is stored by then.
  const bool came = own_written_us != own_written_us_;
  own_written_us_ = own_written_us;
  // By a clock that was set back; what an earlier run stored before that lies ahead of it.
  set_back_to_us_ = std::min(set_back_to_us_, now_us);
  const bool stored_since = own_written_us >= set_back_to_us_ && own_written_us <= now_us;
  has_heard_ = has_heard_ || own_written_us >= started_us_ || stored_since;
  const bool all_came = own_written_us >= store_began_us;
  if (came || all_came || !read_to_end || now_us < waiting_since_us_) {
    waiting_since_us_ = 0;
  }
  if (!all_came && read_to_end && waiting_since_us_ == 0) {
    waiting_since_us_ = now_us;
  }
}

bool LogWatch::is_silent() const {
  return waiting_since_us_ != 0 && clock_.now_us() - waiting_since_us_ >= patience_us_;
}

}  // namespace hirestream
