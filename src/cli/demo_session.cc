#include "cli/demo_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <stop_token>
#include <vector>

#include "adapters/sqlite/raw_log_recount.h"
#include "cli/engine_runner.h"
#include "cli/generate_jobs.h"
#include "cli/generate_writing.h"
#include "cli/open_report.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/retry_deadline.h"
#include "cli/serve_dashboard.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

constexpr size_t kFreshnessRows = 4096;
constexpr size_t kRanking = 6;
constexpr int32_t kHoursShown = 48;
constexpr int64_t kRateWindowUs = 5'000'000;

Contribution cells_of(Warehouse& warehouse, Result<void>& outcome) {
  Contribution cells;
  outcome = warehouse.read_events([&](const EventsRow& row) -> Result<void> {
    cells.push_back({row.key, row.measures});
    return {};
  });
  return cells;
}

std::vector<DemoEntry> ranking(const std::map<std::string, Measures>& by_name) {
  std::vector<DemoEntry> entries;
  for (const auto& [name, measures] : by_name) {
    entries.push_back({name, measures});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const DemoEntry& a, const DemoEntry& b) {
    return a.measures.bid_micros > b.measures.bid_micros;
  });
  entries.resize(std::min(entries.size(), kRanking));
  return entries;
}

}  // namespace

TrafficOptions demo_traffic(uint64_t seed) {
  return {.seed = seed, .viewed_share = 0.9, .grouped_share = 1, .untimed_share = 0.0005};
}

void DemoObserver::on_commit(const CommitReport& report) {
  const std::lock_guard lock(mutex_);
  const auto& sample = report.freshness_sample_us;
  freshness_us_.insert(freshness_us_.end(), sample.begin(), sample.end());
  while (freshness_us_.size() > kFreshnessRows) {
    freshness_us_.pop_front();
  }
}

void DemoObserver::on_retry(const Error& error, int attempt, int64_t delay_us) {
  if (on_retry_) {
    on_retry_(error, attempt, delay_us);
  }
  const std::lock_guard lock(mutex_);
  note_ = error.text();
}

void DemoObserver::on_note(const std::string& level, const std::string& text) {
  if (level == "warning") {
    const std::lock_guard lock(mutex_);
    note_ = text;
  }
}

std::vector<int64_t> DemoObserver::freshness_us() const {
  const std::lock_guard lock(mutex_);
  return {freshness_us_.begin(), freshness_us_.end()};
}

std::string DemoObserver::last_note() const {
  const std::lock_guard lock(mutex_);
  return note_;
}

Result<std::unique_ptr<DemoSession>> DemoSession::open(const DemoOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) {
    return fail(ErrorKind::kConfig, "make directory", options.directory, error.message(),
                "give --dir a place that can be written to");
  }
  SettingsInput input;
  input.options = {{"source.uri", "sqlite:" + options.directory + "/raw.db"},
                   {"source.name", "demo"},
                   {"warehouse.uri", "sqlite:" + options.directory + "/counts.db"},
                   {"jobs.uri", "sqlite:" + options.directory + "/jobs.db"}};
  HIRESTREAM_ASSIGN(Settings settings, load_settings(input));
  HIRESTREAM_ASSIGN(TrafficModel model, TrafficModel::make(demo_traffic()));
  std::unique_ptr<DemoSession> session(
      new DemoSession(options, std::move(model), std::move(settings)));
  HIRESTREAM_TRY(write_jobs("sqlite:" + session->path("jobs.db"), session->model_.jobs(),
                            session->model_.publishers()));
  HIRESTREAM_ASSIGN(session->writer_, open_writer("sqlite:" + session->path("raw.db")));
  HIRESTREAM_ASSIGN(session->rows_before_, session->rows_in_raw_log());
  HIRESTREAM_ASSIGN(session->warehouse_,
                    open_warehouse(session->settings_.warehouse, IfMissing::kCreate));
  HIRESTREAM_TRY(session->warehouse_->init());
  return session;
}

DemoSession::DemoSession(DemoOptions options, TrafficModel model, Settings settings)
    : options_(std::move(options)),
      model_(std::move(model)),
      settings_(std::move(settings)),
      observer_(options_.on_retry),
      begin_us_(clock_.now_us()) {
  for (const Job& job : model_.jobs()) {
    jobs_.emplace(job.job_id, job);
  }
}

