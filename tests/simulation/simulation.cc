#include "simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "aggregation/tally.h"
#include "pipeline/verify.h"
#include "simulation/fake_warehouse.h"
#include "simulation/setup.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kSpinsMax = 50;
constexpr int64_t kFreezeSlackUs = 130 * kSecondUs;  // of an engine that nothing disturbs

class ProcessClock : public Clock {
 public:
  explicit ProcessClock(const World& world) : world_(world) {}
  int64_t now_us() override { return world_.now_us() + error_us; }
  int64_t error_us = 0;

 private:
  const World& world_;
};

class FakeJobDirectory : public JobDirectory {
 public:
  FakeJobDirectory(World& world, const std::vector<JobChange>& changes, std::string process)
      : world_(world), changes_(changes), process_(std::move(process)) {}

  Result<Loaded<Job>> load() override {
    world_.port_call(process_, "load job directory");
    if (world_.fault(world_.rates.jobs_error, "job directory error")) {
      // Once it has been read, a table that is missing is only being replaced.
      return read_before_ ? fail(ErrorKind::kConfig, "load", "jobs", "no such table")
                          : fail(ErrorKind::kTransient, "load", "jobs", "time-out");
    }
    read_before_ = true;
    std::map<int64_t, Job> jobs;
    for (const JobChange& change : changes_) {
      if (change.at_us <= world_.now_us()) {
        jobs[change.job.job_id] = change.job;
      }
    }
    Loaded<Job> out;
    for (const auto& [id, job] : jobs) {
      out.entries.push_back(job);
    }
    return out;
  }
  Result<Loaded<Publisher>> load_publishers() override { return Loaded<Publisher>(); }

 private:
  World& world_;
  const std::vector<JobChange>& changes_;
  std::string process_;
  bool read_before_ = false;
};

class TraceObserver : public NullObserver {
 public:
  TraceObserver(World& world, std::string process) : world_(world), process_(std::move(process)) {}
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override {
    if (world_.tracing()) {
      world_.trace(process_, fmt::format("{} slice {}/{} {}", slice_event_name(event), slice.shard,
                                         slice.bucket, detail));
    }
  }
  void on_retry(const Error& error, int, int64_t) override {
    world_.trace(process_, "retries after: " + error.text());
  }
  void on_note(const std::string&, const std::string& text) override {
    world_.trace(process_, text);
  }

 private:
  World& world_;
  std::string process_;
};

// One program run: an engine, or a verification.
struct Process {
  Process(World& world, const std::string& process_name) : name(process_name), clock(world) {}

  std::string name;
  size_t group = 0;
  ProcessClock clock;
  std::unique_ptr<EventSource> source;
  std::unique_ptr<Warehouse> warehouse;
  std::unique_ptr<JobDirectory> jobs;
  std::unique_ptr<TraceObserver> observer;
  std::unique_ptr<Engine> engine;
  int64_t wake_us = 0;
  int64_t spins = 0;
  bool running = false;  // in the middle of a call
  bool dead = false;
  bool caught_up = false;
};

class Run {
 public:
  explicit Run(const RunParameters& parameters)
      : parameters_(parameters),
        setup_(make_setup(parameters.seed, parameters.strategy, parameters.seconds)),
        world_(parameters.seed ^ 0x5EED, setup_.start_us, parameters.tracing),
        log_(make_log()),
        checks_(world_, log_, setup_.promptness),
        database_(world_, checks_),
        misconfiguration_(parameters.seed * 1009 + 7) {
    world_.rates = setup_.rates;
    world_.fault_windows = setup_.fault_windows;
    world_.warehouse_outages = setup_.warehouse_outages;
    world_.warehouse_full = setup_.warehouse_full;
    world_.source_outages = setup_.source_outages;
    world_.replica_outages = setup_.replica_outages;
    world_.disturb();
    database_.epochs_do_not_wait = parameters.defect == Defect::kEpochsDoNotWait;
  }

