#include "simulation/year.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "pipeline/verify.h"
#include "simulation/fake_raw_log.h"
#include "simulation/fake_warehouse.h"
#include "simulation/heap.h"
#include "simulation/process_ports.h"
#include "simulation/setup.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kMinuteUs = 60 * kSecondUs;
constexpr int64_t kQuarterUs = 15 * kMinuteUs;
constexpr int64_t kHourLongUs = 60 * kMinuteUs;
constexpr int64_t kDayLongUs = 24 * kHourLongUs;
constexpr int32_t kShards = 8;
constexpr int64_t kJobCount = 6;
// 2026-03-02, a Monday.
constexpr int64_t kFirstDayUs = 1'772'409'600 * kSecondUs;
// Of the day, in which rows are written.
constexpr int64_t kFirstHour = 6;
constexpr int64_t kLastHour = 22;
// Rows an hour, from Monday to Sunday.
constexpr std::array<int64_t, 7> kRowsPerHour = {100, 120, 110, 100, 90, 30, 10};
// What an engine may hold: whatever it does, and for each slice of the ledger.
constexpr int64_t kHeapBase = 256 * 1024;
constexpr int64_t kHeapPerSlice = 512;

// Keeps the most that it loaded at once.
class CountedWarehouse : public FakeWarehouse {
 public:
  using FakeWarehouse::FakeWarehouse;
  Result<std::vector<LedgerEntry>> load_ledger(SourceId source, std::span<const int32_t> shards,
                                               int64_t from_bucket) override {
    auto entries = FakeWarehouse::load_ledger(source, shards, from_bucket);
    loaded = std::max(loaded, entries ? static_cast<int64_t>(entries->size()) : 0);
    return entries;
  }
  int64_t loaded = 0;
};

// Everything but the engine's life: what is drawn for the whole of it.
Setup year_setup(uint64_t seed, int64_t days) {
  Random random(seed * 3571 + 19);
  Setup setup;
  setup.strategy = Strategy::kTail;
  setup.source.strategy = Strategy::kTail;
  setup.source.kind = "cassandra";
  setup.source.identity = "simulated raw log";
  setup.source.shard_count = kShards;
  setup.source.bucket_width = BucketWidth::seconds(60);
  describe_reads(setup.source);
  setup.source.ring_reads = random.chance(0.5);
  setup.text_columns = random.chance(0.5);
  setup.jobs = kJobCount;
  EngineOptions& options = setup.options;
  options.source_name = "raw log";
  options.owner = "simulation";
  // Often enough for nothing that is checked here, and seldom enough for hundreds of days.
  options.poll_interval_us = random.between(15, 30) * kSecondUs;
  options.retention_us = random.between(2, days < 60 ? 3 : 7) * kDayLongUs;
  options.discover_interval_us = random.between(1, 3) * kHourLongUs;
  options.jobs_interval_us = kHourLongUs;
  options.rejects_keep_us = 5 * kDayLongUs;
  options.rejects_cap = random.pick<int64_t>({50, 1000});
  setup.reading.ts_min_us = options.counting.ts_min_us;
  setup.reading.future_max_us = options.counting.future_max_us;
  setup.skewed_writers = 0.2;
  setup.late_prompt = 0.1;
  setup.late_audit = 0.05;
  setup.replayed = 0.01;
  setup.overwritten = 0.02;
  options.allow_shrink = true;  // some of them give less than before
  setup.odd_values = 0.1;
  // Three times this, and the last audit still meets it.
  setup.late_max_us = 2 * kHourLongUs;
  FaultRates& rates = setup.rates;
  rates.stale_read = 0.1;
  rates.duplicate_delivery = 0.02;
  rates.crash = 0.005;
  rates.slow = 0.01;
  rates.read_error = 0.02;
  rates.deadlock = 0.05;
  rates.lost_before_commit = 0.05;
  rates.lost_after_commit = 0.05;
  rates.delayed_commit = 0.02;
  rates.warehouse_error = 0.02;
  rates.lost_epoch_answer = 0.1;
  rates.jobs_error = 0.1;
  setup.start_us = kFirstDayUs;
  setup.writing_end_us = kFirstDayUs + days * kDayLongUs;
  setup.end_us = setup.writing_end_us + 28 * kHourLongUs;
  for (int64_t job = 1; job < kJobCount; ++job) {
    for (int64_t at_us = 0; at_us < setup.writing_end_us;
         at_us = std::max(at_us, setup.start_us) + random.between(10, 100) * kDayLongUs) {
      Job known;
      known.job_id = job;
      known.company_id = random.between(1, 3);
      setup.job_changes.push_back({at_us, known});
    }
  }
  std::ranges::sort(setup.job_changes, {}, [](const JobChange& change) {
    return std::pair(change.at_us, change.job.job_id);
  });
  setup.reading.zone = random.pick(zones());
  options.counting.reporting_zone = TimeZone::find(setup.reading.zone.name).value();
  return setup;
}

