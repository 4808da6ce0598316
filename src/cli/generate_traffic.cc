#include "cli/generate_traffic.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace hirestream {
namespace {

using Steady = std::chrono::steady_clock;

int64_t us_since(Steady::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - begin).count();
}

int64_t ticks_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() / 100;
}

// False: something is missing, and nothing is kept.
Result<bool> finish_if_complete(RawLogWriter& writer, bool complete, const Patience& patience,
                                const std::stop_token& stop, int64_t& retries) {
  if (writer.is_whole_or_nothing() && !complete) {
    return false;
  }
  return finish_patiently(writer, patience, stop, retries);
}

void note_end(GenerateReport& report, const RawLogWriter& writer, bool finished) {
  report.interrupted = report.interrupted || !finished;
  if (!finished && writer.is_whole_or_nothing()) {
    report.kept = false;
    report.rows = 0;
  }
}

// One history, several writing threads: each takes the next batch until none is left.
class HistoryWork {
 public:
  HistoryWork(const TrafficModel& model, const HistoryPlan& plan, Journal* journal,
              const std::stop_token& stop, const GenerateProgress& progress)
      : model_(model),
        plan_(plan),
        rhythm_(plan.from_us, plan.to_us),
        journal_(journal),
        stop_(stop),
        progress_(progress) {}

  void work(const WriterFactory& open_writer) {
    auto writer = open_writer();
    auto done = writer ? write_batches(**writer) : Result<void>(forward(writer.error()));
    if (done) {
      done = finish(**writer);
    }
    if (!done) {
      const std::lock_guard lock(mutex_);
      failed_ = true;
      if (!error_) {
        error_ = std::move(done).error();
      }
    }
  }

  Result<GenerateReport> result() {
    if (error_) {
      return forward(*error_);
    }
    report_.interrupted = report_.interrupted || report_.rows < plan_.rows;
    return report_;
  }

 private:
  Result<void> write_batches(RawLogWriter& writer) {
    const auto batch = static_cast<int64_t>(plan_.batch_rows);
    std::vector<RawEvent> events;
    while (!failed_ && !stop_.stop_requested()) {
      const int64_t begin = next_.fetch_add(batch);
      const int64_t end = std::min(begin + batch, plan_.rows);
      if (begin >= end) {
        break;
      }
      events.resize(static_cast<size_t>(end - begin));
      for (int64_t index = begin; index < end; ++index) {
        model_.make_historic(index, plan_.rows, rhythm_,
                             events[static_cast<size_t>(index - begin)]);
      }
      int64_t retries = 0;
      HIRESTREAM_ASSIGN(const bool written,
                        write_patiently(writer, events, {plan_.give_up_after_us, plan_.on_retry},
                                        stop_, retries));
      if (!written) {
        break;
      }
      HIRESTREAM_TRY(acknowledge(events, retries));
    }
    return {};
  }

  Result<void> finish(RawLogWriter& writer) {
    int64_t retries = 0;
    HIRESTREAM_ASSIGN(const bool finished,
                      finish_if_complete(writer, rows() >= plan_.rows,
                                         {plan_.give_up_after_us, plan_.on_retry}, stop_, retries));
    const std::lock_guard lock(mutex_);
    report_.retries += retries;
    note_end(report_, writer, finished);
    return {};
  }

  int64_t rows() {
    const std::lock_guard lock(mutex_);
    return report_.rows;
  }

  Result<void> acknowledge(std::span<const RawEvent> events, int64_t retries) {
    const std::lock_guard lock(mutex_);
    report_.rows += static_cast<int64_t>(events.size());
    report_.retries += retries;
    if (journal_ != nullptr) {
      HIRESTREAM_TRY(journal_->append(events));
    }
    progress_(report_.rows);
    return {};
  }

  const TrafficModel& model_;
  const HistoryPlan& plan_;
  ArrivalRhythm rhythm_;
  Journal* journal_;
  std::stop_token stop_;
  const GenerateProgress& progress_;

  std::atomic<int64_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  GenerateReport report_;
  std::optional<Error> error_;
};

}  // namespace

Result<GenerateReport> generate_history(const TrafficModel& model, const HistoryPlan& plan,
                                        const WriterFactory& open_writer, Journal* journal,
                                        const std::stop_token& stop,
                                        const GenerateProgress& progress) {
  const auto begin = Steady::now();
  HistoryWork work(model, plan, journal, stop, progress);
  {
    std::vector<std::jthread> threads;
    for (int32_t i = 1; i < plan.writers; ++i) {
      threads.emplace_back([&work, &open_writer] { work.work(open_writer); });
    }
    work.work(open_writer);
  }
  HIRESTREAM_ASSIGN(GenerateReport report, work.result());
  report.duration_us = us_since(begin);
  return report;
}

Result<GenerateReport> generate_live(const TrafficModel& model, const LivePlan& plan,
                                     RawLogWriter& writer, Journal* journal,
                                     const std::stop_token& stop,
                                     const GenerateProgress& progress) {
  const auto begin = Steady::now();
  const auto duplicate_every =
      plan.duplicate_share > 0 ? static_cast<uint64_t>(1 / plan.duplicate_share) : 0;
  GenerateReport report;
  std::vector<RawEvent> events;
  RawEvent earlier;
  int64_t last_ticks = 0;
  uint64_t index = 0;
  while (!stop.stop_requested()) {
    const int64_t elapsed_us = us_since(begin);
    const int64_t time_us = plan.duration_us ? std::min(elapsed_us, *plan.duration_us) : elapsed_us;
    auto due = static_cast<int64_t>(static_cast<double>(time_us) / 1e6 * plan.rows_per_second);
    due = plan.rows ? std::min(due, *plan.rows) : due;
    const auto wanted =
        std::min(static_cast<size_t>(std::max<int64_t>(due - report.rows, 0)), plan.batch_rows);
    if (wanted == 0) {
      if ((plan.rows && report.rows >= *plan.rows) ||
          (plan.duration_us && elapsed_us >= *plan.duration_us)) {
        break;
      }
      sleep_unless_stopped(plan.pause_us, stop);
      continue;
    }
    events.resize(wanted);
    for (RawEvent& event : events) {
      last_ticks = std::max(last_ticks + 1, ticks_now());
      model.make_live(index, last_ticks, event);
      if (duplicate_every > 0 && index % duplicate_every == duplicate_every - 1) {
        event = earlier;
      } else {
        earlier = event;
      }
      ++index;
    }
    HIRESTREAM_ASSIGN(const bool written,
                      write_patiently(writer, events, {plan.give_up_after_us, plan.on_retry}, stop,
                                      report.retries));
    if (!written) {
      break;
    }
    if (journal != nullptr) {
      HIRESTREAM_TRY(journal->append(events));
    }
    report.rows += static_cast<int64_t>(wanted);
    progress(report.rows);
    if (static_cast<int64_t>(wanted) == due - (report.rows - static_cast<int64_t>(wanted))) {
      sleep_unless_stopped(plan.pause_us, stop);  // not while catching up
    }
  }
  const bool all_rows = plan.rows && report.rows >= *plan.rows;
  report.interrupted = stop.stop_requested() && !all_rows;
  // What has no other end is complete when it is stopped, and finished as patiently as else.
  const bool endless = !plan.rows && !plan.duration_us;
  HIRESTREAM_ASSIGN(const bool finished,
                    finish_if_complete(writer, endless || !report.interrupted,
                                       {plan.give_up_after_us, plan.on_retry},
                                       endless ? std::stop_token() : stop, report.retries));
  note_end(report, writer, finished);
  report.duration_us = us_since(begin);
  return report;
}

}  // namespace hirestream