  RunReport run() {
    RunReport report;
    try {
      for (size_t group = 0; group < setup_.groups.size(); ++group) {
        new_process("engine", group, setup_.start_us);
      }
      simulate(setup_.end_us);
      check_end();
      if (setup_.expiry_end_us != 0) {
        simulate(setup_.expiry_end_us);
        check_expired();
      }
      check_foreign_changes();
    } catch (const InvariantViolation& violation) {
      report.failure = violation.invariant + ": " + violation.text;
    } catch (const SimulatedCrash&) {
      report.failure = "Bug: a crash outside of any process";
    }
    report.simulated_us = world_.now_us() - setup_.start_us;
    report.rows = static_cast<int64_t>(log_.rows().size());
    report.steps = steps_;
    report.port_calls = world_.port_calls();
    report.commits = database_.commits();
    report.faults = world_.faults();
    report.crashes = world_.crashes();
    report.trace.assign(world_.trace_lines().begin(), world_.trace_lines().end());
    return report;
  }

 private:
  RawLog make_log() {
    Random random(parameters_.seed * 977 + 5);
    return setup_.make_log(random);
  }

  void equip(Process& process, bool repair) {
    process.source = with_defect(parameters_.defect,
                                 std::make_unique<FakeEventSource>(world_, log_, process.name));
    process.warehouse =
        with_defect(parameters_.defect, repair,
                    std::make_unique<FakeWarehouse>(world_, database_, process.name));
    process.jobs = with_defect(parameters_.defect, std::make_unique<FakeJobDirectory>(
                                                       world_, setup_.job_changes, process.name));
    process.observer = std::make_unique<TraceObserver>(world_, process.name);
  }

  EnginePorts ports(Process& process) {
    return {*process.source, *process.warehouse, process.jobs.get(), process.clock,
            *process.observer};
  }

  EngineOptions options(size_t group) {
    EngineOptions out = setup_.options;
    apply_defect(parameters_.defect, out);
    out.shards = setup_.groups[group];
    out.token_seed = world_.random.next();
    // A source that is known keeps its start.
    if (registered_ && misconfiguration_.chance(0.5)) {
      out.counting.start_at_us.reset();
    }
    registered_ = registered_ || database_.commits() > 0;
    return out;
  }

  Process& new_process(const std::string& kind, size_t group, int64_t wake_us) {
    auto process =
        std::make_unique<Process>(world_, fmt::format("{}{}", kind, processes_.size() + 1));
    process->group = group;
    process->wake_us = wake_us;
    if (setup_.clock_error_max_us > 0) {
      process->clock.error_us =
          world_.random.between(-setup_.clock_error_max_us, setup_.clock_error_max_us);
    }
    processes_.push_back(std::move(process));
    return *processes_.back();
  }

  void simulate(int64_t end_us) {
    world_.run_others = [this] { run_due_processes(); };
    // Once everything has happened, the engines get a while to say that they have caught up.
    while (world_.now_us() < end_us ||
           (!all_caught_up() && world_.now_us() < end_us + 60 * kSecondUs)) {
      play_events();
      Process* next = nullptr;
      for (const auto& process : processes_) {
        if (!process->dead && (next == nullptr || process->wake_us < next->wake_us)) {
          next = process.get();
        }
      }
      const int64_t until_us = std::min(next == nullptr ? INT64_MAX : next->wake_us,
                                        world_.now_us() / kSecondUs * kSecondUs + kSecondUs);
      world_.advance_to(until_us);
      if (next != nullptr && next->wake_us <= world_.now_us()) {
        run_process(*next);
      }
      if (world_.now_us() / kSecondUs != checked_second_) {
        checked_second_ = world_.now_us() / kSecondUs;
        if (!all_know_all_shards()) {
          world_.disturb();
        }
        database_.end_orphans(false);
        checks_.check_promptness(database_.ledger());
        if (setup_.strategy == Strategy::kTail &&
            world_.disturbed_us() + kFreezeSlackUs < world_.now_us()) {
          check_frozen_in_time(kFreezeSlackUs);
        }
      }
      replace_dead_processes();
    }
  }