class Year {
 public:
  explicit Year(const YearParameters& parameters)
      : parameters_(parameters),
        setup_(year_setup(parameters.seed, parameters.days)),
        random_(parameters.seed * 2129 + 31),
        world_(parameters.seed ^ 0x9EA2, setup_.start_us, parameters.tracing),
        log_(setup_.source, setup_.text_columns),
        database_(world_),
        clock_(world_),
        observer_(world_, "engine"),
        first_look_day_(parameters.days < 126 ? parameters.days / 14 * 7 : 63),
        last_look_day_(parameters.days / 7 * 7),
        calm_day_(parameters.days * 7 / 10),
        silence_day_(parameters.days / 2),
        silence_end_day_(silence_day_ + *setup_.options.retention_us / kDayLongUs + 2),
        expiry_us_(*setup_.options.retention_us + random_.between(2, 5) * kDayLongUs) {
    world_.rates = setup_.rates;
    days_.resize(static_cast<size_t>(parameters.days) + 3);
  }

  YearReport run() {
    try {
      live();
      check_end();
    } catch (const InvariantViolation& violation) {
      report_.run.failure = violation.invariant + ": " + violation.text;
    } catch (const SimulatedCrash&) {
      report_.run.failure = "Bug: a crash outside of any process";
    }
    report_.run.simulated_us = world_.now_us() - setup_.start_us;
    report_.run.port_calls = world_.port_calls();
    report_.run.commits = database_.commits();
    report_.run.faults = world_.faults();
    report_.run.crashes = world_.crashes();
    report_.run.trace.assign(world_.trace_lines().begin(), world_.trace_lines().end());
    report_.retention_days = *setup_.options.retention_us / kDayLongUs;
    report_.cells = static_cast<int64_t>(database_.events().size());
    report_.slices_frozen = database_.frozen_sum().slices;
    report_.frozen_days = static_cast<int64_t>(database_.frozen_days());
    return report_;
  }

 private:
  struct Day {
    int64_t written = 0;
    int64_t read = 0;
  };

  int64_t day_of(int64_t us) const { return (us - setup_.start_us) / kDayLongUs; }
  int64_t at(int64_t day, int64_t us = 0) const { return setup_.start_us + day * kDayLongUs + us; }

  void live() {
    int64_t next_day = 0;
    int64_t next_look_us = setup_.start_us;
    while (world_.now_us() < setup_.end_us) {
      if (world_.now_us() >= at(next_day)) {
        begin_day(next_day++);
      }
      if (world_.now_us() >= next_look_us) {
        look();
        next_look_us += 3 * kHourLongUs;
      }
      if (!restarts_us_.empty() && restarts_us_.front() <= world_.now_us()) {
        restart(restarts_us_.front());
        restarts_us_.erase(restarts_us_.begin());
      }
      world_.advance_to(std::min({std::max(wake_us_, world_.now_us()), at(next_day), next_look_us,
                                  restarts_us_.empty() ? INT64_MAX : restarts_us_.front()}));
      if (wake_us_ <= world_.now_us()) {
        step();
      }
    }
  }

