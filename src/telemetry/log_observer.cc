#include "telemetry/log_observer.h"

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace hirestream {
namespace {

constexpr size_t kWindowsMax = 1000;  // texts of notes and errors are open-ended

std::string milliseconds(int64_t us) {
  return fmt::format("{:.1f}", static_cast<double>(us) / 1000);
}

spdlog::level::level_enum spdlog_level(LogObserver::Level level) {
  switch (level) {
    case LogObserver::Level::kDebug:
      return spdlog::level::debug;
    case LogObserver::Level::kInfo:
      return spdlog::level::info;
    case LogObserver::Level::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::warn;
}

}  // namespace

LogObserver::Level LogObserver::level_of(SliceEvent event) {
  switch (event) {
    case SliceEvent::kHeld:
      return Level::kWarning;
    case SliceEvent::kCorrected:
    case SliceEvent::kReleased:
    case SliceEvent::kConflict:
      return Level::kInfo;
    default:
      return Level::kDebug;
  }
}

LogObserver::LogObserver(std::shared_ptr<spdlog::logger> log, SteadyNow now)
    : log_(std::move(log)), now_(std::move(now)) {}

void LogObserver::write(Level wanted, const std::string& repeat_key, const std::string& message,
                        LogFields fields) {
  const spdlog::level::level_enum level = spdlog_level(wanted);
  if (!log_->should_log(level)) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    const auto now = now_();
    if (windows_.size() > kWindowsMax) {
      windows_.clear();
    }
    auto [found, inserted] = windows_.try_emplace(repeat_key, Window{.begin = now});
    Window& window = found->second;
    if (now - window.begin >= kWindow) {
      if (window.suppressed > 0) {
        fields.emplace_back("suppressed", std::to_string(window.suppressed));
      }
      window = Window{.begin = now};
    }
    if (window.lines >= kLinesPerWindow) {
      ++window.suppressed;
      return;
    }
    ++window.lines;
  }
  log_->log(level, with_fields(message, fields));
}

void LogObserver::on_read(int64_t rows, int64_t requests, int64_t duration_us) {
  write(Level::kDebug, "read", "read",
        {{"rows", std::to_string(rows)},
         {"requests", std::to_string(requests)},
         {"ms", milliseconds(duration_us)}});
}

void LogObserver::on_commit(const CommitReport& report) {
  LogFields fields = {{"rows", std::to_string(report.rows)},
                      {"new_rows", std::to_string(report.new_rows)},
                      {"slices", std::to_string(report.slices)},
                      {"cells", std::to_string(report.cells)},
                      {"ms", milliseconds(report.duration_us)}};
  if (report.freshness_us >= 0) {
    fields.emplace_back("freshness_ms", milliseconds(report.freshness_us));
  }
  write(Level::kDebug, "commit", "committed", std::move(fields));
}

void LogObserver::on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) {
  LogFields fields = {{"shard", std::to_string(slice.shard)},
                      {"bucket", std::to_string(slice.bucket)}};
  if (!detail.empty()) {
    fields.emplace_back("detail", detail);
  }
  const std::string name(slice_event_name(event));
  write(level_of(event), "slice " + name, "slice " + name, std::move(fields));
}

void LogObserver::on_retry(const Error& error, int attempt, int64_t delay_us) {
  LogFields fields = {{"attempt", std::to_string(attempt)},
                      {"again_in_ms", milliseconds(delay_us)}};
  if (!error.hint.empty()) {
    fields.emplace_back("hint", error.hint);
  }
  const std::string text = fmt::format("{} {}: {}", error.operation, error.subject, error.message);
  write(Level::kWarning, text, text, std::move(fields));
}

void LogObserver::on_note(const std::string& level, const std::string& text) {
  write(level == "warning" ? Level::kWarning : Level::kInfo, text, text, {});
}

void LogObserver::on_progress(const std::string& phase, int64_t done, int64_t total) {
  LogFields fields = {{"done", std::to_string(done)}};
  if (total >= 0) {
    fields.emplace_back("total", std::to_string(total));
  }
  write(Level::kDebug, "progress " + phase, phase, std::move(fields));
}

}  // namespace hirestream