  bool all_caught_up() const {
    return std::all_of(processes_.begin(), processes_.end(),
                       [](const auto& process) { return process->dead || process->caught_up; });
  }

  // Processes with work that is due, while another one waits for an answer.
  void run_due_processes() {
    if (depth_ >= 2) {
      return;
    }
    ++depth_;
    struct Leave {
      int& depth;
      ~Leave() { --depth; }
    } leave{depth_};
    if (depth_ == 1 && due(setup_.repairs_within_us)) {
      run_verification(true);
    }
    for (size_t i = 0; i < processes_.size(); ++i) {
      Process& process = *processes_[i];
      if (!process.dead && !process.running && process.wake_us <= world_.now_us()) {
        run_process(process);
      }
    }
  }

  void run_process(Process& process) {
    process.running = true;
    try {
      step(process);
    } catch (const SimulatedCrash&) {
      process.engine.reset();
      process.caught_up = false;
      world_.disturb();
      process.wake_us = world_.now_us() + world_.random.between(0, 8 * kSecondUs);
      // Another one may have taken over meanwhile; then this one stays away as often as not.
      process.dead = world_.random.chance(0.3);
    }
    process.running = false;
  }

  void step(Process& process) {
    ++steps_;
    const int64_t calls_before = world_.port_calls();
    if (process.engine == nullptr) {
      equip(process, false);
      auto engine = make_engine(ports(process), options(process.group));
      if (!engine) {
        throw InvariantViolation{"Options", engine.error().text()};
      }
      if (database_.commits() > 0 && misconfiguration_.chance(0.3)) {
        check_fingerprint(process);
      }
      process.engine = std::move(*engine);
      world_.trace(process.name, "starts");
      world_.disturb();
      const auto started = process.engine->start();
      if (!started) {
        return handle(process, started.error());
      }
    }
    const auto report = process.engine->step();
    if (!report) {
      return handle(process, report.error());
    }
    process.caught_up = report->caught_up;
    const int64_t due_us = report->next_due_us - process.clock.error_us;
    process.spins =
        world_.port_calls() == calls_before && due_us <= world_.now_us() ? process.spins + 1 : 0;
    if (process.spins > kSpinsMax) {
      throw InvariantViolation{"Liveness", process.name +
                                               " says again and again that it has work, "
                                               "and does nothing"};
    }
    process.wake_us = std::max(due_us, world_.now_us());
    if (world_.now_us() > quiet_us() && due_us > world_.now_us()) {
      process.wake_us += world_.random.between(0, 2 * kSecondUs);  // nothing new: saves time
    }
  }

  // Fingerprint: an engine that would count otherwise is refused.
  void check_fingerprint(Process& process) {
    EngineOptions wrong = setup_.options;
    wrong.shards = setup_.groups[process.group];
    CountingOptions& counting = wrong.counting;
    switch (misconfiguration_.below(6)) {
      case 0:
        counting.attribution = counting.attribution == Attribution::kColumns
                                   ? Attribution::kPayload
                                   : Attribution::kColumns;
        break;
      case 1:
        counting.reporting_zone = TimeZone::find("Asia/Tokyo").value();
        break;
      case 2:
        wrong.source_timezone = "Asia/Tokyo";
        break;
      case 3:
        counting.kinds.kinds["redirect"] = EventKind::kClick;
        break;
      case 4:
        counting.future_max_us += kSecondUs;
        break;
      default:
        counting.ts_min_us += kSecondUs;
        break;
    }
    world_.trace(process.name, "starts with other options");
    auto engine = make_engine(ports(process), wrong);
    const auto started = (*engine)->start();
    if (started || (started.error().kind != ErrorKind::kConfig &&
                    started.error().kind != ErrorKind::kTransient)) {
      throw InvariantViolation{"Fingerprint",
                               process.name + " starts with options that count otherwise"};
    }
  }

  bool knows_all_shards(const Process& process) const {
    return process.source == nullptr || process.source->description().shard_count ==
                                            std::max(setup_.source.shard_count, setup_.more_shards);
  }