  // What will happen in the course of it.
  void begin_day(int64_t day) {
    database_.end_orphans(false);
    log_.drop_expired(world_.now_us());
    if (day < parameters_.days && (day < silence_day_ || day >= silence_end_day_)) {
      write_rows(day);
    }
    world_.fault_windows.clear();
    world_.warehouse_outages.clear();
    const bool looked_at = day == first_look_day_ || day == silence_end_day_ - 1;
    if (day < calm_day_ && !looked_at && random_.chance(0.3)) {
      const int64_t from_us = at(day, random_.between(0, kDayLongUs - kHourLongUs));
      const int64_t to_us = from_us + random_.between(10, 60) * kMinuteUs;
      world_.fault_windows.emplace_back(from_us, to_us);
      if (random_.chance(0.2)) {
        world_.warehouse_outages.emplace_back(from_us, to_us);
      }
      faults_end_us_ = to_us;
    }
    if (looked_at || day == last_look_day_) {
      restarts_us_.push_back(at(day, 12 * kHourLongUs));
    } else if (day < calm_day_ && random_.chance(0.07)) {
      restarts_us_.push_back(at(day, random_.between(0, kDayLongUs - 1)));
    }
    if (day % 20 == 19) {
      verify_all();
    }
  }

  void write_rows(int64_t day) {
    const double share = static_cast<double>(random_.between(50, 150)) / 100;
    for (int64_t hour = kFirstHour; hour < kLastHour; ++hour) {
      Setup part = setup_;
      part.start_us = at(day, hour * kHourLongUs);
      part.writing_end_us = part.start_us + kHourLongUs - 1;
      part.rows_per_s =
          share * static_cast<double>(kRowsPerHour[static_cast<size_t>(day % 7)]) / 3600;
      const RawLog written = part.make_log(random_);
      for (RawRow row : written.rows()) {
        const Outcome& outcome = row.versions.back().outcome;
        if (outcome.fate == Fate::kCounted) {
          add_to(truth_, outcome.cell, outcome.measures);
        }
        row.expires_us = row.versions.front().visible_us[0] + expiry_us_;
        written_us_.push_back(row.versions.front().visible_us[0]);
        log_.add(std::move(row));
        ++days_[static_cast<size_t>(day)].written;
        ++report_.run.rows;
      }
    }
    std::sort(written_us_.begin(), written_us_.end());
  }

  EngineOptions options() {
    EngineOptions out = setup_.options;
    out.token_seed = random_.next();
    return out;
  }

  void start() {
    source_ = std::make_unique<FakeEventSource>(world_, log_, "engine");
    warehouse_ = std::make_unique<CountedWarehouse>(world_, database_, "engine");
    jobs_ = std::make_unique<FakeJobDirectory>(world_, setup_.job_changes, "engine");
    auto engine = make_engine(ports(), options());
    if (!engine) {
      violated("Options", engine.error().text());
    }
    engine_ = std::move(*engine);
    started_us_ = world_.now_us();
    caught_up_ = false;
    counted_reads_ = 0;
    ++report_.restarts;
  }

  EnginePorts ports() { return {*source_, *warehouse_, jobs_.get(), clock_, observer_}; }

  void step() {
    ++report_.run.steps;
    try {
      if (engine_ == nullptr) {
        start();
      }
      const auto done = engine_->step();
      count_reads();
      if (!done) {
        if (done.error().kind != ErrorKind::kTransient) {
          violated("Unexpected error", done.error().text());
        }
        wake_us_ = world_.now_us() + random_.between(kSecondUs, 10 * kSecondUs);
        return;
      }
      wake_us_ = std::max(done->next_due_us, world_.now_us());
      if (done->caught_up) {
        if (!caught_up_) {
          check_start();
        }
        caught_up_ = true;
        caught_up_us_ = world_.now_us();
        if (started_us_ + kQuarterUs < world_.now_us() && !world_.faults_on()) {
          steady_us_ = world_.now_us();
        }
      }
    } catch (const SimulatedCrash&) {
      stop(world_.now_us() + random_.between(0, 5 * kMinuteUs));
    }
  }

  void count_reads() {
    const int64_t rows = source_->statistics().rows;
    days_[static_cast<size_t>(day_of(world_.now_us()))].read += rows - counted_reads_;
    counted_reads_ = rows;
  }

  // Returns what the engine held.
  int64_t stop(int64_t wake_us) {
    wake_us_ = wake_us;
    if (engine_ == nullptr) {
      return 0;
    }
    const int64_t before = heap_bytes();
    engine_.reset();
    const int64_t held = before - heap_bytes();
    const auto slices = static_cast<int64_t>(database_.ledger().size());
    report_.heap_max = std::max(report_.heap_max, held);
    if (held > kHeapBase + slices * kHeapPerSlice) {
      violated("Bounded", fmt::format("day {}: the engine held {} bytes for {} slices",
                                      day_of(world_.now_us()), held, slices));
    }
    return held;
  }

