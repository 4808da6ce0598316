#include "kernel/kernel.h"

#include <algorithm>
#include <utility>

#include "cli/engine_options.h"
#include "cli/open_jobs.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/publish_report.h"
#include "cli/rebuild_report.h"
#include "cli/rebuild_run.h"
#include "config/secrets.h"
#include "model/floor_divide.h"
#include "pipeline/publish.h"
#include "pipeline/ring_walk.h"
#include "pipeline/scan_clock.h"

namespace hirestream {
namespace {

// What nobody has published after a week is forgotten.
constexpr int64_t kStagedUs = 7LL * 86'400'000'000;

// Rows come in batches: there is nothing to read.
class FrameSource final : public EventSource {
 public:
  explicit FrameSource(const KernelSettings::Frame& frame) {
    description_.strategy = Strategy::kScan;
    description_.kind = frame.kind;
    description_.identity = frame.identity;
    description_.replicas = false;
    description_.slice_reads = false;
  }
  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t>) override {
    return discovery_of({});
  }
  Result<int64_t> newest_bucket(int64_t) override { return 0; }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest) override {
    return fail(ErrorKind::kBug, "read", description_.identity, "a frame has no ring to read",
                "count its batches");
  }
  ReadStatistics statistics() const override { return {}; }

 private:
  SourceDescription description_;
};

Result<void> check_one_source(const Settings& settings, bool frame) {
  const SourceSettings& source = settings.sources.front();
  if (settings.sources.size() > 1) {
    return fail(ErrorKind::kConfig, "read settings", "source.uri",
                std::to_string(settings.sources.size()) + " sources are given",
                "one kernel counts one source: name it by source.uri");
  }
  if (!frame && (!source.uri || source.uri->scheme != Scheme::kCassandra)) {
    return fail(ErrorKind::kConfig, "read settings", "source.uri",
                source.uri ? source.uri_text + " has no token ring" : "no source given",
                "give cassandra://HOST/KEYSPACE/TABLE, or count batches of a frame");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::open(const KernelSettings& given) {
  SettingsInput input;
  input.environment = process_environment();
  input.file = given.config_file;
  input.options = given.options;
  HIRESTREAM_ASSIGN(Settings settings, load_settings(input));
  HIRESTREAM_TRY(check_one_source(settings, given.frame.has_value()));
  SourceSettings& source = settings.sources.front();
  if (source.name.empty() && given.frame) {
    source.name = given.frame->identity;
  }
  HIRESTREAM_ASSIGN(EngineOptions engine, engine_options(settings, source));
  // Not longer than the observer that open_source is given.
  std::unique_ptr<Kernel> kernel(new Kernel(std::move(settings), std::move(engine), nullptr));
  if (given.frame) {
    kernel->source_ = std::make_unique<FrameSource>(*given.frame);
  } else {
    HIRESTREAM_ASSIGN(kernel->source_,
                      open_source(kernel->settings_.sources.front(), kernel->observer_));
  }
  return kernel;
}

SliceCounter::Wants Kernel::wants(const CountRequest& request) const {
  if (description().strategy == Strategy::kScan) {
    const ScanClock clock(description(), engine_);
    return [clock, request](const SliceKey& key) {
      // Rows without an event time are never over; there is nothing to wait for, either.
      return (!request.closed_only || !ScanClock::event_of(key) ||
              clock.is_over(key, request.begun_us)) &&
             clock.is_in_bound(key, request.window);
    };
  }
  const int64_t first_not_over =
      floor_divide(request.begun_us - engine_.grace_us, description().bucket_width.us());
  return [first_not_over, request](const SliceKey& key) {
    return !request.closed_only || key.bucket < first_not_over;
  };
}

SliceCounter Kernel::counter(const CountRequest& request) {
  return {description(), engine_.counting, wants(request),
          request.unique ? SliceCounter::Ids::kUnique : SliceCounter::Ids::kMayRepeat,
          request.contiguous ? SliceCounter::Order::kContiguous : SliceCounter::Order::kAny};
}

Result<void> Kernel::count_sweep(SweepRequest request, SliceCounter& counter) {
  HIRESTREAM_ASSIGN(const auto sweep, source_->sweep(std::move(request)));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, sweep->next());
    if (!page) {
      return {};
    }
    HIRESTREAM_TRY(counter.add(page->rows, page->slice));
  }
}

Result<void> Kernel::check_keys(const CountRequest& request) const {
  const SourceDescription& source = description();
  if (source.strategy != Strategy::kScan || source.unique_rows || request.trust_keys) {
    return {};
  }
  return fail(ErrorKind::kConfig, "count range", source.identity,
              "rows with one create_time may lie in several partitions, which no task can see",
              "where that is not so, say it: trust keys (--trust-keys); else read it by --reader "
              "connector, or with the engine");
}