  // Rows of shards that nobody reads are not counted at once.
  bool all_know_all_shards() const {
    return std::all_of(processes_.begin(), processes_.end(), [this](const auto& process) {
      return process->dead || process->engine == nullptr || knows_all_shards(*process);
    });
  }

  int64_t quiet_us() const {
    return std::max({setup_.writing_end_us, setup_.faults_end_us, setup_.gone_until_us}) +
           30 * kSecondUs;
  }

  void handle(Process& process, const Error& error) {
    process.caught_up = false;
    world_.trace(process.name, "error: " + error.text());
    if (error.kind == ErrorKind::kTransient) {
      process.wake_us = world_.now_us() + world_.random.between(kSecondUs / 10, kSecondUs);
      return;
    }
    if (error.operation == "fence") {
      process.engine.reset();
      process.dead = true;
      return;
    }
    if (error.operation == kUnknownShard && !knows_all_shards(process)) {
      world_.count_fault("new shard unknown");
      process.engine.reset();  // the operator starts it again
      process.wake_us = world_.now_us() + world_.random.between(0, 5 * kSecondUs);
      return;
    }
    throw InvariantViolation{"Unexpected error", process.name + ": " + error.text()};
  }

  void replace_dead_processes() {
    for (size_t group = 0; group < setup_.groups.size(); ++group) {
      const auto any = [this, group](bool working) {
        return std::any_of(processes_.begin(), processes_.end(), [&](const auto& p) {
          return !p->dead && p->group == group && (!working || p->engine != nullptr);
        });
      };
      if (!any(true)) {
        world_.disturb();  // nobody counts this group's rows
      }
      if (!any(false)) {
        new_process("engine", group, world_.now_us() + world_.random.between(0, 5 * kSecondUs));
      }
    }
  }

  // Takes from `times` what is due.
  bool due(std::vector<int64_t>& times) const {
    if (times.empty() || times.front() > world_.now_us()) {
      return false;
    }
    times.erase(times.begin());
    return true;
  }

  void play_events() {
    if (due(setup_.takeovers_us)) {
      const size_t group = world_.random.below(setup_.groups.size());
      world_.count_fault("takeover");
      new_process("engine", group, world_.now_us());
    }
    if (due(setup_.clock_steps_us)) {
      world_.count_fault("clock step");
      for (const auto& process : processes_) {
        process->clock.error_us =
            world_.random.between(-setup_.clock_error_max_us, setup_.clock_error_max_us);
        // The last step sets it right again.
        if (!setup_.clock_steps_us.empty() && world_.random.chance(0.7)) {
          process->clock.error_us += setup_.clock_step_us * (world_.random.chance(0.7) ? 1 : -1);
        }
      }
      world_.trace("world", "clocks step");
    }
    if (setup_.restart_us && *setup_.restart_us <= world_.now_us()) {
      setup_.restart_us.reset();
      for (const auto& process : processes_) {
        if (!process->running) {
          process->engine.reset();
          process->wake_us = world_.now_us();
        }
      }
      world_.count_fault("restart for more shards");
      world_.trace("world", "engines are started again: more shards to come");
    }
    if (setup_.upgrade_us && *setup_.upgrade_us <= world_.now_us()) {
      setup_.upgrade_us.reset();
      database_.forget_row_hashes();
      world_.count_fault("row hashes forgotten");
      world_.trace("world", "an upgrade forgets the row hashes");
      world_.disturb();
    }
    if (due(setup_.damages_us)) {
      database_.damage_a_blob();
    }
    if (due(setup_.verifications_us)) {
      run_verification(true);
    }
  }

