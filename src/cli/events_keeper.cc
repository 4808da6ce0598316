#include "cli/events_keeper.h"

#include <fmt/format.h>

#include <memory>
#include <random>
#include <utility>

#include "cli/engine_options.h"
#include "cli/generate_writing.h"
#include "cli/open_warehouse.h"
#include "cli/quantity.h"
#include "pipeline/events_retention.h"

namespace hirestream {
namespace {

constexpr int64_t kIntervalUs = 600'000'000;
constexpr int64_t kRetryUs = 60'000'000;
// Engines come first.
constexpr int64_t kFirstUs = 5'000'000;
constexpr int kLooksMax = 1'000;

}  // namespace

Result<int64_t> remove_old_events_now(const Settings& settings, Clock& clock,
                                      const std::stop_token& stop) {
  HIRESTREAM_ASSIGN(const EngineOptions engine, engine_options(settings, settings.sources.front()));
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings.warehouse));
  TimeZone zone = engine.counting.reporting_zone;
  std::random_device random;
  int64_t removed = 0;
  for (int look = 0; look < kLooksMax && !stop.stop_requested(); ++look) {
    HIRESTREAM_ASSIGN(const int64_t warehouse_us, warehouse->now_us());
    HIRESTREAM_ASSIGN(const int64_t now_us, retention_time(clock.now_us(), warehouse_us));
    HIRESTREAM_ASSIGN(
        const EventsRetentionReport report,
        remove_old_events(*warehouse, {.first_kept_day = first_kept_day(
                                           zone.local_hour(now_us), *engine.events_retention_us),
                                       .now_us = now_us,
                                       .token_seed = (uint64_t{random()} << 32) | random()}));
    removed += report.cells_removed;
    if (!report.more) {
      return removed;
    }
  }
  return removed;
}

EventsKeeper::EventsKeeper(const Settings& settings, Clock& clock, Observer& observer)
    : settings_(settings), clock_(clock), observer_(observer) {
  if (settings.engine.events_retention_us) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

void EventsKeeper::run(const std::stop_token& stop) {
  int64_t pause_us = kFirstUs;
  while (sleep_unless_stopped(pause_us, stop)) {
    const auto removed = remove_old_events_now(settings_, clock_, stop);
    if (removed) {
      clocks_differ_ = false;
      if (*removed > 0) {
        observer_.on_note("info", fmt::format("{} rows of days that are kept no longer are removed "
                                              "from events",
                                              format_count(*removed)));
      }
    } else if (removed.error().operation != kCompareClocks) {
      observer_.on_retry(removed.error(), 1, kRetryUs);
    } else if (!std::exchange(clocks_differ_, true)) {
      observer_.on_note("warning", removed.error().text());
    }
    pause_us = removed ? kIntervalUs : kRetryUs;
  }
}

}  // namespace hirestream
