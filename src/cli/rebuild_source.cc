#include "cli/rebuild_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cli/engine_options.h"
#include "cli/generate_writing.h"
#include "cli/open_source.h"
#include "pipeline/table_counter.h"

namespace hirestream {
namespace {

constexpr unsigned kThreadsMax = 4;
// Of a tail: what is held in memory is the parts of so many ranges at once as there are threads.
constexpr int64_t kRangesOfTail = 64;
constexpr int kTriesMax = 6;

// Counts ranges of the ring and stages them, each as an attempt of its own number.
class SourceCount {
 public:
  SourceCount(const Settings& settings, EngineOptions engine, Observer& observer,
              const std::stop_token& stop)
      : settings_(settings), engine_(std::move(engine)), observer_(observer), outer_stop_(stop) {}

  Result<void> run(std::unique_ptr<EventSource> first, const std::string& run, int64_t begun_us,
                   bool trust_keys) {
    const bool scan = first->description().strategy == Strategy::kScan;
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsMax);
    // Of a scan each range has parts of every slice.
    ranges_ = scan ? threads : kRangesOfTail;
    run_ = run;
    request_.begun_us = begun_us;
    request_.closed_only = true;
    request_.trust_keys = trust_keys;
    request_.stop = stop_.get_token();
    const std::stop_callback stop_too(outer_stop_, [this] { stop_.request_stop(); });
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < threads; ++i) {
        workers.emplace_back([this, mine = std::exchange(first, nullptr)]() mutable {
          note(work(std::move(mine)));
        });
      }
    }
    return error_ ? forward(*std::move(error_)) : Result<void>();
  }

  std::vector<int64_t> attempts() const {
    std::vector<int64_t> numbers;
    for (int64_t range = 0; range < ranges_; ++range) {
      numbers.push_back(range);
    }
    return numbers;
  }

 private:
  // Until no range is left. A thread has connections of its own.
  Result<void> work(std::unique_ptr<EventSource> source) {
    if (source == nullptr) {
      HIRESTREAM_ASSIGN(source, open_source(settings_.sources.front(), observer_));
    }
    HIRESTREAM_ASSIGN(const auto staging, open_staging(settings_.warehouse));
    TableCounter counter(*source, engine_);
    const auto place = [this](int64_t range) {
      return kRingPlaces / static_cast<uint64_t>(ranges_) * static_cast<uint64_t>(range);
    };
    for (int64_t range = next_++; range < ranges_; range = next_++) {
      const uint64_t end = range + 1 == ranges_ ? kRingPlaces : place(range + 1);
      HIRESTREAM_TRY(patiently([&]() -> Result<void> {
        HIRESTREAM_ASSIGN(const std::vector<SlicePart> parts,
                          counter.count_range(place(range), end, request_));
        return staging->stage(run_, range, parts);
      }));
      observer_.on_progress("counted", ++done_, ranges_);
    }
    return {};
  }

  // A server that is busy or away for a moment does not cost what was counted so far. What was
  // staged of a range is replaced.
  template <typename Work>
  Result<void> patiently(const Work& work) {
    for (int tries = 1;; ++tries) {
      const Result<void> outcome = work();
      const bool is_over = outcome || outcome.error().kind != ErrorKind::kTransient ||
                           tries == kTriesMax || request_.stop.stop_requested();
      if (is_over) {
        return outcome;
      }
      const int64_t pause_us = int64_t{1'000'000} << tries;
      observer_.on_retry(outcome.error(), tries, pause_us);
      sleep_unless_stopped(pause_us, request_.stop);
    }
  }

  // The first error ends the others.
  void note(const Result<void>& outcome) {
    if (outcome) {
      return;
    }
    const std::lock_guard lock(mutex_);
    if (!error_) {
      error_ = outcome.error();
    }
    stop_.request_stop();
  }

  const Settings& settings_;
  EngineOptions engine_;
  Observer& observer_;
  std::stop_token outer_stop_;
  std::stop_source stop_;
  std::string run_;
  CountRequest request_;
  int64_t ranges_ = 0;
  std::atomic<int64_t> next_ = 0;
  std::atomic<int64_t> done_ = 0;
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace

Result<void> check_rebuild_from_source(const Settings& settings) {
  const SourceSettings& source = settings.sources.front();
  if (settings.sources.size() > 1) {
    return fail(ErrorKind::kConfig, "rebuild", "source.uri",
                fmt::format("{} sources are given", settings.sources.size()),
                "one after the other: name one by --source");
  }
  if (source.uri->scheme != Scheme::kCassandra) {
    return fail(ErrorKind::kConfig, "rebuild", source.uri_text,
                "is not read in ranges; a Cassandra table is", "hirestream run --once counts it");
  }
  if (settings.warehouse.uri->scheme == Scheme::kSqlite) {
    return fail(ErrorKind::kConfig, "rebuild", settings.warehouse.uri->path,
                "a SQLite file is not filled by several threads",
                "give MySQL or MariaDB; hirestream run --once counts into a file");
  }
  return {};
}

Result<RunRebuild> rebuild_from_source(const Settings& settings, bool trust_keys,
                                       RebuildOptions options, Clock& clock, Observer& observer) {
  const std::stop_token stop = options.stop;
  HIRESTREAM_ASSIGN(EngineOptions engine, engine_options(settings, settings.sources.front()));
  HIRESTREAM_ASSIGN(auto source, open_source(settings.sources.front(), observer));
  const std::string run = "source-" + options.run;
  HIRESTREAM_ASSIGN(const auto staging, open_staging(settings.warehouse));
  HIRESTREAM_ASSIGN(const int64_t begun_us,
                    begin_run(settings.warehouse, *staging, run, source->description(), engine,
                              /*strongest=*/false, clock));
  SourceCount count(settings, std::move(engine), observer, stop);
  auto counted = count.run(std::move(source), run, begun_us, trust_keys);
  if (counted) {
    counted = staging->accept(run, count.attempts());
  }
  if (!counted) {
    static_cast<void>(staging->forget(run));  // or it is forgotten after a week
    return forward(std::move(counted).error());
  }
  auto done = rebuild_run(settings, run, std::move(options), clock, observer);
  if (!done) {
    Error error = std::move(done).error();
    error.hint += fmt::format("{}what was counted is kept: hirestream rebuild --run {}",
                              error.hint.empty() ? "" : "; ", run);
    return forward(std::move(error));
  }
  return done;
}

}  // namespace hirestream
