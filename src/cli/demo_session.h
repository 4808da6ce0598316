// The embedded whole that `demo` shows: traffic into a SQLite raw log on one thread, the engine
// into a SQLite warehouse on another, and snapshots of the result for whoever looks. One directory
// holds raw.db, counts.db and jobs.db; a directory used before is continued.
//
// Threading: the methods are called from one thread. Errors of the background threads end the
// session and come out of failure().
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "adapters/system/system_clock.h"
#include "cli/demo_view.h"
#include "cli/generate_traffic.h"
#include "cli/service_watch.h"
#include "cli/traffic_model.h"
#include "config/settings.h"
#include "http/dashboard_server.h"
#include "ports/observer.h"
#include "ports/raw_log_writer.h"
#include "ports/warehouse.h"
#include "telemetry/metrics_observer.h"
#include "telemetry/pipeline_recorder.h"

namespace hirestream {

struct DemoOptions {
  std::string directory;
  int64_t history_rows = 200'000;  // over the last two days; not made again where there are rows
  // Not much more than in the history: else the running hour dwarfs the others.
  double rows_per_second = 20;
  // Of writes into the raw log and of the engine; called from several threads.
  RetryNote on_retry = nullptr;
};

// What the demo's visitors do: shaped like a site that fills in its columns, so that every figure
// says something. One row in 2,000 has no event time, the only dirt that the recount in plain SQL
// leaves out, too.
TrafficOptions demo_traffic(uint64_t seed = TrafficOptions{}.seed);

// Thread-safe.
class DemoObserver : public Observer {
 public:
  explicit DemoObserver(RetryNote on_retry) : on_retry_(std::move(on_retry)) {}
  void on_read(int64_t, int64_t, int64_t) override {}
  void on_commit(const CommitReport& report) override;
  void on_slice(SliceEvent, const SliceKey&, const std::string&) override {}
  void on_retry(const Error& error, int attempt, int64_t delay_us) override;
  void on_note(const std::string& level, const std::string& text) override;
  void on_progress(const std::string&, int64_t, int64_t) override {}

  std::vector<int64_t> freshness_us() const;  // of the latest rows
  std::string last_note() const;

 private:
  RetryNote on_retry_;
  mutable std::mutex mutex_;
  std::deque<int64_t> freshness_us_;
  std::string note_;
};

class DemoSession {
 public:
  static Result<std::unique_ptr<DemoSession>> open(const DemoOptions& options);
  ~DemoSession();

  // Makes the history; blocking. False: stopped before its end.
  Result<bool> make_history(const std::stop_token& stop, const GenerateProgress& progress);
  // Serves the page and its API, before start(). Nothing: at 127.0.0.1:8080, or at another port if
  // that one is taken.
  Result<void> serve(const std::optional<ListenAddress>& address, const std::string& token);
  std::string page() const { return server_ == nullptr ? "" : server_->url(); }
  Result<void> start();
  Result<DemoSnapshot> snapshot();
  std::optional<Error> failure() const;

  // Ends the traffic, waits until the engine has counted all of it (kTransient after
  // `patience_us`), ends the engine.
  Result<void> finish(int64_t patience_us);
  struct Check {
    int64_t rows = 0;
    int64_t cells = 0;
    int64_t cells_different = 0;
  };
  // Warehouse against an SQL recount of the raw log; after finish().
  Result<Check> check();

 private:
  DemoSession(DemoOptions options, TrafficModel model, Settings settings);
  Result<int64_t> rows_in_raw_log() const;
  void note_written(int64_t rows);
  int64_t behind_us(int64_t counted);
  void fail_with(Error error);
  std::string path(const char* name) const { return options_.directory + "/" + name; }

  DemoOptions options_;
  TrafficModel model_;
  Settings settings_;
  SystemClock clock_;
  DemoObserver observer_;
  std::unordered_map<int64_t, Job> jobs_;
  std::unique_ptr<RawLogWriter> writer_;
  std::unique_ptr<Warehouse> warehouse_;  // for reading
  int64_t begin_us_ = 0;
  int64_t rows_before_ = 0;  // in the raw log before the live traffic

  mutable std::mutex mutex_;
  std::optional<Error> error_;
  int64_t rows_written_ = 0;
  std::deque<std::pair<int64_t, int64_t>> written_;  // rows so far and when, latest last

  MetricsObserver metrics_;
  ServiceNotifier nobody_{""};
  ServiceWatch watch_{nobody_};
  std::unique_ptr<DashboardServer> server_;
  std::unique_ptr<PipelineRecorder> recorder_;

  std::jthread traffic_;
  std::jthread engine_;
};

}  // namespace hirestream
