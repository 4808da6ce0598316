#include "kernel/kernel.h"

#include <utility>

#include "cli/engine_options.h"
#include "cli/open_jobs.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/publish_report.h"
#include "cli/rebuild_report.h"
#include "cli/rebuild_run.h"
#include "config/secrets.h"
#include "config/setting_table.h"
#include "pipeline/publish.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

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

Result<void> check_names(const KernelSettings& settings) {
  for (const auto& [name, value] : settings.options) {
    if (find_setting(name) == nullptr) {
      return fail(ErrorKind::kConfig, "read settings", name, "there is no such setting",
                  "`hirestream run --print-configuration-reference` lists them");
    }
  }
  return {};
}

// Each process has settings of its own, a version, and rules of time zones.
Result<void> check_rules(const StagedRun& run, const Fingerprint& own) {
  const std::string differences = describe_differences(run.source.fingerprint, own);
  if (differences.empty()) {
    return {};
  }
  return fail(ErrorKind::kConfig, "stage", run.id,
              "this process counts by other rules than the run: " + differences,
              "give it the settings of the process that began the run, and the same version");
}

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::open(const KernelSettings& given) {
  HIRESTREAM_TRY(check_names(given));
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
  std::unique_ptr<Kernel> kernel(new Kernel(std::move(settings), std::move(engine)));
  if (given.frame) {
    kernel->source_ = std::make_unique<FrameSource>(*given.frame);
  } else {
    HIRESTREAM_ASSIGN(kernel->source_,
                      open_source(kernel->settings_.sources.front(), kernel->observer_));
  }
  kernel->counter_.emplace(*kernel->source_, kernel->engine_);
  return kernel;
}

Result<Staging*> Kernel::staging() {
  if (staging_ == nullptr) {
    if (!settings_.warehouse.uri) {
      return fail(ErrorKind::kConfig, "read settings", "warehouse.uri", "no warehouse given",
                  "staging needs one: warehouse.uri, or HIRESTREAM_WAREHOUSE_URI");
    }
    HIRESTREAM_ASSIGN(staging_, open_staging(settings_.warehouse, IfMissing::kCreate));
  }
  return staging_.get();
}

// What a run counts is published as settled.
Result<int64_t> Kernel::begin_run(const std::string& run, bool strongest) {
  if (description().may_miss_rows && !strongest) {
    return fail(
        ErrorKind::kConfig, "begin run", description().identity,
        "its rows have several replicas, and are read from so few that some which a majority "
        "has acknowledged may be missing",
        "?consistency=LOCAL_QUORUM behind the source, or --strongest");
  }
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  return hirestream::begin_run(settings_.warehouse, *staged, run, description(), engine_, strongest,
                               clock_);
}

Result<void> Kernel::stage(const std::string& run, int64_t attempt,
                           std::span<const SlicePart> parts) {
  for (const SlicePart& part : parts) {
    if (part.key == kOneSlice) {
      return fail(ErrorKind::kConfig, "stage", run, "rows were counted as one slice",
                  "count them without ONE_SLICE");
    }
  }
  HIRESTREAM_ASSIGN(Staging * staged, staging());
  HIRESTREAM_ASSIGN(const StagedRun begun, staged->find(run));
  HIRESTREAM_TRY(check_rules(begun, fingerprint_of(description(), engine_)));
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
