// Writing rows with patience: what `generate`, `import` and `demo` share.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

#include "cli/commands.h"
#include "model/raw_event.h"
#include "model/result.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

// Told before the pause that precedes each new attempt; `attempt` starts at 1.
using RetryNote = std::function<void(const Error& error, int attempt, int64_t delay_us)>;
// As a warning of the log. Thread-safe.
RetryNote logged_retries(const CommandContext& context);

struct Patience {
  int64_t give_up_after_us = 0;
  const RetryNote& on_retry;  // may be empty
};

// Writes; tries again with growing pauses while the error is kTransient, the same rows each time
// (which is harmless), for at most give_up_after_us after the first failure, then the last error;
// or until a stop is requested, then false: the rows are not acknowledged. `retries` is raised by
// each new attempt. Blocking.
Result<bool> write_patiently(RawLogWriter& writer, std::span<const RawEvent> events,
                             const Patience& patience, const std::stop_token& stop,
                             int64_t& retries);
// Finishes in the same way.
Result<bool> finish_patiently(RawLogWriter& writer, const Patience& patience,
                              const std::stop_token& stop, int64_t& retries);

// Sleeps in small steps; false when a stop was requested.
bool sleep_unless_stopped(int64_t us, const std::stop_token& stop);

}  // namespace hirestream
