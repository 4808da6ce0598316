#include "cli/log_watch.h"

namespace hirestream {

LogWatch::LogWatch(int64_t patience_us, Clock& clock)
    : patience_us_(patience_us), clock_(clock), started_us_(clock.now_us()) {}

void LogWatch::looked(int64_t own_written_us, int64_t store_began_us, bool read_to_end) {
  const int64_t now_us = clock_.now_us();
  // It comes some time after it was stored, and something else is stored by then.
  const bool came = own_written_us != own_written_us_;
  own_written_us_ = own_written_us;
  has_heard_ = has_heard_ || own_written_us >= started_us_;
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
