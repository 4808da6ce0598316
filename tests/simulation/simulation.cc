#include "simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "aggregation/tally.h"
#include "pipeline/adoption.h"
#include "pipeline/verify.h"
#include "ports/shard_leases.h"
#include "simulation/fake_warehouse.h"
#include "simulation/process_ports.h"
#include "simulation/setup.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kSpinsMax = 50;
constexpr int64_t kRenewalsPerLease = 4;
constexpr int64_t kFreezeSlackUs = 130 * kSecondUs;  // of an engine that nothing disturbs

// One raw log and what is asked of those that count it.
struct Source {
  Source(const World& world, Setup drawn, RawLog rows)
      : setup(std::move(drawn)),
        name(setup.options.source_name),
        log(std::move(rows)),
        checks(world, log, setup.promptness) {
    checks.allow_shrink(setup.options.allow_shrink);
  }

  Setup setup;
  std::string name;
  RawLog log;
  Checks checks;
  bool registered = false;
  // Of engines that share its shards, as the warehouse keeps them.
  std::vector<LeaseRow> leases;
  int64_t shared_since_us = 0;  // when some shard was counted by nobody last
  // Its own engines need time to recover; the other sources' are asked as ever.
  int64_t disturbed_us = 0;
};

// One program run: an engine, or a verification.
struct Process {
  Process(World& world, const std::string& process_name, Source& counted)
      : name(process_name), origin(counted), clock(world) {}

  std::string name;
  Source& origin;
  size_t group = 0;
  ProcessClock clock;
  std::unique_ptr<EventSource> source;
  std::unique_ptr<Warehouse> warehouse;
  std::unique_ptr<JobDirectory> jobs;
  std::unique_ptr<TraceObserver> observer;
  std::unique_ptr<Engine> engine;
  std::optional<ShareMember> member;  // of engines that share the shards
  int64_t renew_us = 0;
  int64_t stopped_until_us = 0;
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
        database_(world_),
        misconfiguration_(parameters.seed * 1009 + 7) {
    if (parameters.leasing != Leasing::kNone) {
      lease_shards(setup_, parameters.seed, parameters.leasing == Leasing::kStandby);
    }
    std::vector<Setup> setups = {setup_};
    if (parameters.companion) {
      setups.push_back(make_companion(setups.front(), parameters.seed, *parameters.companion));
      setup_ = setups.front();
    }
    for (Setup& setup : setups) {
      Random random(parameters.seed * 977 + 5 + 31 * sources_.size());
      RawLog log = setup.make_log(random);
      log.set_outages(setup.source_outages);
      if (sources_.size() == 1 && setup.gone_for_good_us != 0) {
        log.remove_at(setup.gone_for_good_us);
      }
      sources_.push_back(std::make_unique<Source>(world_, std::move(setup), std::move(log)));
      database_.watch(sources_.back()->name, sources_.back()->checks);
    }
    world_.rates = setup_.rates;
    world_.fault_windows = setup_.fault_windows;
    world_.warehouse_outages = setup_.warehouse_outages;
    world_.warehouse_full = setup_.warehouse_full;
    world_.replica_outages = setup_.replica_outages;
    world_.disturb();
    database_.epochs_do_not_wait = parameters.defect == Defect::kEpochsDoNotWait;
  }

