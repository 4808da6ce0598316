#include "simulation/scenario.h"

#include <algorithm>
#include <utility>

#include "model/scan_bucket.h"
#include "pipeline/scan_count.h"

namespace hirestream::simulation {
namespace {

// 2026-03-01 12:00:10.
constexpr int64_t kStartUs = (1'772'323'200LL + 12 * 3600 + 10) * kSecondUs;
constexpr int64_t kBidMicros = 1'000'000;

void must(bool condition, const std::string& what) {
  if (!condition) {
    throw InvariantViolation{"Scenario", what};
  }
}

}  // namespace

class Scenario::Jobs : public JobDirectory {
 public:
  explicit Jobs(const Scenario& scenario) : scenario_(scenario) {}
  Result<Loaded<Job>> load() override {
    std::map<int64_t, int64_t> companies;
    for (const auto& [from_us, changes] : scenario_.jobs_) {
      if (from_us <= scenario_.world_->now_us()) {
        for (const auto& [job, company] : changes) {
          companies[job] = company;
        }
      }
    }
    Loaded<Job> out;
    for (const auto& [id, company] : companies) {
      Job job;
      job.job_id = id;
      job.company_id = company;
      out.entries.push_back(job);
    }
    return out;
  }
  Result<Loaded<Publisher>> load_publishers() override { return Loaded<Publisher>(); }

 private:
  const Scenario& scenario_;
};

// Runs an action when the rows of a read have been delivered.
class Scenario::HookedSource : public FakeEventSource {
 public:
  HookedSource(World& world, const RawLog& log, std::function<void()>& hook,
               const SourceFailures& failures, int64_t& full_scans)
      : FakeEventSource(world, log, "engine"),
        action_(hook),
        failures_(failures),
        full_scans_(full_scans) {}
  Result<std::vector<LateNote>> late_notes(int64_t now_us) override {
    if (failures_.late_notes) {
      return fail(ErrorKind::kTransient, "read notes", "raw log", "not now");
    }
    return FakeEventSource::late_notes(now_us);
  }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override {
    if (failures_.discovery) {
      return fail(ErrorKind::kTransient, "list slices", "raw log", "not all of the ring answers");
    }
    return FakeEventSource::begin_discovery(shards);
  }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override {
    if (failures_.strongest && request.level == ReadLevel::kStrongest) {
      return fail(ErrorKind::kTransient, "read", "raw log", "not enough replicas");
    }
    const auto* part = std::get_if<RingPart>(&request.what);
    const bool full_scan = part != nullptr && !part->event_times;
    full_scans_ += full_scan && request.level == ReadLevel::kConfigured ? 1 : 0;
    if (failures_.full_scan && full_scan) {
      return fail(ErrorKind::kTransient, "read", "raw log", "a page is lost each time");
    }
    HIRESTREAM_ASSIGN(auto inner, FakeEventSource::sweep(std::move(request)));
    return std::unique_ptr<Sweep>(std::make_unique<HookedSweep>(std::move(inner), action_));
  }

 private:
  class HookedSweep : public Sweep {
   public:
    HookedSweep(std::unique_ptr<Sweep> inner, std::function<void()>& action)
        : inner_(std::move(inner)), action_(action) {}
    Result<std::optional<SweepPage>> next() override {
      auto page = inner_->next();
      if (page && !*page) {
        if (const auto once = std::exchange(action_, nullptr)) {
          once();
        }
      }
      return page;
    }