  // What a command does that is no engine. Nothing: it ended early (a crash or an error).
  template <typename Value>
  std::optional<Value> run_publisher(const std::string& name, bool repair,
                                     Result<Value> (*work)(const EnginePorts& ports,
                                                           const VerifyOptions& options)) {
    Process process(world_, name);
    equip(process, true);
    VerifyOptions verify_options;
    verify_options.engine = options(0);
    verify_options.engine.shards.clear();
    verify_options.repair = repair;
    verify_options.engine.allow_shrink = setup_.options.allow_shrink || allow_shrink_;
    world_.trace(name, repair ? "starts, with repair" : "starts");
    try {
      auto result = work(ports(process), verify_options);
      if (result) {
        return std::move(*result);
      }
      const Error& error = result.error();
      const bool too_few_shards = error.operation == kUnknownShard && !knows_all_shards(process);
      // Before an engine could register the source there is nothing to verify.
      const bool too_early = error.operation == "open source" && database_.ledger().empty();
      if (error.kind != ErrorKind::kTransient && !too_few_shards && !too_early) {
        throw InvariantViolation{"Unexpected error", name + ": " + error.text()};
      }
      world_.trace(name, "error: " + error.text());
    } catch (const SimulatedCrash&) {
      world_.trace(name, "killed");
    }
    return std::nullopt;
  }

  std::optional<VerifyReport> run_verification(bool repair) {
    const std::string name = fmt::format("verify{}", ++verifications_);
    auto report = run_publisher<VerifyReport>(name, repair, verify);
    if (!report) {
      return std::nullopt;
    }
    world_.trace(
        name, fmt::format("done: {} slices checked, {} different, {} repaired, {} held, "
                          "{} damaged, {} cells differ",
                          report->slices_checked, report->slices_different, report->slices_repaired,
                          report->slices_held, report->slices_damaged, report->cells_different));
    if (report->cells_different != 0) {
      throw InvariantViolation{
          "Verify", fmt::format("it reports {} cells that differ between events and ledger",
                                report->cells_different)};
    }
    return report;
  }

  void check_end() {
    database_.end_orphans(true);
    world_.run_others = nullptr;
    if (!all_caught_up()) {
      throw InvariantViolation{"Liveness", "an engine does not catch up in the end"};
    }
    check_late_rows();
    check_frozen_in_time(200 * kSecondUs);
    checks_.check_history(database_.ledger(), database_.history_cells(), setup_.start_us);
    check_companies();
    const int64_t too_late = database_.frozen_sum().classes.too_late;
    for (const auto& [key, slice] : database_.ledger()) {
      checks_.check_row_hash(key, slice);
    }
    run_publisher<int64_t>("retry", true, retry_rejects);
    const auto repaired = run_verification(true);
    if (!repaired) {
      throw InvariantViolation{"Liveness", "verify --repair does not finish without faults"};
    }
    check_too_late(too_late, repaired->rows_too_late);
    for (const auto& [key, slice] : database_.ledger()) {
      checks_.check_released(key, slice, world_.now_us());
    }
    if (repaired->slices_held > 0 && !rows_expire()) {
      allow_shrink_ = true;
      run_verification(true);
      allow_shrink_ = false;
    }
    const auto clean = run_verification(false);
    // What has expired stays counted, in slices that are held for it.
    // Damaged ones are replaced together or not at all: if one of them is held, what the others
    // gave is not known.
    const int64_t damaged_held = clean ? clean->slices_held - clean->slices_different : 0;
    const bool expired_only = clean && rows_expire() && clean->cells_different == 0 &&
                              damaged_held >= 0 && damaged_held <= clean->slices_damaged &&
                              (damaged_held > 0 || clean->slices_damaged == 0);
    if (!clean || (!expired_only && (!clean->clean() || clean->slices_held != 0))) {
      throw InvariantViolation{
          "Verify",
          fmt::format("after a repair: {} slices and {} cells differ, {} held",
                      clean ? clean->slices_different : -1, clean ? clean->cells_different : -1,
                      clean ? clean->slices_held : -1)};
    }
    checks_.check_truth(database_.ledger());
    for (const auto& [key, slice] : database_.ledger()) {
      checks_.check_released(key, slice, world_.now_us());
    }
    database_.check_atomic();
    check_companies();
    check_rejects();
  }