Result<std::vector<SlicePart>> Kernel::count_range(uint64_t begin, uint64_t end,
                                                   const CountRequest& request) {
  HIRESTREAM_TRY(check_keys(request));
  const bool scan = description().strategy == Strategy::kScan;
  CountRequest counting = request;
  counting.unique = scan;
  SliceCounter counter = this->counter(counting);
  const ReadLevel level = request.strongest ? ReadLevel::kStrongest : ReadLevel::kConfigured;
  if (scan) {
    // It gives parts out whenever it likes: no need to stop anywhere.
    HIRESTREAM_TRY(count_sweep({RingPart{begin, end, request.window}, level}, counter));
    return counter.take();
  }
  RingWalk walk(engine_.rows_per_commit, begin);
  while (walk.place() < end) {
    RingPart part = walk.part();
    part.end = std::min(part.end, end);
    const int64_t before = counter.rows();
    HIRESTREAM_TRY(count_sweep({part, level}, counter));
    HIRESTREAM_TRY(counter.close_slices());
    walk.advance(part.end, counter.rows() - before);
  }
  return counter.take();
}

Result<std::vector<SlicePart>> Kernel::count_slices(std::span<const SliceKey> slices,
                                                    const CountRequest& request) {
  if (!description().slice_reads) {
    return fail(ErrorKind::kConfig, "count slices", description().identity,
                "its slices cannot be read by name", "count a range of it");
  }
  SliceCounter counter = this->counter(request);
  const ReadLevel level = request.strongest ? ReadLevel::kStrongest : ReadLevel::kConfigured;
  const auto at_once = static_cast<size_t>(engine_.slices_per_read);
  for (size_t begin = 0; begin < slices.size(); begin += at_once) {
    std::vector<SliceRead> reads;
    for (const SliceKey& key : slices.subspan(begin, std::min(at_once, slices.size() - begin))) {
      reads.push_back({key, std::nullopt});
    }
    HIRESTREAM_TRY(count_sweep({std::move(reads), level}, counter));
    HIRESTREAM_TRY(counter.close_slices());
  }
  return counter.take();
}

Result<Staging*> Kernel::staging() {
  if (staging_ == nullptr) {
    if (!settings_.warehouse.uri) {
      return fail(ErrorKind::kConfig, "read settings", "warehouse.uri", "no warehouse given",
                  "staging needs one: warehouse.uri, or HIRESTREAM_WAREHOUSE_URI");
    }
    HIRESTREAM_ASSIGN(staging_, open_staging(settings_.warehouse));
  }
  return staging_.get();
}

Result<int64_t> Kernel::begin_run(const std::string& run, bool strongest) {
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings_.warehouse));
  HIRESTREAM_TRY(warehouse->init());
  const int64_t now_us = clock_.now_us();
  HIRESTREAM_TRY(staged->expire(now_us - kStagedUs));
  const StagedRun begun{.id = run,
                        .source = {.name = engine_.source_name,
                                   .kind = description().kind,
                                   .fingerprint = fingerprint_of(description(), engine_)},
                        .shard_count = description().shard_count,
                        .lifetime_us = description().lifetime_us,
                        .strongest = strongest || !description().replicas,
                        .begun_us = now_us};
  HIRESTREAM_TRY(described(begun));
  HIRESTREAM_TRY(staged->begin(begun));
  return now_us;
}

Result<void> Kernel::stage(const std::string& run, int64_t attempt,
                           std::span<const SlicePart> parts) {
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  return staged->stage(run, attempt, parts);
}

Result<void> Kernel::accept(const std::string& run, std::span<const int64_t> attempts) {
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  return staged->accept(run, attempts);
}

Result<void> Kernel::forget(const std::string& run) {
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  return staged->forget(run);
}

Result<std::string> Kernel::publish_run(const std::string& run, bool compare, bool whole) {
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings_.warehouse));
  HIRESTREAM_ASSIGN(const auto jobs, open_jobs(settings_.jobs));
  PublishOptions options;
  options.engine = engine_;
  options.run = run;
  options.compare = compare;
  options.whole = whole;
  HIRESTREAM_ASSIGN(const PublishReport report, publish({.staging = *staged,
                                                         .warehouse = *warehouse,
                                                         .jobs = jobs.get(),
                                                         .clock = clock_,
                                                         .observer = observer_},
                                                        options));
  return publish_report_json(report);
}

Result<std::string> Kernel::rebuild_run(const std::string& run) {
  HIRESTREAM_TRY(staging());
  LeaseKeeper lease(settings_.warehouse, rebuild_lease());
  HIRESTREAM_TRY(wait_for_turn(lease, settings_.warehouse, {}));
  HIRESTREAM_ASSIGN(
      const RunRebuild done,
      hirestream::rebuild_run(settings_, run, rebuild_options(settings_, {}), clock_, observer_));
  return run_rebuild_json(done);
}

}  // namespace hirestream
