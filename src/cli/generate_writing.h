// Writing rows with patience: what `generate`, `import` and `demo` share.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>

#include "model/raw_event.h"
#include "model/result.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

// Writes; tries again with growing pauses while the error is kTransient, the same rows each time (which is harmless), for
// at most give_up_after_us or until a stop is requested; then the last error. `retries` is raised by each new attempt. Blocking.
Result<void> write_patiently(RawLogWriter& writer, std::span<const RawEvent> events,
                             int64_t give_up_after_us, const std::stop_token& stop,
                             int64_t& retries);

// Sleeps in small steps; false when a stop was requested.
bool sleep_unless_stopped(int64_t us, const std::stop_token& stop);

}  // namespace hirestream
