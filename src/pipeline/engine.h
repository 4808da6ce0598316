// The engine: keeps `events` equal to a recount of one source's raw log. A deterministic state
// machine over ports: it has no thread, no clock and no database of its own; whoever owns it calls
// step() again and again.
//
// Threading: one thread at a time. Errors of step(): kTransient = call again after a pause (the
// engine has lost nothing); any other kind = stop (kConfig that may pass: where everything has
// worked before, call again after a pause). Fenced engines return kConfig with operation "fence";
// kRejected: the raw log must be put right first (recount.h: check_sums); a file that
// cannot be used is none of these: see StepReport::left_out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "aggregation/counting_options.h"
#include "model/reading_rules.h"
#include "model/result.h"
#include "ports/clock.h"
#include "ports/event_source.h"
#include "ports/job_directory.h"
#include "ports/observer.h"
#include "ports/warehouse.h"

namespace hirestream {

struct EngineOptions {
  // Unique in the warehouse.
  std::string source_name;
  // Empty: all of the source's.
  std::vector<int32_t> shards;
  // "host:pid", for people.
  std::string owner;
  CountingOptions counting;
  // Only for the fingerprint; the source applies it.
  ReadingRules reading;

  int64_t poll_interval_us = 250'000;
  // Instead of it while new rows come.
  int64_t busy_poll_interval_us = 50'000;
  int64_t overlap_us = 300'000;
  int64_t look_back_us = 10'000'000;
  int64_t look_back_interval_us = 5'000'000;
  int64_t grace_us = 120'000'000;
  std::vector<int64_t> audit_delays_us = {600'000'000, 3'600'000'000, 14'400'000'000,
                                          86'400'000'000};
  // How long settled slices can still change before they freeze; 0: for ever. Tail and follow: from
  // when they settle, by default 7 days. Scan: from the begin of the period in which their rows
  // arrived, by default one period less than rows live; for ever, if they never expire.
  std::optional<int64_t> retention_us;
  // How long days stay in `events`; nothing: for ever. Only checked here: whoever runs engines
  // removes them (events_retention.h).
  std::optional<int64_t> events_retention_us;
  // Tail: look for partitions nobody expected.
  int64_t discover_interval_us = 600'000'000;
  // Scan: pause between bounded scans.
  int64_t scan_interval_us = 10'000'000;
  // Scan: event times a bounded scan covers, back from now.
  int64_t scan_window_us = 7'200'000'000;
  // Scan: everything, rows without ts too.
  int64_t full_scan_interval_us = 3'600'000'000;
  // Files: look for new and changed files.
  int64_t watch_interval_us = 1'000'000;
  // Dimension refresh.
  int64_t jobs_interval_us = 30'000'000;
  bool allow_shrink = false;
  // Also of slices past their retention, whose rows are missing because they have expired.
  bool allow_shrink_expired = false;
  bool may_shrink(bool past_retention) const {
    return allow_shrink && (allow_shrink_expired || !past_retention);
  }
  // Catch-up: slices recounted in one go, at most.
  int32_t slices_per_read = 512;
  // Scan.
  size_t slices_per_commit = 4000;
  // Catch-up: rows recounted in one go, about.
  int64_t rows_per_commit = 250'000;
  // Of history: a commit takes no more parts once it has so many cells (a slice's line counts as
  // eight). It bounds its memory, and how long polls, and other writers of the same rows, wait.
  size_t history_cells_per_commit = 350'000;
  int64_t rejects_cap = 10'000;
  int64_t rejects_keep_us = 30LL * 86'400'000'000;
  // Commit tokens are derived from it: give each engine a random one.
  uint64_t token_seed = 0;
};

// Operation of the error that ends an engine when another one has taken over.
inline constexpr const char* kFence = "fence";

struct EnginePorts {
  EventSource& source;
  Warehouse& warehouse;
  // None: company_id stays 0.
  JobDirectory* jobs = nullptr;
  Clock& clock;
  Observer& observer;
  // Once it is asked for, a commit that fails is not tried again.
  std::stop_token stop = {};
};

struct StepReport {
  // When there is work again (Clock time); <= now: at once.
  int64_t next_due_us = 0;
  // Everything that can be known now is in: for --once.
  bool caught_up = false;
  int64_t rows_counted = 0;
  // As the engine knows them after this step, with those that were held before it started.
  int64_t slices_held = 0;
  // What keeps it from having caught up, and is tried again; it may never end by itself (a replica
  // that is down for good).
  std::optional<Error> blocked;
  // Parts of the input that cannot be used (a damaged file), each told once: the engine goes on
  // with the rest.
  std::vector<Error> left_out;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Registers the source (fingerprint), takes the epochs, loads the ledger. Recounts of open slices
  // follow in step().
  virtual Result<void> start() = 0;
  // One bounded piece of work: a poll, a batch of the catch-up, a few audits. At most one or a few
  // transactions.
  virtual Result<StepReport> step() = 0;
};

// kConfig when options contradict each other, whatever the source; the subject is the option's name
// on the command line, without dashes.
Result<void> check_engine_options(const EngineOptions& options);

// kConfig when options do not fit such a source: its strategy, shards and lifetime matter.
Result<void> check_options_fit(const EngineOptions& options, const SourceDescription& source);

// Picks the state machine by the source's strategy. kConfig as both above.
Result<std::unique_ptr<Engine>> make_engine(const EnginePorts& ports, EngineOptions options);

// The option, or else what is usual for such a source; 0: for ever.
int64_t retention_us(const EngineOptions& options, const SourceDescription& source);

// What of the options and the source goes into the fingerprint.
Fingerprint fingerprint_of(const SourceDescription& source, const EngineOptions& options);

// Where counting starts by such a fingerprint, in microseconds; nothing: everything is counted.
std::optional<int64_t> start_at_of(const Fingerprint& fingerprint);

}  // namespace hirestream