  // Accounted: rows that came when their slices were frozen are noted, by a scan without anybody's
  // help, and no more than there are.
  void check_too_late(int64_t noted, int64_t found) const {
    const int64_t scanned_us =
        setup_.end_us - setup_.options.full_scan_interval_us - 60 * kSecondUs;
    if (setup_.strategy == Strategy::kScan && found > noted &&
        database_.last_frozen_us() < scanned_us) {
      throw InvariantViolation{"Accounted",
                               fmt::format("{} rows came too late, {} are noted", found, noted)};
    }
    const FrozenDay sum = database_.frozen_sum();
    const int64_t most = checks_.rows_frozen_at_most() - sum.digest.rows;
    if (sum.classes.too_late > most) {
      throw InvariantViolation{"Accounted",
                               fmt::format("{} rows are noted as too late, at most {} can be",
                                           sum.classes.too_late, most)};
    }
  }

  bool rows_expire() const { return setup_.early_expiry > 0 || setup_.source.lifetime_us; }

  // Retention: every row has expired, and nothing was taken away.
  void check_expired() {
    world_.run_others = nullptr;
    if (!run_verification(true)) {
      throw InvariantViolation{"Liveness", "verify --repair does not finish without faults"};
    }
    checks_.check_truth(database_.ledger());
    database_.check_atomic();
  }

  // Late: what audits and discovery must have found without anybody's help.
  void check_late_rows() {
    const int64_t discovered_us =
        setup_.end_us - setup_.options.discover_interval_us - 30 * kSecondUs;
    for (const auto& [key, rows] : log_.slices()) {
      const bool frozen = database_.is_frozen(key);
      const auto& slices = frozen ? database_.frozen_slices() : database_.ledger();
      const auto found = slices.find(key);
      if (found == slices.end()) {
        check_undiscovered(key, frozen, discovered_us);
        continue;
      }
      const LedgerEntry& entry = found->second.entry;
      int64_t seen_us = discovered_us;
      if (setup_.strategy == Strategy::kScan) {
        // A frozen slice was looked at when its time had come.
        seen_us = frozen ? std::min(seen_us, checks_.scan_retention_end_us(key) - 4 * kSecondUs -
                                                 2 * setup_.clock_error_max_us)
                         : seen_us;
      } else {
        const int64_t last_us = audits_begin_us(entry) + setup_.options.audit_delays_us.back();
        seen_us = std::min(last_us - 4 * kSecondUs, discovered_us);
      }
      checks_.check_counted_by(key, found->second, seen_us, Checks::Invariant::kLate);
      if (!frozen) {
        checks_.check_truth_of_old(key, found->second, seen_us);
        checks_.check_released(key, found->second, seen_us);
      }
    }
  }

  // Of a slice that was never in the ledger: none of its rows came in time to be discovered before
  // its time to freeze.
  void check_undiscovered(const SliceKey& key, bool frozen, int64_t discovered_us) const {
    int64_t seen_us = discovered_us;
    if (frozen) {
      if (setup_.strategy != Strategy::kTail) {
        return;
      }
      LedgerEntry entry;
      entry.key = key;
      const int64_t discovery_us =
          setup_.options.discover_interval_us + 120 * kSecondUs + setup_.long_outage_us;
      seen_us =
          std::min(seen_us, audits_begin_us(entry) + *setup_.options.retention_us - discovery_us);
      // Else it may be history, which the ledger never has.
      if (setup_.source.ring_reads && seen_us < setup_.start_us + discovery_us) {
        return;
      }
    }
    checks_.check_counted_by(key, StoredSlice{}, seen_us, Checks::Invariant::kLate);
  }

  // Retention: what is past it has left the ledger.
  void check_frozen_in_time(int64_t slack_us) const {
    slack_us += 2 * setup_.clock_error_max_us;
    if (setup_.strategy == Strategy::kScan) {
      slack_us += setup_.options.full_scan_interval_us;
    }
    for (const auto& [key, slice] : database_.ledger()) {
      // Of long ago, but met only now: with the next ones that freeze.
      const int64_t end_us = setup_.strategy == Strategy::kScan
                                 ? checks_.scan_retention_end_us(key)
                                 : audits_begin_us(slice.entry) + *setup_.options.retention_us;
      const int64_t due_us = std::max(end_us, slice.entry.settled_at_us) + slack_us;
      // A block that is held before it is over counts as settled; it still fills up.
      if (slice.entry.state == SliceState::kSettled && is_over(key) && due_us < world_.now_us()) {
        throw InvariantViolation{
            "Retention", fmt::format("slice {}/{} should have left the ledger {:.0f} s ago",
                                     key.shard, key.bucket,
                                     static_cast<double>(world_.now_us() - due_us + slack_us) /
                                         static_cast<double>(kSecondUs))};
      }
    }
  }