  void restart(int64_t at_us) {
    const bool planned = at_us == at(day_of(at_us), 12 * kHourLongUs);
    const int64_t day = day_of(at_us);
    const auto slices = static_cast<int64_t>(database_.ledger().size());
    const int64_t away_us =
        random_.between(kSecondUs, (random_.chance(0.2) ? 20 : 3) * kHourLongUs);
    const int64_t held = stop(world_.now_us() + (planned ? kSecondUs : away_us));
    if (planned && day == first_look_day_) {
      report_.heap_first = held;
      report_.slices_first = slices;
    }
    if (planned && day == last_look_day_) {
      report_.heap_last = held;
      report_.slices_last = slices;
    }
  }

  // What the ledger may hold: minutes with rows, of a shard, that were not past their retention
  // when the engine had last worked for a while without faults.
  int64_t slices_expected() const {
    const int64_t kept_us = std::max(steady_us_, setup_.start_us) - kQuarterUs -
                            *setup_.options.retention_us - setup_.options.grace_us;
    const int64_t now_us = world_.now_us();
    return std::count_if(log_.slices().begin(), log_.slices().end(), [&](const auto& slice) {
      return (slice.first.bucket + 1) * kMinuteUs > kept_us &&
             std::any_of(slice.second.begin(), slice.second.end(), [&](size_t row) {
               return log_.rows()[row].seen_anywhere(now_us) != nullptr;
             });
    });
  }

  void look() {
    const auto slices = static_cast<int64_t>(database_.ledger().size());
    report_.slices_max = std::max(report_.slices_max, slices);
    if (slices > slices_expected()) {
      violated("Bounded", fmt::format("day {}: {} slices in the ledger, {} minutes with rows",
                                      day_of(world_.now_us()), slices, slices_expected()));
    }
    const int64_t days = day_of(world_.now_us()) + 2;
    if (static_cast<int64_t>(database_.frozen_days()) > kShards * days) {
      violated("Bounded",
               fmt::format("{} frozen days after {} days", database_.frozen_days(), days));
    }
    const std::vector<StoredReject> rejects = database_.rejects();
    if (static_cast<int64_t>(rejects.size()) > setup_.options.rejects_cap + 10 * kRowsPerHour[1]) {
      violated("Bounded", fmt::format("{} rejected rows are kept", rejects.size()));
    }
  }

  int64_t written_between(int64_t from_us, int64_t to_us) const {
    return std::upper_bound(written_us_.begin(), written_us_.end(), to_us) -
           std::lower_bound(written_us_.begin(), written_us_.end(), from_us);
  }

  // It has caught up for the first time since its start.
  void check_start() {
    report_.loaded_max = std::max(report_.loaded_max, warehouse_->loaded);
    if (warehouse_->loaded > slices_expected()) {
      violated("Bounded", fmt::format("day {}: {} entries of the ledger were loaded at a start",
                                      day_of(world_.now_us()), warehouse_->loaded));
    }
    // What came since it was last seen in order and what was open then, and what has become due for
    // each of the audits.
    const int64_t down_us = std::max(caught_up_us_, setup_.start_us);
    int64_t due = written_between(down_us - kHourLongUs, world_.now_us());
    for (const int64_t delay_us : setup_.options.audit_delays_us) {
      due += written_between(down_us - delay_us - kHourLongUs, world_.now_us() - delay_us);
    }
    const int64_t rows = source_->statistics().rows;
    report_.caught_up_rows_max = std::max(report_.caught_up_rows_max, rows);
    if (faults_end_us_ < down_us && rows > 2 * due + 100) {
      violated("Bounded", fmt::format("day {}: {} rows were read to catch up with {}",
                                      day_of(world_.now_us()), rows, due));
    }
  }

  VerifyReport verify_all() {
    FakeEventSource source(world_, log_, "verify");
    FakeWarehouse warehouse(world_, database_, "verify");
    FakeJobDirectory jobs(world_, setup_.job_changes, "verify");
    TraceObserver observer(world_, "verify");
    VerifyOptions verify_options;
    verify_options.engine = options();
    const auto report = verify({source, warehouse, &jobs, clock_, observer}, verify_options);
    if (!report) {
      if (report.error().kind != ErrorKind::kTransient) {
        violated("Unexpected error", report.error().text());
      }
      return {};
    }
    if (report->cells_different != 0 || report->days_different != 0 || report->rows_too_late != 0) {
      violated("Verify", fmt::format("day {}: {} cells and {} days differ, {} rows came too late",
                                     day_of(world_.now_us()), report->cells_different,
                                     report->days_different, report->rows_too_late));
    }
    return *report;
  }

