#include "cli/progress.h"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <cstdio>

#include "cli/quantity.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

constexpr std::chrono::milliseconds kBarInterval{100};
constexpr std::chrono::seconds kLineInterval{5};
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress(const CommandContext& context, std::string unit)
    : terminal_(context.progress),
      unit_(std::move(unit)),
      log_(context.log),
      begin_(std::chrono::steady_clock::now()) {
  if (!context.quiet) {
    thread_ = std::jthread([this](const std::stop_token& ending) { show(ending); });
  }
}

Progress::~Progress() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (terminal_) {
    std::fputs("\r\x1b[K", stderr);
  }
}

void Progress::update(const std::string& phase, int64_t rows, int64_t done, int64_t total) {
  const std::lock_guard lock(mutex_);
  state_ = State{.phase = phase, .rows = rows, .done = done, .total = total};
}

void Progress::on_read(int64_t rows, int64_t /*requests*/, int64_t /*duration_us*/) {
  const std::lock_guard lock(mutex_);
  state_.rows += rows;
}

void Progress::on_progress(const std::string& phase, int64_t done, int64_t total) {
  const std::lock_guard lock(mutex_);
  state_.phase = phase;
  state_.done = done;
  state_.total = total;
}

std::string Progress::bar_text(const State& state, const std::string& unit, double seconds) {
  std::string out = state.phase.empty() ? "working" : state.phase;
  const double rate = seconds > 0 ? static_cast<double>(state.rows) / seconds : 0;
  out += fmt::format("  {} {}  {}", format_count(state.rows), unit, format_rate(rate));
  if (state.total <= 0) {
    return out;
  }
  const double part =
      std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
  const int filled = static_cast<int>(part * kBarWidth);
  out += fmt::format("  [{:#<{}}{:-<{}}] {:.0f} %", "", filled, "", kBarWidth - filled, part * 100);
  if (part > 0.01 && part < 1) {
    const double left = seconds * (1 - part) / part;
    out += fmt::format("  {} left", format_elapsed(static_cast<int64_t>(left) * 1'000'000));
  }
  return out;
}

void Progress::show(const std::stop_token& ending) {
  std::unique_lock lock(mutex_);
  while (!ending.stop_requested()) {
    if (terminal_) {
      changed_.wait_for(lock, ending, kBarInterval, [] { return false; });
    } else {
      changed_.wait_for(lock, ending, kLineInterval, [] { return false; });
    }
    if (ending.stop_requested()) {
      return;
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
    const std::string text = bar_text(state_, unit_, elapsed.count());
    lock.unlock();
    if (terminal_) {
      const std::string line = "\r\x1b[K" + text;
      std::fwrite(line.data(), 1, line.size(), stderr);
      std::fflush(stderr);
    } else {
      log_->info(text);
    }
    lock.lock();
  }
}

}  // namespace hirestream
