#include "cli/engine_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "cli/background_jobs.h"
#include "cli/cassandra_config.h"
#include "cli/engine_options.h"
#include "cli/generate_writing.h"
#include "cli/lease_keeper.h"
#include "cli/open_jobs.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/retry_backoff.h"
#include "cli/share_keeper.h"
#include "cli/watched_files.h"
#include "config/values.h"
#include "telemetry/observer_fanout.h"

namespace hirestream {
namespace {

// The engine's clock may jump: never sleep longer than this without asking again.
constexpr int64_t kLongestSleepUs = 1'000'000;
// How often a standby looks whether the lease has ended.
constexpr int64_t kLooksPerLease = 10;
// Between attempts to connect with a password or certificates that have been replaced.
constexpr std::chrono::seconds kRenewalPause{5};
// A mirror stores where it is each 30 s at least.
constexpr std::chrono::seconds kMirrorsPause{15};
constexpr std::chrono::seconds kNoMirrorsPause{60};

// A source's connection does not outlive a change of these.
WatchedFiles credential_files(const SourceSettings& source) {
  if (source.uri->scheme != Scheme::kCassandra) {
    return {};
  }
  std::vector<std::string> paths = certificate_files(*source.uri);
  paths.push_back(source.password.file);
  return WatchedFiles(std::move(paths));
}

}  // namespace

// One source's thread.
class EngineRunner::Worker {
 public:
  Worker(EngineRunner& runner, const SourceSettings& source, ServiceWatch::Seat& seat)
      : runner_(runner),
        source_settings_(source),
        seat_(seat),
        observer_(observers_of(runner, source, seat)) {}

  void run(const std::stop_token& stop) {
    run_until_ended(stop);
    seat_.ended(fenced_);
  }

 private:
  using Steady = std::chrono::steady_clock;

  void run_until_ended(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (lease_ != nullptr && lease_->lost()) {
        give_way();
      }
      if (share_ != nullptr && engine_ != nullptr && share_->wanted() != counted_shards_) {
        regroup();
      }
      if (source_ != nullptr && credentials_.changed() && Steady::now() >= renewal_due_) {
        renew_source(stop);
      }
      Result<bool> done = engine_ == nullptr ? open(stop) : step();
      if (!done) {
        if (!retry(done.error(), stop)) {
          return;
        }
        continue;
      }
      backoff_.reset();
      if (*done) {
        if (left_out_) {
          runner_.keep_error(*left_out_);
        }
        return;
      }
      seat_.stepped(slices_held_);
      sleep(pause_us(), stop);
    }
  }

  static std::vector<Observer*> observers_of(EngineRunner& runner, const SourceSettings& source,
                                             ServiceWatch::Seat& seat) {
    std::vector<Observer*> observers = {&runner.observer_, &seat};
    if (runner.options_.observers_of) {
      const auto more = runner.options_.observers_of(source.name);
      observers.insert(observers.end(), more.begin(), more.end());
    }
    return observers;
  }