  double rows_read_per_row(int64_t from_day, int64_t to_day) const {
    Day sum;
    for (int64_t day = from_day; day < to_day; ++day) {
      sum.written += days_[static_cast<size_t>(day)].written;
      sum.read += days_[static_cast<size_t>(day)].read;
    }
    return static_cast<double>(sum.read) / static_cast<double>(std::max<int64_t>(sum.written, 1));
  }

  void check_growth() const {
    const double slices = static_cast<double>(report_.slices_last) /
                          static_cast<double>(std::max<int64_t>(report_.slices_first, 1));
    if (static_cast<double>(report_.heap_last) >
        1.5 * std::max(1.0, slices) * static_cast<double>(report_.heap_first)) {
      violated("Bounded", fmt::format("the engine held {} bytes for {} slices at first, {} for {} "
                                      "in the end",
                                      report_.heap_first, report_.slices_first, report_.heap_last,
                                      report_.slices_last));
    }
    const int64_t days = first_look_day_ / 2;
    const double first = rows_read_per_row(first_look_day_ - days, first_look_day_);
    const double last = rows_read_per_row(last_look_day_ - days, last_look_day_);
    if (last > first * 1.5) {
      violated("Bounded",
               fmt::format("{:.1f} rows were read a row at first, {:.1f} in the end", first, last));
    }
  }

  void check_end() {
    world_.fault_windows.clear();
    database_.end_orphans(true);
    if (!caught_up_) {
      violated("Liveness", "the engine does not catch up in the end");
    }
    const VerifyReport verified = verify_all();
    if (!verified.clean() || verified.slices_held != 0 || verified.slices_checked == 0) {
      violated("Verify", fmt::format("{} slices differ, {} are held, {} were looked at",
                                     verified.slices_different, verified.slices_held,
                                     verified.slices_checked));
    }
    database_.check_atomic();
    CellMap events;
    for (const auto& [key, row] : database_.events()) {
      events.emplace(key, row.measures);
    }
    const auto [want, have] =
        std::mismatch(truth_.begin(), truth_.end(), events.begin(), events.end());
    if (want != truth_.end() || have != events.end()) {
      violated(
          "Truth",
          fmt::format("{} in the sum of all rows, {} in events",
                      want == truth_.end() ? "nothing more"
                                           : describe(want->first) + " " + describe(want->second),
                      have == events.end() ? "nothing more"
                                           : describe(have->first) + " " + describe(have->second)));
    }
    check_growth();
  }

  YearParameters parameters_;
  Setup setup_;
  Random random_;
  World world_;
  RawLog log_;
  WarehouseDatabase database_;
  ProcessClock clock_;
  TraceObserver observer_;
  std::unique_ptr<FakeEventSource> source_;
  std::unique_ptr<CountedWarehouse> warehouse_;
  std::unique_ptr<FakeJobDirectory> jobs_;
  std::unique_ptr<Engine> engine_;
  YearReport report_;

  int64_t first_look_day_ = 0;
  int64_t last_look_day_ = 0;
  // Without faults and restarts from here on, but for the last look.
  int64_t calm_day_ = 0;
  // Without rows for longer than anything stays in the ledger.
  int64_t silence_day_ = 0;
  int64_t silence_end_day_ = 0;
  int64_t expiry_us_ = 0;  // of rows, after they were written

  CellMap truth_;
  std::vector<int64_t> written_us_;  // rising
  std::vector<Day> days_;
  std::vector<int64_t> restarts_us_;
  int64_t faults_end_us_ = 0;
  int64_t wake_us_ = 0;
  int64_t started_us_ = 0;
  bool caught_up_ = false;     // since its start
  int64_t caught_up_us_ = 0;   // for the last time
  int64_t steady_us_ = 0;      // the same, some time after its start and without faults
  int64_t counted_reads_ = 0;  // of the source
};

}  // namespace

YearReport run_year(const YearParameters& parameters) {
  return Year(parameters).run();
}

}  // namespace hirestream::simulation
