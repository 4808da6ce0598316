#include "http/reading_watch.h"

#include <algorithm>
#include <vector>

#include "ports/event_source.h"

namespace hirestream {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kNewestUs = 10 * kMinuteUs;
constexpr int64_t kFreshUs = 3 * kMinuteUs;  // quantiles are told when their minute is over

int64_t freshness_of(std::span<const PipelineMinute> minutes, int64_t from_us) {
  int64_t newest_us = from_us - 1;
  int64_t freshness_us = -1;
  for (const PipelineMinute& minute : minutes) {
    const int64_t typical_us =
        minute.freshness_us_p50 >= 0 ? minute.freshness_us_p50 : minute.freshness_us_max;
    if (typical_us < 0 || minute.minute_us < newest_us || minute.minute_us < from_us) {
      continue;
    }
    freshness_us = minute.minute_us > newest_us ? typical_us : std::max(freshness_us, typical_us);
    newest_us = minute.minute_us;
  }
  return freshness_us;
}

}  // namespace

void ReadingWatch::take(std::span<const PipelineMinute> minutes) {
  for (const PipelineMinute& minute : minutes) {
    Seen& seen = seen_.try_emplace(minute.source, Seen{minute.minute_us, 0}).first->second;
    seen.first_us = std::min(seen.first_us, minute.minute_us);
    if (minute.requests > 0) {
      seen.last_read_us = std::max(seen.last_read_us, minute.minute_us);
    }
  }
}

Result<EngineReading> ReadingWatch::look(Report& report, std::span<const SourceQuality> sources,
                                         int64_t now_us) {
  std::vector<std::string> moving;
  for (const SourceQuality& source : sources) {
    if (!is_kind_of_files(source.kind)) {
      moving.push_back(source.name);
    }
  }
  HIRESTREAM_ASSIGN(const auto minutes, report.minutes(now_us - kNewestUs));
  take(minutes);
  const bool all_seen = std::all_of(moving.begin(), moving.end(), [&](const std::string& name) {
    return seen_.contains(name) && seen_.at(name).last_read_us > 0;
  });
  if (!all_seen && !all_asked_) {
    HIRESTREAM_ASSIGN(const auto all, report.minutes(0));
    take(all);
    all_asked_ = true;
  }
  EngineReading reading;
  for (const std::string& name : moving) {
    const auto found = seen_.find(name);
    if (found == seen_.end()) {
      continue;
    }
    const Seen& seen = found->second;
    const int64_t last_us = seen.last_read_us > 0 ? seen.last_read_us : seen.first_us;
    if (reading.source.empty() || last_us < reading.last_read_us) {
      reading.source = name;
      reading.last_read_us = last_us;
    }
  }
  reading.freshness_us = freshness_of(minutes, now_us - kFreshUs);
  return reading;
}

}  // namespace hirestream
