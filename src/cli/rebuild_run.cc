#include "cli/rebuild_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "cli/engine_options.h"
#include "cli/generate_writing.h"
#include "cli/open_jobs.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

constexpr const char* kLeaseOfRebuilds = "(rebuild)";
constexpr int64_t kLeaseUs = 10'000'000;
constexpr int64_t kLookUs = 500'000;
constexpr size_t kSlicesPerDrop = 1024;
// What nobody has published after a week is forgotten.
constexpr int64_t kStagedUs = 7LL * 86'400'000'000;

// What is staged of these slices has been dealt with, as a later publish() would find out.
Result<void> drop_replaced(Staging& staging, const std::string& run,
                           const std::vector<SliceKey>& keys) {
  for (size_t at = 0; at < keys.size(); at += kSlicesPerDrop) {
    HIRESTREAM_TRY(
        staging.drop(run, std::span(keys).subspan(at, std::min(kSlicesPerDrop, keys.size() - at))));
  }
  return {};
}

// Adds what the rebuild has put in place.
void add_replaced(PublishReport& report, const PublishReport& counted,
                  const std::vector<SliceKey>& replaced) {
  report.staged = counted.staged;
  report.slices_published += static_cast<int64_t>(replaced.size());
  for (const PublishedSlice& slice : counted.published) {
    if (std::binary_search(replaced.begin(), replaced.end(), slice.key)) {
      report.rows += slice.rows;
      report.classes += slice.classes;
    }
  }
}

// What publishing would refuse when everything has been counted.
Result<void> check_run(Warehouse& warehouse, const SourceDescription& source,
                       EngineOptions& engine) {
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, warehouse.sources());
  const std::vector<SourceRegistration> known = registrations_of(sources);
  const auto same = std::ranges::find(known, engine.source_name, &SourceRegistration::name);
  if (same != known.end() && !engine.counting.start_at_us) {
    engine.counting.start_at_us = start_at_of(same->fingerprint);
  }
  return check_source(warehouse, known,
                      {engine.source_name, source.kind, fingerprint_of(source, engine)});
}

}  // namespace

LeaseRequest rebuild_lease() {
  return {kLeaseOfRebuilds, {0}, kLeaseUs};
}

Result<void> wait_for_turn(LeaseKeeper& lease, const WarehouseSettings& settings,
                           const std::stop_token& stop) {
  for (int64_t waited_us = 0;; waited_us += kLookUs) {
    HIRESTREAM_ASSIGN(const auto holder, lease.acquire());
    if (!holder) {
      return {};
    }
    // Whoever was killed does not renew it.
    if (waited_us > kLeaseUs * 3 / 2 || !sleep_unless_stopped(kLookUs, stop)) {
      return fail(ErrorKind::kConfig, "rebuild", settings.uri->path + settings.uri->database,
                  fmt::format("another rebuild is at work: {}", holder->owner),
                  "wait for its end, or stop it");
    }
  }
}

RebuildOptions rebuild_options(const Settings& settings, const std::stop_token& stop) {
  RebuildOptions options;
  options.allow_shrink = settings.engine.allow_shrink;
  options.run = fmt::format("{:08x}", std::random_device()());
  options.stop = stop;
  options.wait = [](int64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); };
  return options;
}

Result<int64_t> begin_run(const WarehouseSettings& settings, Staging& staging,
                          const std::string& run, const SourceDescription& source,
                          EngineOptions& engine, bool strongest, Clock& clock) {
  if (run.empty() || run.size() > kRunIdMax) {
    return fail(ErrorKind::kConfig, "begin run", run,
                fmt::format("its name has {} bytes; allowed are 1 to {}", run.size(), kRunIdMax));
  }
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings));
  HIRESTREAM_TRY(warehouse->init());
  HIRESTREAM_TRY(check_run(*warehouse, source, engine));
  const StagedRun begun = begun_run(run, source, engine, strongest, clock.now_us());
  HIRESTREAM_TRY(described(begun));
  HIRESTREAM_TRY(staging.expire(begun.begun_us - kStagedUs));
  HIRESTREAM_TRY(staging.begin(begun));
  return begun.begun_us;
}

Result<RunRebuild> rebuild_run(const Settings& settings, const std::string& run,
                               RebuildOptions options, Clock& clock, Observer& observer) {
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto staging, open_staging(settings.warehouse));
  HIRESTREAM_ASSIGN(const auto jobs, open_jobs(settings.jobs));
  PublishOptions publishing;
  HIRESTREAM_ASSIGN(publishing.engine, engine_options(settings, settings.sources.front()));
  publishing.run = run;
  PublishPorts ports{.staging = *staging,
                     .warehouse = *warehouse,
                     .jobs = jobs.get(),
                     .clock = clock,
                     .observer = observer};
  PublishReport counted;
  options.replace = [&](Warehouse& copy) -> Result<ReplacedSlices> {
    PublishOptions keeping = publishing;
    keeping.keep_staged = true;
    HIRESTREAM_ASSIGN(counted, publish({.staging = *staging,
                                        .warehouse = copy,
                                        .jobs = nullptr,
                                        .clock = clock,
                                        .observer = observer},
                                       keeping));
    ReplacedSlices replaced{counted.run.source.name, {}};
    for (const PublishedSlice& slice : counted.published) {
      replaced.slices.push_back(slice.key);
    }
    return replaced;
  };
  RunRebuild done;
  HIRESTREAM_ASSIGN(done.rebuild,
                    rebuild_warehouse(settings.warehouse, std::move(options), clock, observer));
  HIRESTREAM_TRY(drop_replaced(*staging, run, done.rebuild.slices_replaced));
  HIRESTREAM_ASSIGN(done.publish, publish(ports, publishing));
  add_replaced(done.publish, counted, done.rebuild.slices_replaced);
  return done;
}

}  // namespace hirestream