  // Opens everything and starts the engine. Never done: there is always a step to follow.
  Result<bool> open(const std::stop_token& stop) {
    const Settings& settings = runner_.settings_;
    if (source_ == nullptr) {
      credentials_ = credential_files(source_settings_);
      HIRESTREAM_ASSIGN(source_, open_source(source_settings_, observer_, stop));
    }
    if (warehouse_ == nullptr) {
      HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse, IfMissing::kCreate));
      {
        const std::lock_guard lock(runner_.init_mutex_);
        HIRESTREAM_TRY(warehouse->init());
      }
      warehouse_ = std::move(warehouse);
    }
    if (jobs_ == nullptr && settings.jobs.uri) {
      HIRESTREAM_ASSIGN(auto jobs, open_jobs(settings.jobs));
      jobs_ = std::make_unique<BackgroundJobDirectory>(std::move(jobs));
    }
    HIRESTREAM_ASSIGN(EngineOptions options, engine_options(settings, source_settings_));
    if (settings.run.standby || settings.run.share) {
      HIRESTREAM_ASSIGN(const bool ours, settings.run.standby ? hold_lease(options.shards)
                                                              : hold_shards(options.shards));
      if (!ours) {
        seat_.started();  // all that it is to do is done
        next_due_us_ = runner_.clock_.now_us() + settings.run.lease_us / kLooksPerLease;
        return false;
      }
    }
    const EnginePorts ports{.source = *source_,
                            .warehouse = *warehouse_,
                            .jobs = jobs_.get(),
                            .clock = runner_.clock_,
                            .observer = observer_,
                            .stop = stop};
    HIRESTREAM_ASSIGN(auto engine, make_engine(ports, std::move(options)));
    HIRESTREAM_TRY(engine->start());
    engine_ = std::move(engine);
    seat_.started();
    next_due_us_ = 0;
    return false;
  }

  // False: another engine has it.
  Result<bool> hold_lease(std::vector<int32_t> shards) {
    if (lease_ == nullptr) {
      const Settings& settings = runner_.settings_;
      lease_ = std::make_unique<LeaseKeeper>(
          settings.warehouse,
          LeaseRequest{source_settings_.name,
                       shards.empty() ? all_shards(source_->description()) : std::move(shards),
                       settings.run.lease_us});
    }
    if (lease_->held()) {
      return true;  // the engine could not start yet
    }
    HIRESTREAM_ASSIGN(const auto holder, lease_->acquire());
    if (!holder) {
      holder_.clear();
      observer_.on_note("info",
                        fmt::format("active: this engine counts {}", source_settings_.name));
      return true;
    }
    if (std::exchange(holder_, holder->owner) != holder->owner) {
      observer_.on_note("info",
                        fmt::format("standby: {} counts {}", holder->owner, source_settings_.name));
    }
    return false;
  }

  // Takes this engine's part of the shards into `shards`. False: others have all of them.
  Result<bool> hold_shards(std::vector<int32_t>& shards) {
    if (share_ == nullptr) {
      const Settings& settings = runner_.settings_;
      share_ = std::make_unique<ShareKeeper>(
          settings.warehouse, source_settings_.name,
          shards.empty() ? all_shards(source_->description()) : shards, settings.run.lease_us);
    }
    HIRESTREAM_TRY(share_->refresh());
    shards = share_->wanted();
    share_->count(shards);
    if (std::exchange(counted_shards_, shards) != shards || shards.empty()) {
      tell_part(shards);
    }
    return !shards.empty();
  }

  void tell_part(const std::vector<int32_t>& shards) {
    const std::string part =
        shards.empty()
            ? fmt::format("standby: others count all shards of {}", source_settings_.name)
            : fmt::format("active: this engine counts shards {} of {}", format_shards(shards),
                          source_settings_.name);
    if (std::exchange(part_, part) != part) {
      observer_.on_note("info", part);
    }
  }

  // What it knew is forgotten: of the source, too, which tells each note of late rows once, also
  // those that were of no use to this engine, but may be to the next one.
  void forget_engine() {
    engine_.reset();
    source_.reset();
    slices_held_ = 0;
  }

  // It has other shards from now on.
  void regroup() {
    forget_engine();
    share_->count({});
  }

  // The password or a certificate has been replaced. The old connection goes on until there is one
  // with the new ones; the engine starts anew with that.
  void renew_source(const std::stop_token& stop) {
    renewal_due_ = Steady::now() + kRenewalPause;
    WatchedFiles credentials = credential_files(source_settings_);
    auto source = open_source(source_settings_, observer_, stop);
    if (!source) {
      observer_.on_note("warning",
                        fmt::format("the password or certificates of {} have been replaced, but {}",
                                    source_settings_.name, source.error().text()));
      return;
    }
    observer_.on_note("info", fmt::format("the password or certificates of {} have been replaced: "
                                          "connected with the new ones",
                                          source_settings_.name));
    forget_engine();
    source_ = std::move(*source);
    credentials_ = std::move(credentials);
  }

  // Another engine counts.
  void give_way() {
    observer_.on_note("warning", fmt::format("another engine has taken over {}: standby again",
                                             source_settings_.name));
    forget_engine();
    lease_.reset();
  }

  Result<bool> step() {
    HIRESTREAM_ASSIGN(const StepReport report, engine_->step());
    worked_ = true;
    for (const Error& error : report.left_out) {
      runner_.observer_.on_note("warning", error.text());
      left_out_ = error;
    }
    next_due_us_ = report.next_due_us;
    slices_held_ = report.slices_held;
    tell_mirrors();
    if (!runner_.options_.once) {
      return false;
    }
    if (!report.caught_up && report.blocked) {
      return forward(*report.blocked);
    }
    if (report.caught_up) {
      note_null_words();
      const EngineSettings& engine = runner_.settings_.engine;
      HIRESTREAM_TRY(warehouse_->expire_rejects(runner_.clock_.now_us() - engine.rejects_keep_us,
                                                engine.rejects_cap));
    }
    return report.caught_up;
  }

  void note_null_words() {
    if (const int64_t words = source_->statistics().null_words; words > 0) {
      observer_.on_note("info", fmt::format("{} values were words that mean null ({})", words,
                                            source_settings_.null_words));
    }
  }

  // Of a table that is a mirror: how far it is. A few rows of one replica; what fails is tried
  // again later, and said once where somebody must change something.
  void tell_mirrors() {
    if (Steady::now() < mirrors_due_) {
      return;
    }
    const auto mirrors = source_->mirrors();
    mirrors_due_ = Steady::now() + (mirrors && !mirrors->empty() ? kMirrorsPause : kNoMirrorsPause);
    if (mirrors) {
      observer_.on_mirrors(*mirrors);
    } else if (mirrors.error().kind == ErrorKind::kConfig &&
               !std::exchange(mirrors_refused_, true)) {
      observer_.on_note("warning", "status and page show no mirrors: " + mirrors.error().text());
    }
  }

  int64_t pause_us() const { return next_due_us_ - runner_.clock_.now_us(); }

  // False: this engine has ended. Else there was a pause.
  bool retry(const Error& error, const std::stop_token& stop) {
    if (error.operation == kFence && runner_.settings_.run.standby) {
      give_way();
      wait(runner_.settings_.run.lease_us, stop);
      return !stop.stop_requested();
    }
    if (error.operation == kFence && runner_.settings_.run.share) {
      // A shard that another one has taken meanwhile: soon it is known which.
      regroup();
      wait(runner_.settings_.run.lease_us / kLooksPerLease, stop);
      return !stop.stop_requested();
    }
    const bool passes = error.kind == ErrorKind::kTransient || (error.may_pass && worked_);
    if (!passes) {
      end(error);
      return false;
    }
    if (stop.stop_requested()) {
      return false;  // it is not tried again, and nobody needs to know
    }
    const auto now = Steady::now();
    if (backoff_.attempts() == 0) {
      first_failure_ = now;
    }
    const auto limit = std::chrono::microseconds(runner_.options_.give_up_after_us);
    if (runner_.options_.once && now - first_failure_ >= limit) {
      end(error);
      return false;
    }
    const int64_t delay_us = backoff_.next();
    seat_.failed();
    observer_.on_retry(error, backoff_.attempts(), delay_us);
    wait(delay_us, stop);
    return true;
  }

  void end(const Error& error) {
    fenced_ = error.operation == kFence;
    if (runner_.settings_.sources.size() > 1) {
      runner_.observer_.on_note("warning", fmt::format("the engine of {} has ended: {}",
                                                       source_settings_.name, error.text()));
    }
    runner_.keep_error(error);
  }

  void sleep(int64_t us, const std::stop_token& stop) {
    // One step of at most kLongestSleepUs: when the clock was set back, only the engine knows what
    // is due now.
    if (us > 0) {
      wait(std::min(us, kLongestSleepUs), stop);
    }
  }

  // In parts, each of which shows that this thread is alive.
  void wait(int64_t us, const std::stop_token& stop) {
    while (us > 0 && !stop.stop_requested()) {
      const int64_t part = std::min(us, kLongestSleepUs);
      sleep_unless_stopped(part, stop);
      seat_.beat();
      us -= part;
    }
  }

  EngineRunner& runner_;
  const SourceSettings& source_settings_;
  ServiceWatch::Seat& seat_;
  ObserverFanout observer_;
  RetryBackoff backoff_;
  Steady::time_point first_failure_;
  std::unique_ptr<EventSource> source_;
  WatchedFiles credentials_;  // that source_ was opened with
  Steady::time_point renewal_due_;
  Steady::time_point mirrors_due_;
  bool mirrors_refused_ = false;
  std::unique_ptr<Warehouse> warehouse_;
  std::unique_ptr<JobDirectory> jobs_;
  std::unique_ptr<LeaseKeeper> lease_;
  std::string holder_;  // of the lease we wait for
  std::unique_ptr<ShareKeeper> share_;
  std::vector<int32_t> counted_shards_;
  std::string part_;  // as it was told
  std::unique_ptr<Engine> engine_;
  int64_t next_due_us_ = 0;
  int64_t slices_held_ = 0;
  // A step has succeeded: source, warehouse and job directory are there, of the right form, and let
  // us in.
  bool worked_ = false;
  bool fenced_ = false;  // for good
  std::optional<Error> left_out_;
};

EngineRunner::EngineRunner(const Settings& settings, EngineRunnerOptions options, Clock& clock,
                           Observer& observer)
    : settings_(settings), options_(std::move(options)), clock_(clock), observer_(observer) {}

void EngineRunner::keep_error(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) {
    error_ = std::move(error);
  }
}

Result<void> EngineRunner::run(const std::stop_token& stop) {
  const ServiceNotifier nobody("");
  ServiceWatch unwatched(nobody);
  ServiceWatch& watch = options_.watch == nullptr ? unwatched : *options_.watch;
  std::vector<ServiceWatch::Seat*> seats;
  for (const SourceSettings& source : settings_.sources) {
    seats.push_back(&watch.take_seat(source.name));
  }
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < seats.size(); ++i) {
      threads.emplace_back([this, &stop, &source = settings_.sources[i], &seat = *seats[i]] {
        Worker(*this, source, seat).run(stop);
      });
    }
  }
  if (error_) {
    return forward(*error_);
  }
  return {};
}

}  // namespace hirestream
