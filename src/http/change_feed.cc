#include "http/change_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/query.h"
#include "model/json_text.h"

namespace hirestream {
namespace {

constexpr std::chrono::milliseconds kPollInterval{200};
constexpr std::chrono::milliseconds kPulseInterval{1500};
constexpr std::chrono::seconds kEnginesInterval{5};  // in which engines tell their minutes

std::string milliseconds_text(int64_t us) {
  return us < 0 ? "null" : fmt::format("{:.3f}", static_cast<double>(us) / 1000);
}

}  // namespace

std::string event_text(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

ChangeFeed::ChangeFeed(OpenReport open, Clock& clock, size_t clients_max, Tell tell)
    : open_(std::move(open)),
      clock_(clock),
      clients_max_(clients_max),
      tell_(std::move(tell)),
      watching_([this](const std::stop_token& ending) { watch(ending); }),
      pulsing_([this](const std::stop_token& ending) { pulse(ending); }) {}

ChangeFeed::~ChangeFeed() {
  stop();
}

void ChangeFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  watching_.request_stop();
  pulsing_.request_stop();
  const std::lock_guard lock(tell_mutex_);
  tell_ = nullptr;
}

void ChangeFeed::tell(const std::string& event) {
  const std::lock_guard lock(tell_mutex_);
  if (tell_ != nullptr) {
    tell_(event);
  }
}

void ChangeFeed::wake(int64_t freshness_us) {
  const std::lock_guard lock(mutex_);
  committed_freshness_us_ = freshness_us;
  engine_here_ = true;
  woken_ = true;
  wanted_.notify_one();
}

std::optional<std::string> ChangeFeed::join() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || clients_ >= clients_max_) {
    return std::nullopt;
  }
  ++clients_;
  woken_ = true;
  wanted_.notify_one();
  pulsed_.notify_one();
  return known_ ? change_event() : std::string();
}

void ChangeFeed::leave() {
  const std::lock_guard lock(mutex_);
  if (--clients_ == 0) {
    known_ = false;  // nobody looks from now on
  }
}

void ChangeFeed::pulse(const std::stop_token& ending) {
  while (!ending.stop_requested()) {
    std::string event;
    {
      std::unique_lock lock(mutex_);
      pulsed_.wait(lock, ending, [this] { return clients_ > 0; });
      pulsed_.wait_for(lock, ending, kPulseInterval, [] { return false; });
      if (ending.stop_requested() || clients_ == 0) {
        continue;
      }
      event = pulse_event();
    }
    tell(event);
  }
}

void ChangeFeed::watch(const std::stop_token& ending) {
  std::unique_ptr<Report> report;
  while (!ending.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (clients_ == 0) {
        wanted_.wait(lock, ending, [this] { return clients_ > 0; });
      } else {
        wanted_.wait_for(lock, ending, kPollInterval, [this] { return woken_; });
      }
      woken_ = false;
    }
    if (!ending.stop_requested()) {
      look(report);
    }
  }
}

// An error is no change: whoever asks the API meanwhile is told.
void ChangeFeed::look(std::unique_ptr<Report>& report) {
  if (report == nullptr) {
    auto opened = open_();
    if (!opened) {
      return;
    }
    report = std::move(*opened);
  }
  look_at_engines(*report);
  const auto version = report->version();
  if (!version) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (known_ && *version == version_) {
      return;
    }
  }
  const auto sources = report->sources();
  std::string event;
  {
    const std::lock_guard lock(mutex_);
    event = note_change(*version, sources);
  }
  tell(event);
}

std::string ChangeFeed::note_change(const std::string& version,
                                    const Result<std::vector<SourceQuality>>& sources) {
  if (sources) {
    for (const SourceQuality& source : *sources) {
      last_commit_us_ = std::max(last_commit_us_, source.last_commit_us);
    }
  }
  version_ = version;
  at_us_ = clock_.now_us();
  freshness_us_ = std::exchange(committed_freshness_us_, -1);
  known_ = true;
  return change_event();
}

void ChangeFeed::look_at_engines(Report& report) {
  const auto now = std::chrono::steady_clock::now();
  if (now < engines_due_) {
    return;
  }
  engines_due_ = now + kEnginesInterval;
  const auto sources = report.sources();
  if (!sources) {
    return;
  }
  auto reading = reading_.look(report, *sources, clock_.now_us());
  if (reading) {
    const std::lock_guard lock(mutex_);
    engines_ = std::move(*reading);
  }
}

std::string ChangeFeed::change_event() const {
  return event_text("change",
                    fmt::format(R"({{"version":"{}","at":"{}","freshness_ms":{}}})", version_,
                                format_instant(at_us_), milliseconds_text(freshness_us_)));
}

std::string ChangeFeed::pulse_event() const {
  const int64_t now_us = clock_.now_us();
  const std::string behind =
      last_commit_us_ == 0 ? "null"
                           : std::to_string(std::max<int64_t>(now_us - last_commit_us_, 0) / 1000);
  const int64_t freshness_us = engine_here_ ? -1 : engines_.freshness_us;
  std::string unread = R"("unread_ms":null,"unread_source":null)";
  if (!engines_.source.empty()) {
    unread = fmt::format(R"("unread_ms":{},"unread_source":{})",
                         std::max<int64_t>(now_us - engines_.last_read_us, 0) / 1000,
                         json_string(engines_.source));
  }
  return event_text("pulse", fmt::format(R"({{"at":"{}","behind_ms":{},"freshness_ms":{},{}}})",
                                         format_instant(now_us), behind,
                                         milliseconds_text(freshness_us), unread));
}

}  // namespace hirestream