   private:
    std::unique_ptr<Sweep> inner_;
    std::function<void()>& action_;
  };
  std::function<void()>& action_;
  const SourceFailures& failures_;
  int64_t& full_scans_;
};

Scenario::Scenario(Strategy strategy) {
  source.strategy = strategy;
  source.kind = "cassandra";
  source.identity = "scenario";
  if (strategy == Strategy::kFollow) {
    source.bucket_width = BucketWidth::rows(1000);
  }
  describe_reads(source);
  options.source_name = "scenario";
  options.owner = "test";
  options.token_seed = 1;
  options.jobs_interval_us = 5 * kSecondUs;
}

Scenario::~Scenario() = default;

int64_t Scenario::at(double seconds) const {
  return kStartUs + static_cast<int64_t>(seconds * static_cast<double>(kSecondUs));
}

double Scenario::now_s() const {
  return static_cast<double>(world_->now_us() - kStartUs) / static_cast<double>(kSecondUs);
}

void Scenario::add_click(const RowTimes& times, int64_t job_id, int32_t shard) {
  must(world_ == nullptr, "rows are given before the first run");
  const auto number = static_cast<uint64_t>(rows_.size() + 1);
  RawRow row;
  row.arrival_us = at(times.arrival_s);
  row.id = make_version_1(row.arrival_us * 10, 0, number);
  row.sequence = static_cast<int64_t>(number);
  row.expires_us = at(times.expires_s);
  if (times.gone_from_s != 0) {
    row.gone_from_us = at(times.gone_from_s);
    row.gone_until_us = at(times.gone_until_s);
  }
  RowVersion version;
  version.visible_us[0] = at(times.visible_s);
  version.visible_us[1] = at(std::max(times.visible_s, times.lagging_s));
  version.values.custom_track = "click";
  const int64_t event_us =
      row.arrival_us - static_cast<int64_t>(times.late_s * static_cast<double>(kSecondUs));
  version.values.ts = {Value::Kind::kGood, event_us, ""};
  if (times.rejected) {
    version.values.ts.meaning += options.counting.future_max_us + kSecondUs;
  }
  version.values.job_id = {Value::Kind::kGood, job_id, ""};
  version.values.bid = {Value::Kind::kGood, kBidMicros, "1"};
  version.outcome = outcome_of(row, version.values, reading());
  row.versions.push_back(version);
  row.slice.shard = shard;
  if (source.strategy == Strategy::kFollow) {
    row.slice.bucket = row.sequence / source.bucket_width.number();
  } else {
    row.slice = key_at(row.arrival_us, event_us);
    row.slice.shard = shard;
  }
  rows_.push_back(std::move(row));
}

Reading Scenario::reading() const {
  Reading out;
  out.future_max_us = options.counting.future_max_us;
  return out;
}

void Scenario::drop_column(double from_s, Column column, double lagging_s) {
  source.columns = columns_but(std::nullopt);
  table_change_ = {at(from_s), source.identity, columns_but(column)};
  for (RawRow& row : rows_) {
    simulation::drop_column(row, column, {at(from_s), at(from_s + lagging_s)}, reading());
  }
}

void Scenario::make_table_anew(double from_s) {
  source.columns = columns_but(std::nullopt);
  table_change_ = {at(from_s), source.identity + ", made anew", source.columns};
  for (RawRow& row : rows_) {
    if (row.versions.front().visible_us[0] < at(from_s)) {
      row.expires_us = at(from_s);
    }
  }
}

void Scenario::copy_last_row(int32_t shard) {
  rows_.push_back(rows_.back());
  rows_.back().slice.shard = shard;
}

void Scenario::set_job(double from_s, int64_t job_id, int64_t company_id) {
  jobs_[at(from_s)][job_id] = company_id;
}

void Scenario::build() {
  if (world_ != nullptr) {
    return;
  }
  world_ = std::make_unique<World>(1, kStartUs, false);
  log_ = std::make_unique<RawLog>(source, false);
  for (const RawRow& row : rows_) {
    log_->add(row);
  }
  log_->set_discovery_part(discovery_part_);
  if (round_places_) {
    log_->round_places();
  }
  if (note_late_rows_) {
    log_->note_late_rows(note_anywhere_);
  }
  if (table_change_) {
    log_->change_table(table_change_->us, table_change_->identity, table_change_->columns);
  }
  Promptness promptness;
  promptness.grace_us = options.grace_us;
  // Clocks are set as the scenario wants, so nothing is concluded from them.
  promptness.clock_error_max_us = clock_is_right_ ? 0 : int64_t{30} * 86'400 * kSecondUs;
  checks_ = std::make_unique<Checks>(*world_, *log_, promptness);
  checks_->allow_shrink(options.allow_shrink);
  database_ = checked ? std::make_unique<WarehouseDatabase>(*world_, *checks_)
                      : std::make_unique<WarehouseDatabase>(*world_);
  clock_ = std::make_unique<ProcessClock>(*world_);
  job_directory_ = std::make_unique<Jobs>(*this);
  open_source();
  world_->fault_windows = {{0, INT64_MAX}};
}

EnginePorts Scenario::ports() {
  return {*event_source_, *warehouse_, jobs_.empty() ? nullptr : job_directory_.get(),
          *clock_,        observer_,   stop_.get_token()};
}

std::vector<SliceChange> Scenario::slices_of_older_version() {
  RowClassifier classifier(options.counting);
  const ScanClock scan_clock(source, options);
  auto count =
      count_scan(ports(), classifier, scan_clock, {}, [](const SliceKey&) { return false; });
  must(count.has_value(), "the rows are counted");
  std::map<SliceKey, SliceChange> slices;
  for (const auto& [key, tally] : count->slices) {
    const SliceKey old{0, ScanClock::event_of(key).value_or(INT64_MIN / 2)};
    SliceChange& slice = slices[old];
    slice.entry.key = old;
    slice.entry.state = SliceState::kSettled;
    slice.entry.digest += tally.digest();
    slice.entry.classes += tally.classes();
    slice.contribution = merge(slice.contribution, tally.contribution());
  }
  std::vector<SliceChange> out;
  for (auto& [key, slice] : slices) {
    out.push_back(std::move(slice));
  }
  return out;
}

void Scenario::count_as_older_version() {
  build();
  must(!checked, "it is to be used unchecked");
  warehouse_ = std::make_unique<FakeWarehouse>(*world_, *database_, "older version");
  must(warehouse_->init().has_value(), "tables are made");
  Fingerprint fingerprint = fingerprint_of(source, options);
  fingerprint.erase(std::string(kArrivalWidth));
  fingerprint.erase(std::string(kReadColumns));
  const auto id = warehouse_->register_source({options.source_name, source.kind, fingerprint});
  must(id.has_value(), "the source is registered");
  const std::vector<int32_t> shards = {0};
  const auto writers = warehouse_->take_epochs(*id, shards, "older version");
  must(writers.has_value(), "epochs are taken");
  Commit commit;
  commit.source = *id;
  commit.writers = *writers;
  commit.token = 1;
  commit.slices = slices_of_older_version();
  Contribution cells;
  for (const SliceChange& slice : commit.slices) {
    cells = merge(cells, slice.contribution);
  }
  for (const Cell& cell : cells) {
    commit.cells.push_back({cell.key, cell.measures, 0});
  }
  const auto outcome = warehouse_->commit(commit);
  must(outcome.has_value() && outcome->verdict == CommitVerdict::kCommitted, "it is committed");
}

void Scenario::upgrade_row_hashes() {
  kill();
  database_->forget_row_hashes();
}

bool Scenario::knows_all_row_hashes() const {
  return std::ranges::all_of(database_->ledger(), [](const auto& slice) {
    return slice.second.entry.digest.hash_known();
  });
}

void Scenario::replace_as_older_version() {
  FakeWarehouse publisher(*world_, *database_, "repair of the older version");
  Commit commit;
  commit.source = 1;
  commit.token = 2;
  commit.slices = slices_of_older_version();
  for (SliceChange& slice : commit.slices) {
    slice.entry.revision = 1;
  }
  const auto outcome = publisher.commit(commit);
  must(outcome.has_value() && outcome->verdict == CommitVerdict::kCommitted, "it is committed");
}

void Scenario::open_source() {
  event_source_ =
      std::make_unique<HookedSource>(*world_, *log_, during_read_, failures_, full_scans_);
}

void Scenario::start_engine() {
  open_source();
  warehouse_ = std::make_unique<FakeWarehouse>(*world_, *database_, "engine");
  ++options.token_seed;
  auto engine = make_engine(ports(), options);
  must(engine.has_value(), "the options are accepted");
  engine_ = std::move(*engine);
  wake_us_ = 0;
}

void Scenario::set_fault(double FaultRates::* rate, bool on) {
  build();
  world_->rates.*rate = on ? 1 : 0;
}

void Scenario::set_stale(bool on) {
  build();
  world_->rates.stale_read = on ? 1 : 0;
}

void Scenario::set_clock_error(double seconds) {
  build();
  clock_->error_us = static_cast<int64_t>(seconds * static_cast<double>(kSecondUs));
  wake_us_ = 0;
}

void Scenario::sleep(double seconds) {
  build();
  world_->advance_to(world_->now_us() +
                     static_cast<int64_t>(seconds * static_cast<double>(kSecondUs)));
}

void Scenario::run_until(double seconds) {
  build();
  while (world_->now_us() < at(seconds)) {
    if (!last_error_.empty()) {
      world_->advance_to(at(seconds));
      return;
    }
    world_->advance_to(std::min(at(seconds), std::max(wake_us_, world_->now_us())));
    if (world_->now_us() >= at(seconds)) {
      return;
    }
    if (engine_ == nullptr) {
      start_engine();
    }
    ++steps_;
    const auto report = engine_->step();
    if (report) {
      last_report_ = *report;
      blocked_reports_ += report->blocked ? 1 : 0;
      if (report->caught_up && !clicks_when_caught_up_) clicks_when_caught_up_ = clicks();
      wake_us_ = report->next_due_us - clock_->error_us;
      spins_ = wake_us_ > world_->now_us() ? 0 : spins_ + 1;
      must(spins_ < 100'000, "the engine does not spin");
    } else if (report.error().kind == ErrorKind::kTransient) {
      wake_us_ = world_->now_us() + kSecondUs / 2;
    } else {
      last_error_ = report.error().operation;
    }
  }
}

void Scenario::kill() {
  engine_.reset();
  last_error_.clear();
}

void Scenario::take_over() {
  FakeWarehouse other(*world_, *database_, "other");
  const std::vector<int32_t> shards = {0};
  must(other.take_epochs(1, shards, "other").has_value(), "epochs are taken");
}

void Scenario::store_job_elsewhere(int64_t job_id, int64_t company_id) {
  FakeWarehouse other(*world_, *database_, "other");
  const std::vector<Job> jobs = {{job_id, company_id, 0, 0, "", "", "", ""}};
  must(other.store_jobs(jobs, world_->now_us()).has_value(), "the job is stored");
}

template <typename Work>
auto Scenario::as_publisher(bool repair, const Work& work) {
  build();
  FakeWarehouse warehouse(*world_, *database_, "verify");
  HookedSource event_source(*world_, *log_, during_read_, failures_, full_scans_);
  VerifyOptions verify_options;
  verify_options.engine = options;
  verify_options.engine.token_seed = options.token_seed + 1000;
  verify_options.repair = repair;
  auto result = work(
      {event_source, warehouse, jobs_.empty() ? nullptr : job_directory_.get(), *clock_, observer_},
      verify_options);
  must(result.has_value(), "verify works");
  return *result;
}

Result<Adoption> Scenario::adopt() {
  FakeWarehouse warehouse(*world_, *database_, "adopt");
  HookedSource event_source(*world_, *log_, during_read_, failures_, full_scans_);
  EngineOptions adopted = options;
  adopted.token_seed += 2000;
  return adopt_source({event_source, warehouse, nullptr, *clock_, observer_}, adopted, true);
}

VerifyReport Scenario::verify_part(double from_s, double to_s) {
  return as_publisher(true, [&](const EnginePorts& ports, VerifyOptions verify_options) {
    verify_options.arrived_us = {at(from_s), at(to_s)};
    return hirestream::verify(ports, verify_options);
  });
}

VerifyReport Scenario::verify(bool repair, bool allow_shrink) {
  checks_->allow_shrink(options.allow_shrink || allow_shrink);
  return as_publisher(repair, [&](const EnginePorts& ports, VerifyOptions verify_options) {
    verify_options.engine.allow_shrink |= allow_shrink;
    return hirestream::verify(ports, verify_options);
  });
}

VerifyReport Scenario::find_duplicates(DuplicateSearchOptions duplicates) {
  duplicates.wanted = true;
  return as_publisher(false, [&](const EnginePorts& ports, VerifyOptions verify_options) {
    verify_options.duplicates = duplicates;
    return hirestream::verify(ports, verify_options);
  });
}

int64_t Scenario::retry_rejects() {
  return as_publisher(true, [](const EnginePorts& ports, const VerifyOptions& verify_options) {
    return hirestream::retry_rejects(ports, verify_options);
  });
}

void Scenario::during_next_read(std::function<void()> action) {
  build();
  during_read_ = std::move(action);
}

int64_t Scenario::clicks() const {
  int64_t sum = 0;
  for (const auto& [key, row] : database_->events()) {
    sum += row.measures.clicks;
    must(row.measures.bid_micros == row.measures.clicks * kBidMicros, "bids go with clicks");
  }
  return sum;
}

int64_t Scenario::company_of(int64_t job_id) const {
  for (const auto& [key, row] : database_->events()) {
    if (key.job_id == job_id) {
      return row.company_id;
    }
  }
  must(false, "the job has rows");
  return 0;
}

SliceKey Scenario::key_at(int64_t arrival_us, int64_t event_us) const {
  const int64_t width_us = source.bucket_width.us();
  return {0,
          source.strategy == Strategy::kTail
              ? arrival_us / width_us
              : ScanBucket{arrival_us / source.arrival_width.us(), event_us / width_us}.bucket()};
}

SliceKey Scenario::key_of(int64_t offset) const {
  if (source.strategy == Strategy::kFollow) {
    return {0, offset};
  }
  const int64_t us = kStartUs + offset * source.bucket_width.us();
  return key_at(us, us);
}

bool Scenario::has_slice(int64_t offset) const {
  return database_->ledger().contains(key_of(offset));
}

bool Scenario::is_frozen(int64_t offset) const {
  return database_->is_frozen(key_of(offset));
}

bool Scenario::is_shown_as_settled(int64_t offset) const {
  FakeWarehouse report(*world_, *database_, "report");
  const auto sources = report.sources();
  must(sources.has_value() && sources->size() == 1, "the source is known");
  const auto& marks = sources->front().settled_until;
  return marks.contains(0) && marks.at(0) > ScanClock::event_of(key_of(offset)).value();
}

int64_t Scenario::settled_until() const {
  FakeWarehouse report(*world_, *database_, "report");
  const auto sources = report.sources();
  must(sources.has_value() && sources->size() == 1, "the source is known");
  const auto& marks = sources->front().settled_until;
  return marks.contains(0) ? marks.at(0) : INT64_MIN;
}

LedgerEntry Scenario::slice(int64_t offset) const {
  must(has_slice(offset), "the slice is in the ledger");
  return database_->ledger().at(key_of(offset)).entry;
}

}  // namespace hirestream::simulation