  // Of follow: a later block exists.
  bool is_over(const SliceKey& key) const {
    return setup_.strategy != Strategy::kFollow ||
           key.bucket < log_.newest_sequence(world_.now_us()) / setup_.source.bucket_width.number();
  }

  int64_t audits_begin_us(const LedgerEntry& entry) const {
    return setup_.strategy == Strategy::kFollow
               ? entry.settled_at_us
               : (entry.key.bucket + 1) * setup_.source.bucket_width.us() + setup_.options.grace_us;
  }

  // Verify: what somebody else adds to a row, or takes away from it, is noticed.
  void check_foreign_changes() {
    Random random(parameters_.seed * 6421 + 11);
    const bool of_days = random.chance(0.3);
    const uint64_t choice = random.next();
    const int64_t amount = random.chance(0.5) ? 1 : -1;
    if (!database_.add_to_a_row(of_days, choice, amount)) {
      return;
    }
    const auto report = run_publisher<VerifyReport>("verify", false, verify);
    database_.add_to_a_row(of_days, choice, -amount);
    // Of damaged slices nobody knows what they gave.
    if (report && !report->cells_compared_in_part &&
        (of_days ? report->days_different : report->cells_different) == 0) {
      throw InvariantViolation{"Verify", fmt::format("it does not notice {} in a row of {}", amount,
                                                     of_days ? "the roll-up by day" : "events")};
    }
  }

  void check_companies() const {
    std::map<int64_t, int64_t> companies;
    for (const JobChange& change : setup_.job_changes) {
      companies[change.job.job_id] = change.job.company_id;
    }
    for (const auto* table : {&database_.events(), &database_.days()}) {
      for (const auto& [key, row] : *table) {
        const auto known = companies.find(key.job_id);
        const int64_t want = known == companies.end() ? 0 : known->second;
        if (row.company_id != want) {
          throw InvariantViolation{
              "Company", fmt::format("{}{}: company {}, expected {}",
                                     table == &database_.days() ? "day of " : "", describe(key),
                                     row.company_id, want)};
        }
      }
    }
  }

  // Every rejected row is kept with a reason.
  void check_rejects() const {
    for (const auto& [key, slice] : database_.ledger()) {
      int64_t kept = 0;
      for (const StoredReject& reject : database_.rejects()) {
        kept += reject.slice == key ? 1 : 0;
        if (reject.row.reason.empty()) {
          throw InvariantViolation{"Accounted", "a rejected row without a reason"};
        }
      }
      // Of a slice at most kRejectsPerSliceMax are kept.
      const int64_t rejected = slice.entry.classes.rejected;
      if (kept > rejected || kept < std::min<int64_t>(rejected, kRejectsPerSliceMax)) {
        throw InvariantViolation{"Accounted",
                                 fmt::format("slice {}/{}: {} rows rejected, {} kept", key.shard,
                                             key.bucket, slice.entry.classes.rejected, kept)};
      }
    }
  }

  bool allow_shrink_ = false;  // of verifications
  RunParameters parameters_;
  Setup setup_;
  World world_;
  RawLog log_;
  Checks checks_;
  WarehouseDatabase database_;
  Random misconfiguration_;
  std::vector<std::unique_ptr<Process>> processes_;
  int depth_ = 0;
  int64_t steps_ = 0;
  int64_t verifications_ = 0;
  bool registered_ = false;
  int64_t checked_second_ = 0;
};

}  // namespace

RunReport run_simulation(const RunParameters& parameters) {
  Run run(parameters);
  return run.run();
}

}  // namespace hirestream::simulation