DemoSession::~DemoSession() {
  traffic_ = {};
  engine_ = {};
}

Result<int64_t> DemoSession::rows_in_raw_log() const {
  HIRESTREAM_ASSIGN(const RawLogRecount recount, recount_sqlite_raw_log(path("raw.db")));
  return recount.rows;
}

Result<bool> DemoSession::make_history(const std::stop_token& stop,
                                       const GenerateProgress& progress) {
  if (rows_before_ > 0 || options_.history_rows == 0) {
    return true;
  }
  constexpr int64_t kTwoDaysUs = 2LL * 86'400'000'000;
  const int64_t now_us = clock_.now_us();
  HistoryPlan plan;
  plan.rows = options_.history_rows;
  plan.from_us = now_us - kTwoDaysUs;
  plan.to_us = now_us;
  plan.batch_rows = 5000;
  plan.on_retry = options_.on_retry;
  const auto open = [this] { return open_writer("sqlite:" + path("raw.db")); };
  HIRESTREAM_ASSIGN(const GenerateReport report,
                    generate_history(model_, plan, open, nullptr, stop, progress));
  rows_before_ += report.rows;
  return !report.interrupted;
}

Result<void> DemoSession::serve(const std::optional<ListenAddress>& address,
                                const std::string& token) {
  const auto serve_at = [&](const ListenAddress& at) {
    return serve_dashboard(
        settings_.warehouse, at, token,
        {.metrics = &metrics_,
         .watch = &watch_,
         .warn = [this](const std::string& text) { observer_.on_note("warning", text); },
         .samples = true},  // they are made up
        clock_);
  };
  auto server = serve_at(address.value_or(ListenAddress{}));
  if (!server && !address) {
    server = serve_at({.port = 0});
  }
  HIRESTREAM_ASSIGN(server_, std::move(server));
  return {};
}

Result<void> DemoSession::start() {
  recorder_ = std::make_unique<PipelineRecorder>(
      [this] { return open_pipeline_log(settings_.warehouse); },
      [this](const Error& error) { observer_.on_note("warning", error.text()); }, clock_);
  begin_us_ = clock_.now_us();
  note_written(0);
  traffic_ = std::jthread([this](const std::stop_token& stop) {
    const TrafficOptions traffic =
        demo_traffic(static_cast<uint64_t>(begin_us_));  // another visitor each time
    LivePlan plan;
    plan.rows_per_second = options_.rows_per_second;
    plan.pause_us = 50'000;
    plan.on_retry = [this](const Error& error, int attempt, int64_t delay_us) {
      observer_.on_retry(error, attempt, delay_us);
    };
    const auto report = generate_live(*TrafficModel::make(traffic), plan, *writer_, nullptr, stop,
                                      [this](int64_t rows) { note_written(rows); });
    if (!report) {
      fail_with(report.error());
    }
  });
  engine_ = std::jthread([this](const std::stop_token& stop) {
    std::vector<Observer*> observers = {&observer_};
    std::optional<CommitSignal> signal;
    if (server_ != nullptr) {
      observers.push_back(&signal.emplace(*server_));
    }
    ObserverFanout observer(std::move(observers));
    EngineRunnerOptions options;
    options.observers_of = [this](const std::string& name) {
      return std::vector<Observer*>{&recorder_->observer_of(name), &metrics_.observer_of(name)};
    };
    options.watch = &watch_;
    EngineRunner runner(settings_, std::move(options), clock_, observer);
    const auto done = runner.run(stop);
    if (!done) {
      fail_with(done.error());
    }
  });
  return {};
}

void DemoSession::note_written(int64_t rows) {
  const std::lock_guard lock(mutex_);
  rows_written_ = rows_before_ + rows;
  written_.emplace_back(rows_written_, clock_.now_us());
}

