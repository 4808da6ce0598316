// Puts the traffic model's rows into a raw log: history as fast as it goes, or live traffic at a
// rate. What `generate` and `demo` share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "cli/generate_journal.h"
#include "cli/generate_writing.h"
#include "cli/traffic_model.h"
#include "model/result.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

struct GenerateReport {
  int64_t rows = 0;     // acknowledged
  int64_t retries = 0;  // of writes that failed for a passing reason
  int64_t duration_us = 0;
  bool interrupted = false;
  // False: interrupted before the end of what is a whole or nothing; no rows then.
  bool kept = true;
};

struct HistoryPlan {
  int64_t rows = 0;
  int64_t from_us = 0;
  int64_t to_us = 0;
  int32_t writers = 1;  // threads, each with a writer of its own
  size_t batch_rows = 2000;
  int64_t give_up_after_us = 60'000'000;
  RetryNote on_retry = nullptr;
};

struct LivePlan {
  double rows_per_second = 100;
  std::optional<int64_t> rows = std::nullopt;         // ends after so many,
  std::optional<int64_t> duration_us = std::nullopt;  // or so long; neither: when stopped
  size_t batch_rows = 2000;                           // at most, when it has to catch up
  double duplicate_share = 0;
  int64_t pause_us = 10'000;  // between two writes
  int64_t give_up_after_us = 60'000'000;
  RetryNote on_retry = nullptr;
};

// Called now and then with the rows acknowledged so far; from any of the writing threads, never
// from two at once.
using GenerateProgress = std::function<void(int64_t rows)>;
using WriterFactory = std::function<Result<std::unique_ptr<RawLogWriter>>()>;

// Both finish the writers, but for a target that is a whole or nothing when rows are missing. (Live
// traffic without an end misses none when it is stopped.)

// Blocks until done or stopped (then without an error). `journal` may be null. The rows written do
// not depend on the number of writers.
Result<GenerateReport> generate_history(const TrafficModel& model, const HistoryPlan& plan,
                                        const WriterFactory& open_writer, Journal* journal,
                                        const std::stop_token& stop,
                                        const GenerateProgress& progress);

// Rows arrive when they are written: create_time is the moment before the write.
Result<GenerateReport> generate_live(const TrafficModel& model, const LivePlan& plan,
                                     RawLogWriter& writer, Journal* journal,
                                     const std::stop_token& stop, const GenerateProgress& progress);

}  // namespace hirestream