  RunReport run() {
    RunReport report;
    try {
      for (const auto& source : sources_) {
        for (size_t group = 0; group < source->setup.groups.size(); ++group) {
          new_process("engine", *source, group, setup_.start_us);
        }
        for (size_t more = 1; more < kLeasersMax && is_leased(*source); ++more) {
          new_process("engine", *source, 0,
                      setup_.start_us + world_.random.between(0, 20 * kSecondUs));
        }
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
      world_.trace("world", "violated: " + violation.invariant);
    } catch (const SimulatedCrash&) {
      report.failure = "Bug: a crash outside of any process";
    }
    report.simulated_us = world_.now_us() - setup_.start_us;
    for (const auto& source : sources_) {
      report.rows += static_cast<int64_t>(source->log.rows().size());
    }
    report.steps = steps_;
    report.port_calls = world_.port_calls();
    report.commits = database_.commits();
    report.faults = world_.faults();
    report.crashes = world_.crashes();
    report.trace.assign(world_.trace_lines().begin(), world_.trace_lines().end());
    return report;
  }

 private:
  void equip(Process& process, bool repair) {
    process.source = with_defect(parameters_.defect, std::make_unique<FakeEventSource>(
                                                         world_, process.origin.log, process.name));
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

  EngineOptions options(Source& source, size_t group) {
    EngineOptions out = source.setup.options;
    apply_defect(parameters_.defect, out);
    out.shards = source.setup.groups[group];
    out.token_seed = world_.random.next();
    // A source that is known keeps its start.
    if (source.registered && misconfiguration_.chance(0.5)) {
      out.counting.start_at_us.reset();
    }
    source.registered = source.registered || !database_.ledger(source.name).empty() ||
                        (sources_.size() == 1 && database_.commits() > 0);
    return out;
  }

  Process& new_process(const std::string& kind, Source& source, size_t group, int64_t wake_us) {
    auto process =
        std::make_unique<Process>(world_, fmt::format("{}{}", kind, processes_.size() + 1), source);
    process->group = group;
    process->wake_us = wake_us;
    if (const int64_t error_max_us = source.setup.clock_error_max_us; error_max_us > 0) {
      process->clock.error_us = world_.random.between(-error_max_us, error_max_us);
    }
    processes_.push_back(std::move(process));
    return *processes_.back();
  }

  void disturb(Source& source) { source.disturbed_us = world_.now_us(); }

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
        database_.end_orphans(false);
        check_promptness();
        for (const auto& source : sources_) {
          if (source->setup.strategy == Strategy::kTail &&
              std::max(world_.disturbed_us(), source->disturbed_us) + kFreezeSlackUs <
                  world_.now_us()) {
            check_frozen_in_time(*source, kFreezeSlackUs);
          }
        }
      }
      replace_dead_processes();
    }
  }

  void check_promptness() {
    for (const auto& source : sources_) {
      if (source->log.is_down(world_.now_us()) || !all_know_all_shards(*source)) {
        disturb(*source);
      }
      check_shared(*source);
      if (!source->log.is_removed(world_.now_us())) {
        source->checks.check_promptness(database_.ledger(source->name), source->disturbed_us);
      }
    }
  }

  // Of a table that is gone for good nobody can say anything more.
  bool all_caught_up() const {
    return std::all_of(processes_.begin(), processes_.end(), [this](const auto& process) {
      return process->dead || process->caught_up || process->origin.log.is_removed(world_.now_us());
    });
  }

  // Processes with work that is due, while another one waits for an answer.
  void run_due_processes() {
    renew_while_running();
    if (depth_ >= 2) {
      return;
    }
    ++depth_;
    struct Leave {
      int& depth;
      ~Leave() { --depth; }
    } leave{depth_};
    if (depth_ == 1 && due(setup_.repairs_within_us)) {
      run_verification(*sources_.front(), true);
    }
    for (size_t i = 0; i < processes_.size(); ++i) {
      Process& process = *processes_[i];
      if (!process.dead && !process.running && process.wake_us <= world_.now_us()) {
        run_process(process);
      }
    }
  }

  // Leases are renewed by a thread of their own, however long the engine waits for an answer, and
  // however many wait at a time.
  void renew_while_running() {
    for (const auto& process : processes_) {
      if (process->running && process->engine != nullptr && process->member &&
          process->renew_us <= world_.now_us()) {
        renew(*process);
      }
    }
  }

  void run_process(Process& process) {
    process.running = true;
    try {
      step(process);
    } catch (const SimulatedCrash&) {
      process.engine.reset();
      process.member.reset();  // its leases end by themselves
      process.caught_up = false;
      disturb(process.origin);
      process.wake_us = world_.now_us() + world_.random.between(0, 8 * kSecondUs);
      // Another one may have taken over meanwhile; then this one stays away as often as not.
      process.dead = world_.random.chance(0.3);
    }
    process.running = false;
  }

  static bool is_leased(const Source& source) { return source.setup.lease_us != 0; }

  static const std::string& owner_of(const Source& source, int32_t shard) {
    static const std::string nobody;
    const auto row = std::find_if(source.leases.begin(), source.leases.end(),
                                  [shard](const LeaseRow& some) { return some.shard == shard; });
    return row == source.leases.end() ? nobody : row->owner;
  }

  // As the thread that renews the leases does, by a clock that no step changes.
  void renew(Process& process) {
    const Setup& setup = process.origin.setup;
    process.renew_us = world_.now_us() + setup.lease_us / kRenewalsPerLease;
    if (world_.warehouse_is_down() || world_.warehouse_is_full()) {
      process.renew_us = world_.now_us() + kSecondUs / 2;
      return;
    }
    Source& source = process.origin;
    const std::vector<LeaseRow> before = source.leases;
    process.member->take(ask_for_leases(source, process.member->request()));
    check_leases(process, before);
  }

  Share ask_for_leases(Source& source, const ShareRequest& request) const {
    const int64_t now_us = world_.now_us();
    if (!source.setup.standby) {
      return exchange_leases(source.leases, request, now_us);
    }
    const bool taken =
        !take_leases(source.leases, request.shards, request.owner, request.lease_us, now_us);
    return {.held = taken ? request.shards : std::vector<int32_t>{}, .surplus = {}};
  }

  // Shares: what an engine counts it does not give up, and nobody takes what another one still has.
  void check_leases(const Process& process, const std::vector<LeaseRow>& before) const {
    for (const LeaseRow& row : before) {
      const std::string& owner = owner_of(process.origin, row.shard);
      if (row.shard >= 0 && row.until_us > world_.now_us() && owner != row.owner) {
        throw InvariantViolation{"Shares", fmt::format("{} takes shard {}, which {} still has",
                                                       process.name, row.shard, row.owner)};
      }
    }
    for (const LeaseRow& row : process.origin.leases) {
      const std::vector<int32_t>& counted = process.member->counted();
      if (process.engine != nullptr && row.owner == process.name && row.shard >= 0 &&
          row.until_us <= world_.now_us() &&
          std::find(counted.begin(), counted.end(), row.shard) != counted.end()) {
        throw InvariantViolation{"Shares", fmt::format("{} gives up shard {}, which it counts",
                                                       process.name, row.shard)};
      }
    }
  }

  // Which shards the process is to count; false: none.
  bool hold_shards(Process& process) {
    if (!process.member) {
      process.member.emplace(process.name, -static_cast<int32_t>(++members_),
                             all_shards(process.source->description()),
                             process.origin.setup.lease_us);
    }
    process.member->count({});
    renew(process);
    process.member->count(process.member->wanted());
    process.caught_up = process.member->counted().empty();
    process.wake_us = std::max(process.renew_us, world_.now_us());
    return !process.member->counted().empty();
  }

  void share(Process& process) {
    if (process.renew_us <= world_.now_us()) {
      renew(process);
    }
    if (process.member->wanted() != process.member->counted()) {
      world_.trace(process.name, "has other shards from now on");
      world_.note_fault("other shards");
      process.engine.reset();
    }
  }

  // Shares: all shards are counted again soon after one of those who share them has fallen silent.
  void check_shared(Source& source) {
    if (!is_leased(source)) {
      return;
    }
    std::set<int32_t> counted;
    bool all_work = true;
    for (const auto& process : processes_) {
      const bool works = !process->dead && process->engine != nullptr && process->member &&
                         process->stopped_until_us <= world_.now_us();
      all_work = all_work && (works || process->dead ||
                              (process->member && process->member->counted().empty()));
      if (works) {
        counted.insert(process->member->counted().begin(), process->member->counted().end());
      }
    }
    const auto shards = static_cast<size_t>(source.setup.source.shard_count);
    if (counted.size() >= shards) {
      source.shared_since_us = world_.now_us();
      return;
    }
    disturb(source);
    const int64_t limit_us = 3 * source.setup.lease_us + 60 * kSecondUs;
    if (all_work && !world_.faults_on() && !world_.warehouse_is_down() &&
        world_.now_us() > std::max(source.shared_since_us, world_.disturbed_us()) + limit_us) {
      throw InvariantViolation{"Shares",
                               fmt::format("{} of {} shards are counted, though all engines work",
                                           counted.size(), shards)};
    }
  }

  void stop_one(Source& source) {
    std::vector<Process*> working;
    for (const auto& process : processes_) {
      if (!process->dead && !process->running && process->member) {
        working.push_back(process.get());
      }
    }
    if (working.empty()) {
      return;
    }
    Process& process = *working[world_.random.below(working.size())];
    // One that is stopped already is not woken by a shorter stop.
    process.stopped_until_us =
        std::max(process.stopped_until_us,
                 world_.now_us() + world_.random.between(kSecondUs, 4 * source.setup.lease_us));
    process.wake_us = std::max(process.wake_us, process.stopped_until_us);
    world_.note_fault("process stopped");
    world_.trace(process.name, "is stopped");
    disturb(source);
  }

  void step(Process& process) {
    ++steps_;
    if (process.member && process.engine != nullptr) {
      share(process);
    }
    const int64_t calls_before = world_.port_calls();
    if (process.engine == nullptr) {
      equip(process, false);
      EngineOptions engine_options = options(process.origin, process.group);
      if (is_leased(process.origin)) {
        if (!hold_shards(process)) {
          return;
        }
        engine_options.shards = process.member->counted();
      }
      auto engine = make_engine(ports(process), std::move(engine_options));
      if (!engine) {
        throw InvariantViolation{"Options", engine.error().text()};
      }
      if (process.origin.registered && misconfiguration_.chance(0.3)) {
        check_fingerprint(process);
      }
      process.engine = std::move(*engine);
      world_.trace(process.name, "starts");
      disturb(process.origin);
      const bool refused = is_of_another_table(process);
      const auto started = process.engine->start();
      if (!started) {
        return handle(process, started.error());
      }
      check_refused(process, refused);
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
    if (process.member) {
      process.wake_us = std::min(process.wake_us, std::max(process.renew_us, world_.now_us()));
    }
  }

  // Fingerprint: an engine that would count otherwise is refused.
  void check_fingerprint(Process& process) {
    EngineOptions wrong = process.origin.setup.options;
    wrong.shards = process.origin.setup.groups[process.group];
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
        wrong.reading.source_zone = TimeZone::find("Asia/Tokyo").value();
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

  // The table has changed, and nobody has accepted it; or it was accepted after this one opened it.
  bool is_of_another_table(const Process& process) const {
    const Fingerprint* stored = database_.fingerprint(process.origin.name);
    if (stored == nullptr || process.origin.setup.changed_us == 0) {
      return false;
    }
    const auto differs = [stored](std::string_view key, const std::string& value) {
      const auto known = stored->find(std::string(key));
      return known != stored->end() && known->second != value;
    };
    const SourceDescription& source = process.source->description();
    return differs(kRawLog, source.identity) || differs(kReadColumns, source.columns);
  }

  static void check_refused(const Process& process, bool refused) {
    if (refused) {
      throw InvariantViolation{"Fingerprint",
                               process.name + " starts with another table, or with other columns"};
    }
  }

  // What `hirestream adopt --yes` does. False: once more.
  bool adopt(Source& source) {
    if (source.log.is_removed(world_.now_us())) {
      return true;
    }
    Process process(world_, "adopt", source);
    equip(process, true);
    try {
      EngineOptions adopted = options(source, 0);
      adopted.shards.clear();
      const auto adoption = adopt_source(ports(process), adopted, true);
      const bool too_early = !adoption && adoption.error().operation == "adopt";
      if (!adoption && adoption.error().kind != ErrorKind::kTransient && !too_early) {
        throw InvariantViolation{"Unexpected error", "adopt: " + adoption.error().text()};
      }
      world_.trace("adopt", adoption ? adoption->differences : adoption.error().text());
      return adoption.has_value();
    } catch (const SimulatedCrash&) {
      return false;
    }
  }

  bool knows_all_shards(const Process& process) const {
    const Setup& setup = process.origin.setup;
    return process.source == nullptr || process.source->description().shard_count ==
                                            std::max(setup.source.shard_count, setup.more_shards);
  }

  // Rows of shards that nobody reads are not counted at once.
  bool all_know_all_shards(const Source& source) const {
    return std::all_of(processes_.begin(), processes_.end(), [&](const auto& process) {
      return &process->origin != &source || process->dead || process->engine == nullptr ||
             knows_all_shards(*process);
    });
  }

  int64_t quiet_us() const {
    int64_t last_us = 0;
    for (const auto& source : sources_) {
      last_us = std::max({last_us, source->setup.writing_end_us, source->setup.faults_end_us,
                          source->setup.gone_until_us, source->setup.filled_us});
    }
    return last_us + 30 * kSecondUs;
  }

  void handle(Process& process, const Error& error) {
    process.caught_up = false;
    world_.trace(process.name, "error: " + error.text());
    if (error.kind == ErrorKind::kTransient) {
      process.wake_us = world_.now_us() + world_.random.between(kSecondUs / 10, kSecondUs);
      return;
    }
    if (error.operation == kTableGone && process.origin.log.is_removed(world_.now_us())) {
      process.engine.reset();
      process.dead = true;
      return;
    }
    if (error.operation == "register source" && is_of_another_table(process)) {
      world_.note_fault("changed table refused");
      disturb(process.origin);
      process.engine.reset();
      process.wake_us = world_.now_us() + world_.random.between(0, 5 * kSecondUs);
      return;
    }
    if (error.operation == kFence && process.member) {
      world_.note_fault("fenced by another leaser");
      process.engine.reset();
      process.wake_us = world_.now_us() + process.origin.setup.lease_us / 10;
      return;
    }
    if (error.operation == kFence) {
      check_fence(process);
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

  // Nobody is fenced by the engine of another source.
  void check_fence(const Process& process) const {
    if (!upgraded_ && std::none_of(processes_.begin(), processes_.end(), [&](const auto& other) {
          return other.get() != &process && &other->origin == &process.origin &&
                 other->group == process.group;
        })) {
      throw InvariantViolation{"Fence", process.name + " is fenced, though nobody has its shards"};
    }
  }

  void replace_dead_processes() {
    for (const auto& source : sources_) {
      for (size_t group = 0; group < source->setup.groups.size(); ++group) {
        replace_dead_processes(*source, group);
      }
    }
  }

  // An engine that another one has fenced may not know it yet, and counts nothing.
  bool may_count(const Process& process) const {
    std::vector<int32_t> shards = process.origin.setup.groups[process.group];
    if (shards.empty()) {
      shards = all_shards(process.origin.setup.source);
    }
    return process.engine != nullptr &&
           (is_leased(process.origin) || std::ranges::all_of(shards, [&](int32_t shard) {
              return database_.writer(shard, process.origin.name) == process.name;
            }));
  }

  void replace_dead_processes(Source& source, size_t group) {
    const auto any = [&](bool working) {
      return std::any_of(processes_.begin(), processes_.end(), [&](const auto& p) {
        return !p->dead && &p->origin == &source && p->group == group &&
               (!working || may_count(*p));
      });
    };
    if (!any(true)) {
      disturb(source);  // nobody counts this group's rows
    }
    const auto leasers = std::count_if(processes_.begin(), processes_.end(), [&](const auto& p) {
      return !p->dead && &p->origin == &source;
    });
    if (is_leased(source) && leasers < static_cast<ptrdiff_t>(kLeasersMax) &&
        !source.log.is_removed(world_.now_us())) {
      new_process("engine", source, group,
                  world_.now_us() + world_.random.between(0, 60 * kSecondUs));
    }
    if (!any(false) && !source.log.is_removed(world_.now_us())) {
      new_process("engine", source, group,
                  world_.now_us() + world_.random.between(0, 5 * kSecondUs));
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
    for (const auto& source : sources_) {
      play_events(*source);
    }
  }

  void play_events(Source& source) {
    Setup& setup = source.setup;
    if (due(setup.takeovers_us) && !source.log.is_removed(world_.now_us())) {
      const size_t group = world_.random.below(setup.groups.size());
      world_.note_fault("takeover");
      disturb(source);
      new_process("engine", source, group, world_.now_us());
    }
    if (due(setup.clock_steps_us)) {
      world_.count_fault("clock step");
      for (const auto& process : processes_) {
        if (&process->origin == &source) {
          set_clock(*process);
        }
      }
      world_.trace("world", "clocks step");
    }
    if (setup.restart_us && *setup.restart_us <= world_.now_us()) {
      setup.restart_us.reset();
      for (const auto& process : processes_) {
        if (&process->origin == &source && !process->running) {
          process->engine.reset();
          process->wake_us = world_.now_us();
        }
      }
      world_.count_fault("restart for more shards");
      world_.trace("world", "engines are started again: more shards to come");
    }
    if (setup_.upgrade_us && *setup_.upgrade_us <= world_.now_us()) {
      setup_.upgrade_us.reset();
      database_.end_orphans(true);  // it waits for them
      database_.forget_row_hashes();
      upgraded_ = true;
      // Engines of the new version; one in the middle of a call is fenced.
      for (const auto& process : processes_) {
        if (!process->running) {
          process->engine.reset();
          process->wake_us = world_.now_us();
        }
      }
      world_.count_fault("row hashes forgotten");
      world_.trace("world", "an upgrade forgets the row hashes");
      world_.disturb();
    }
    if (setup.adopted_us != 0 && setup.adopted_us <= world_.now_us()) {
      setup.adopted_us = adopt(source) ? 0 : world_.now_us() + kSecondUs;
      if (setup.adopted_us == 0) {
        world_.note_fault(setup.dropped_column ? "dropped column" : "table made anew");
      }
    }
    if (due(setup.stops_us)) {
      stop_one(source);
    }
    if (due(setup.damages_us)) {
      database_.damage_a_blob();
    }
    if (due(setup.verifications_us) && !source.log.is_removed(world_.now_us())) {
      run_verification(source, true);
    }
  }

  void set_clock(Process& process) {
    const Setup& setup = process.origin.setup;
    process.clock.error_us =
        world_.random.between(-setup.clock_error_max_us, setup.clock_error_max_us);
    // The last step sets it right again.
    if (!setup.clock_steps_us.empty() && world_.random.chance(0.7)) {
      process.clock.error_us += setup.clock_step_us * (world_.random.chance(0.7) ? 1 : -1);
    }
  }

  // What a command does that is no engine. Nothing: it ended early (a crash or an error).
  template <typename Value>
  std::optional<Value> run_publisher(const std::string& name, Source& source, bool repair,
                                     Result<Value> (*work)(const EnginePorts& ports,
                                                           const VerifyOptions& options)) {
    Process process(world_, name, source);
    equip(process, true);
    VerifyOptions verify_options;
    verify_options.engine = options(source, 0);
    verify_options.engine.shards.clear();
    verify_options.repair = repair;
    verify_options.engine.allow_shrink = source.setup.options.allow_shrink || allow_shrink_;
    verify_options.engine.allow_shrink_expired |= allow_shrink_;
    world_.trace(name, repair ? "starts, with repair" : "starts");
    const bool refused = is_of_another_table(process);
    try {
      auto result = work(ports(process), verify_options);
      if (result) {
        check_refused(process, refused);
        return std::move(*result);
      }
      const Error& error = result.error();
      const bool too_few_shards = error.operation == kUnknownShard && !knows_all_shards(process);
      // Before an engine could register the source there is nothing to verify.
      const bool too_early =
          error.operation == "open source" && database_.ledger(source.name).empty();
      const bool gone =
          error.operation == kTableGone && process.origin.log.is_removed(world_.now_us());
      if (error.kind != ErrorKind::kTransient && !too_few_shards && !too_early && !gone &&
          !(refused && error.operation == "register source")) {
        throw InvariantViolation{"Unexpected error", name + ": " + error.text()};
      }
      world_.trace(name, "error: " + error.text());
    } catch (const SimulatedCrash&) {
      world_.trace(name, "killed");
    }
    return std::nullopt;
  }

  std::optional<VerifyReport> run_verification(Source& source, bool repair) {
    const std::string name = fmt::format("verify{}", ++verifications_);
    auto report = run_publisher<VerifyReport>(name, source, repair, verify);
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

  // Those whose raw log is still there.
  std::vector<Source*> sources_left() const {
    std::vector<Source*> out;
    for (const auto& source : sources_) {
      if (!source->log.is_removed(world_.now_us())) {
        out.push_back(source.get());
      }
    }
    return out;
  }

  void check_end() {
    database_.end_orphans(true);
    world_.run_others = nullptr;
    if (!all_caught_up()) {
      throw InvariantViolation{"Liveness", "an engine does not catch up in the end"};
    }
    const std::vector<Source*> sources = sources_left();
    for (Source* source : sources) {
      check_late_rows(*source);
      check_frozen_in_time(*source, 200 * kSecondUs);
      source->checks.check_history(database_.ledger(source->name),
                                   database_.history_cells(source->name), setup_.start_us);
    }
    check_companies();
    for (Source* source : sources) {
      for (const auto& [key, slice] : database_.ledger(source->name)) {
        source->checks.check_row_hash(key, slice);
      }
      run_publisher<int64_t>("retry", *source, true, retry_rejects);
      repair(*source);
    }
    for (Source* source : sources) {
      check_clean(*source);
      check_rejects(*source);
    }
    database_.check_atomic();
    check_companies();
  }

  void check_all_released(const Source& source) const {
    for (const auto& [key, slice] : database_.ledger(source.name)) {
      source.checks.check_released(key, slice, world_.now_us());
    }
  }

  void repair(Source& source) {
    const int64_t too_late = database_.frozen_sum().classes.too_late;
    const auto repaired = run_verification(source, true);
    if (!repaired) {
      throw InvariantViolation{"Liveness", "verify --repair does not finish without faults"};
    }
    if (sources_.size() == 1) {
      check_too_late(source, too_late, repaired->rows_too_late);
    }
    check_all_released(source);
    if (repaired->slices_held > 0 && !rows_expire(source)) {
      allow_shrink_ = true;
      source.checks.allow_shrink(true);
      source.checks.allow_loss();
      run_verification(source, true);
      source.checks.allow_shrink(source.setup.options.allow_shrink);
      allow_shrink_ = false;
    }
  }

  void check_clean(Source& source) {
    const auto clean = run_verification(source, false);
    // What has expired stays counted, in slices that are held for it.
    // Damaged ones are replaced together or not at all: if one of them is held, what the others
    // gave is not known.
    const int64_t damaged_held = clean ? clean->slices_held - clean->slices_different : 0;
    const bool expired_only = clean && rows_expire(source) && clean->cells_different == 0 &&
                              damaged_held >= 0 && damaged_held <= clean->slices_damaged &&
                              (damaged_held > 0 || clean->slices_damaged == 0);
    if (!clean || (!expired_only && (!clean->clean() || clean->slices_held != 0))) {
      throw InvariantViolation{
          "Verify",
          fmt::format("after a repair: {} slices and {} cells differ, {} held",
                      clean ? clean->slices_different : -1, clean ? clean->cells_different : -1,
                      clean ? clean->slices_held : -1)};
    }
    source.checks.check_truth(database_.ledger(source.name));
    check_all_released(source);
  }

  // Accounted: rows that came when their slices were frozen are noted, by a scan without anybody's
  // help, and no more than there are.
  void check_too_late(const Source& source, int64_t noted, int64_t found) const {
    const int64_t scanned_us =
        source.setup.end_us - source.setup.options.full_scan_interval_us - 60 * kSecondUs;
    if (source.setup.strategy == Strategy::kScan && found > noted &&
        database_.last_frozen_us() < scanned_us) {
      throw InvariantViolation{"Accounted",
                               fmt::format("{} rows came too late, {} are noted", found, noted)};
    }
    const FrozenDay sum = database_.frozen_sum();
    const int64_t most = source.checks.rows_frozen_at_most() - sum.digest.rows;
    if (sum.classes.too_late > most) {
      throw InvariantViolation{"Accounted",
                               fmt::format("{} rows are noted as too late, at most {} can be",
                                           sum.classes.too_late, most)};
    }
  }

  static bool rows_expire(const Source& source) {
    return source.setup.early_expiry > 0 || source.setup.source.lifetime_us;
  }

  // Retention: every row has expired, and nothing was taken away.
  void check_expired() {
    world_.run_others = nullptr;
    for (Source* source : sources_left()) {
      if (!run_verification(*source, true)) {
        throw InvariantViolation{"Liveness", "verify --repair does not finish without faults"};
      }
      source->checks.check_truth(database_.ledger(source->name));
    }
    database_.check_atomic();
  }

  // Late: what audits and discovery must have found without anybody's help.
  void check_late_rows(const Source& source) const {
    const int64_t discovered_us =
        setup_.end_us - source.setup.options.discover_interval_us - 30 * kSecondUs;
    for (const auto& [key, rows] : source.log.slices()) {
      const bool frozen = database_.is_frozen(key, source.name);
      const auto& slices =
          frozen ? database_.frozen_slices(source.name) : database_.ledger(source.name);
      const auto found = slices.find(key);
      if (found == slices.end()) {
        check_undiscovered(source, key, frozen, discovered_us);
        continue;
      }
      const LedgerEntry& entry = found->second.entry;
      int64_t seen_us = discovered_us;
      if (source.setup.strategy == Strategy::kScan) {
        // A frozen slice was looked at when its time had come.
        seen_us = frozen
                      ? std::min(seen_us, source.checks.scan_retention_end_us(key) - 4 * kSecondUs -
                                              2 * source.setup.clock_error_max_us)
                      : seen_us;
        if (frozen && source.checks.missed_rows_after(key, seen_us)) {
          continue;
        }
      } else {
        const int64_t last_us =
            audits_begin_us(source, entry) + source.setup.options.audit_delays_us.back();
        seen_us = std::min(last_us - 4 * kSecondUs, discovered_us);
      }
      source.checks.check_counted_by(key, found->second, seen_us, Checks::Invariant::kLate);
      if (!frozen) {
        source.checks.check_truth_of_old(key, found->second, seen_us);
        source.checks.check_released(key, found->second, seen_us);
      }
    }
  }

  // Of a slice that was never in the ledger: none of its rows came in time to be discovered before
  // its time to freeze.
  void check_undiscovered(const Source& source, const SliceKey& key, bool frozen,
                          int64_t discovered_us) const {
    int64_t seen_us = discovered_us;
    if (frozen) {
      if (source.setup.strategy != Strategy::kTail) {
        return;
      }
      LedgerEntry entry;
      entry.key = key;
      const int64_t discovery_us =
          source.setup.options.discover_interval_us + 120 * kSecondUs + source.setup.long_outage_us;
      seen_us = std::min(seen_us, audits_begin_us(source, entry) +
                                      *source.setup.options.retention_us - discovery_us);
      // Else it may be history, which the ledger never has.
      if (source.setup.source.ring_reads && seen_us < setup_.start_us + discovery_us) {
        return;
      }
    }
    source.checks.check_counted_by(key, StoredSlice{}, seen_us, Checks::Invariant::kLate);
  }

  // Retention: what is past it has left the ledger.
  void check_frozen_in_time(const Source& source, int64_t slack_us) const {
    const bool scan = source.setup.strategy == Strategy::kScan;
    slack_us += 2 * source.setup.clock_error_max_us;
    if (scan) {
      slack_us += source.setup.options.full_scan_interval_us;
    }
    for (const auto& [key, slice] : database_.ledger(source.name)) {
      const int64_t end_us =
          scan ? source.checks.scan_retention_end_us(key)
               : audits_begin_us(source, slice.entry) + *source.setup.options.retention_us;
      // Of long ago, but met only now: with the next ones that freeze.
      const int64_t due_us = std::max(end_us, slice.entry.settled_at_us) + slack_us;
      // A block that is held before it is over counts as settled; it still fills up.
      if (slice.entry.state == SliceState::kSettled && is_over(source, key) &&
          due_us < world_.now_us()) {
        throw InvariantViolation{
            "Retention", fmt::format("slice {}/{} should have left the ledger {:.0f} s ago",
                                     key.shard, key.bucket,
                                     static_cast<double>(world_.now_us() - due_us + slack_us) /
                                         static_cast<double>(kSecondUs))};
      }
    }
  }

  // Of follow: a later block exists.
  bool is_over(const Source& source, const SliceKey& key) const {
    return source.setup.strategy != Strategy::kFollow ||
           key.bucket < source.log.newest_sequence(world_.now_us()) /
                            source.setup.source.bucket_width.number();
  }

  static int64_t audits_begin_us(const Source& source, const LedgerEntry& entry) {
    return source.setup.strategy == Strategy::kFollow
               ? entry.settled_at_us
               : (entry.key.bucket + 1) * source.setup.source.bucket_width.us() +
                     source.setup.options.grace_us;
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
    const auto report = run_publisher<VerifyReport>("verify", *sources_.front(), false, verify);
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
  void check_rejects(const Source& source) const {
    for (const auto& [key, slice] : database_.ledger(source.name)) {
      int64_t kept = 0;
      for (const StoredReject& reject : database_.rejects(source.name)) {
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

  bool upgraded_ = false;
  bool allow_shrink_ = false;  // of verifications
  RunParameters parameters_;
  // Of the first source: times, rates and jobs hold for all.
  Setup setup_;
  World world_;
  WarehouseDatabase database_;
  std::vector<std::unique_ptr<Source>> sources_;
  Random misconfiguration_;
  std::vector<std::unique_ptr<Process>> processes_;
  int depth_ = 0;
  int64_t steps_ = 0;
  int64_t verifications_ = 0;
  int64_t members_ = 0;
  int64_t checked_second_ = 0;
};

}  // namespace

RunReport run_simulation(const RunParameters& parameters) {
  Run run(parameters);
  return run.run();
}

}  // namespace hirestream::simulation
