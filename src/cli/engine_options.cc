#include "cli/engine_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <random>

#include "config/values.h"
#include "model/time_zone.h"

namespace hirestream {
namespace {

Result<EventKind> kind_of(const std::string& word) {
  if (word == "impression") {
    return EventKind::kImpression;
  }
  if (word == "click") {
    return EventKind::kClick;
  }
  if (word == "conversion") {
    return EventKind::kConversion;
  }
  if (word == "qualified") {
    return EventKind::kQualified;
  }
  if (word == "unqualified") {
    return EventKind::kUnqualified;
  }
  if (word == "other") {
    return EventKind::kOther;
  }
  return fail(ErrorKind::kConfig, "read settings", "counting.kinds",
              fmt::format("unknown kind '{}'", word));
}

Result<CountingOptions> counting_options(const CountingSettings& settings,
                                         const SourceSettings& source) {
  CountingOptions options;
  options.kinds.kinds.clear();
  for (const auto& [value, word] : settings.kinds) {
    HIRESTREAM_ASSIGN(options.kinds.kinds[value], kind_of(word));
  }
  options.kinds.page_view_ev = settings.page_view_ev;
  options.attribution =
      source.attribution == "payload" ? Attribution::kPayload : Attribution::kColumns;
  HIRESTREAM_ASSIGN(options.reporting_zone, TimeZone::find(source.timezone));
  options.ts_min_us = settings.ts_min_us;
  options.future_max_us = settings.future_max_us;
  return options;
}

}  // namespace

Result<ReadingRules> reading_rules(const SourceSettings& source) {
  ReadingRules rules;
  HIRESTREAM_ASSIGN(rules.source_zone, TimeZone::find(source.source_timezone));
  for (const Column column : kAllColumns) {
    const auto renamed = source.columns.find(std::string(column_name(column)));
    if (renamed != source.columns.end()) {
      rules.names[static_cast<size_t>(column)] = renamed->second;
    }
  }
  std::string& ts = rules.names[static_cast<size_t>(Column::kTs)];
  if (auto columns = read_time_columns(ts)) {
    ts = std::move(columns->ts);
    rules.time_of_day = std::move(columns->time_of_day);
  }
  rules.null_words = split_list(source.null_words);
  rules.arrival_is_event_time = source.event_time == "arrival";
  rules.any_text_is_id = source.ids == "any";
  return rules;
}

std::string process_owner() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '?';
  }
  return fmt::format("{}:{}", host.data(), getpid());
}

Result<EngineOptions> engine_options(const Settings& settings, const SourceSettings& source) {
  const EngineSettings& engine = settings.engine;
  EngineOptions options;
  options.source_name = source.name;
  options.shards = source.shards;
  options.owner = process_owner();
  HIRESTREAM_ASSIGN(options.counting, counting_options(settings.counting, source));
  HIRESTREAM_ASSIGN(options.reading, reading_rules(source));
  options.poll_interval_us = engine.poll_interval_us;
  options.busy_poll_interval_us = engine.busy_poll_interval_us;
  options.overlap_us = engine.overlap_us;
  options.look_back_us = engine.look_back_us;
  options.look_back_interval_us = engine.look_back_interval_us;
  options.grace_us = engine.grace_us;
  options.audit_delays_us = engine.audit_delays_us;
  options.retention_us = engine.retention_us;
  options.events_retention_us = engine.events_retention_us;
  options.discover_interval_us = engine.discover_interval_us;
  options.scan_interval_us = engine.scan_interval_us;
  options.scan_window_us = engine.scan_window_us;
  options.full_scan_interval_us = engine.full_scan_interval_us;
  options.watch_interval_us = engine.watch_interval_us;
  options.jobs_interval_us = settings.jobs.refresh_interval_us;
  options.counting.start_at_us = source.start_at_us;
  options.allow_shrink = engine.allow_shrink;
  options.allow_shrink_expired = engine.allow_shrink_expired;
  options.slices_per_read = static_cast<int32_t>(engine.slices_per_read);
  options.rows_per_commit = engine.rows_per_commit;
  options.rejects_cap = engine.rejects_cap;
  options.rejects_keep_us = engine.rejects_keep_us;
  std::random_device random;
  options.token_seed = (static_cast<uint64_t>(random()) << 32) | random();
  return options;
}

}  // namespace hirestream