// Age of the oldest row that is not counted. Forgets what is neither needed for that nor for the
// rate.
int64_t DemoSession::behind_us(int64_t counted) {
  const int64_t now_us = clock_.now_us();
  while (written_.size() > 1 && written_.front().first <= counted &&
         written_.front().second < now_us - kRateWindowUs) {
    written_.pop_front();
  }
  for (const auto& [rows, at_us] : written_) {
    if (rows > counted) {
      return now_us - at_us;
    }
  }
  return 0;
}

void DemoSession::fail_with(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) {
    error_ = std::move(error);
  }
}

std::optional<Error> DemoSession::failure() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

Result<DemoSnapshot> DemoSession::snapshot() {
  DemoSnapshot snapshot;
  snapshot.elapsed_us = clock_.now_us() - begin_us_;
  snapshot.raw_log = path("raw.db");
  snapshot.warehouse = path("counts.db");
  snapshot.page = page();
  snapshot.freshness_us = observer_.freshness_us();
  snapshot.note = observer_.last_note();
  HIRESTREAM_ASSIGN(const auto sources, warehouse_->sources());
  for (const SourceStatus& source : sources) {
    snapshot.classes += source.classes;
  }
  {
    const std::lock_guard lock(mutex_);
    snapshot.history_left = std::max<int64_t>(rows_before_ - snapshot.classes.total(), 0);
    snapshot.behind_us = behind_us(snapshot.classes.total());
    snapshot.rows_written = rows_written_;
    const auto& [first_rows, first_us] = written_.front();
    const auto seconds = static_cast<double>(written_.back().second - first_us) / 1e6;
    snapshot.write_rate =
        seconds > 0.5 ? static_cast<double>(rows_written_ - first_rows) / seconds : 0;
  }
  Result<void> outcome;
  const Contribution cells = cells_of(*warehouse_, outcome);
  HIRESTREAM_TRY(outcome);
  snapshot.cells = static_cast<int64_t>(cells.size());
  std::map<std::string, Measures> campaigns;
  std::map<std::string, Measures> companies;
  std::vector<int64_t> clicks(kHoursShown);
  const auto this_hour = static_cast<int32_t>(clock_.now_us() / 3'600'000'000);
  for (const Cell& cell : cells) {
    snapshot.total += cell.measures;
    const int32_t hours_ago = this_hour - cell.key.local_hour;
    if (hours_ago >= 0 && hours_ago < kHoursShown) {
      clicks[static_cast<size_t>(kHoursShown - 1 - hours_ago)] += cell.measures.clicks;
    }
    const auto job = jobs_.find(cell.key.job_id);
    if (job != jobs_.end()) {
      campaigns[job->second.campaign_name] += cell.measures;
      companies[job->second.company_name] += cell.measures;
    }
  }
  snapshot.clicks_by_hour = std::move(clicks);
  snapshot.campaigns = ranking(campaigns);
  snapshot.companies = ranking(companies);
  return snapshot;
}

Result<void> DemoSession::finish(int64_t patience_us) {
  traffic_ = {};  // asks it to stop and waits
  const int64_t deadline_us = steady_now_us() + patience_us;
  while (true) {
    if (const auto error = failure()) {
      return forward(*error);
    }
    HIRESTREAM_ASSIGN(const auto sources, warehouse_->sources());
    RowClasses classes;
    for (const SourceStatus& source : sources) {
      classes += source.classes;
    }
    if (classes.total() >= rows_written_) {
      break;
    }
    if (steady_now_us() > deadline_us) {
      return fail(ErrorKind::kTransient, "catch up", path("raw.db"),
                  fmt::format("{} of {} rows are counted", classes.total(), rows_written_),
                  "the machine is too slow for this rate: lower --rate");
    }
    sleep_unless_stopped(100'000, {});
  }
  engine_ = {};
  return {};
}

Result<DemoSession::Check> DemoSession::check() {
  HIRESTREAM_ASSIGN(const RawLogRecount recount, recount_sqlite_raw_log(path("raw.db")));
  Result<void> outcome;
  const Contribution cells = cells_of(*warehouse_, outcome);
  HIRESTREAM_TRY(outcome);
  const Contribution different = difference(cells, recount.cells);
  return Check{recount.rows, static_cast<int64_t>(cells.size()),
               static_cast<int64_t>(different.size())};
}

}  // namespace hirestream
