#include "pipeline/engine.h"

#include <algorithm>
#include <span>

#include "model/timestamp.h"
#include "pipeline/files_engine.h"
#include "pipeline/scan_engine.h"
#include "pipeline/tail_engine.h"

namespace hirestream {
namespace {

tl::unexpected<Error> bad_option(const std::string& name, const std::string& message) {
  return fail(ErrorKind::kConfig, "check option", name, message);
}

// That follows from no source.
Result<void> check_times(const EngineOptions& options) {
  if (options.poll_interval_us < 1'000 || options.busy_poll_interval_us < 1'000) {
    return bad_option("poll-interval, busy-poll-interval", "must be at least 1ms");
  }
  if (options.look_back_us <= options.look_back_interval_us) {
    return bad_option(
        "look-back",
        "must be longer than look-back-interval: the difference is how late a row may "
        "become visible and still be counted within seconds");
  }
  if (options.overlap_us < 0 || options.grace_us < 0 || options.retention_us.value_or(0) < 0) {
    return bad_option("overlap, grace, retention", "must not be negative");
  }
  if (!std::is_sorted(options.audit_delays_us.begin(), options.audit_delays_us.end())) {
    return bad_option("audit-delays", "delays must rise");
  }
  return {};
}

Result<void> check_retention(const EngineOptions& options, const SourceDescription& source) {
  if (source.strategy != Strategy::kScan && retention_us(options, source) != 0 &&
      !options.audit_delays_us.empty() &&
      options.audit_delays_us.back() >= retention_us(options, source)) {
    return bad_option("retention", "must be longer than the last audit delay");
  }
  return {};
}

// Days go from `events` only when what gave them cannot change any more.
Result<void> check_events_retention(const EngineOptions& options, const SourceDescription& source) {
  constexpr int64_t kDayUs = 86'400'000'000;
  if (!options.events_retention_us) {
    return {};
  }
  const int64_t freezes_after_us = retention_us(options, source);
  if (source.strategy == Strategy::kFiles || freezes_after_us == 0) {
    return bad_option("events-retention",
                      "slices of this source are kept for ever, so nothing of it could be removed "
                      "from `events`" +
                          std::string(source.strategy == Strategy::kFiles
                                          ? ": leave it out"
                                          : ": leave it out, or give --retention, too"));
  }
  if (*options.events_retention_us < freezes_after_us + kDayUs) {
    return bad_option("events-retention",
                      "must be at least a day longer than the time after which slices freeze (" +
                          std::to_string(freezes_after_us / kDayUs) + " days, see --retention)");
  }
  return {};
}

// Sorted.
Result<void> check_shards(std::span<const int32_t> shards, int32_t shard_count) {
  for (size_t i = 0; i < shards.size(); ++i) {
    const bool repeated = i > 0 && shards[i - 1] == shards[i];
    if (repeated || shards[i] < 0 || shards[i] >= shard_count) {
      return bad_option("shards", "shard " + std::to_string(shards[i]) +
                                      (repeated ? " is given twice"
                                                : " does not exist; allowed are 0 to " +
                                                      std::to_string(shard_count - 1)));
    }
  }
  return {};
}

}  // namespace

Result<void> check_engine_options(const EngineOptions& options) {
  if (options.source_name.empty()) {
    return bad_option("source-name", "must not be empty");
  }
  if (options.slices_per_read < 1 || options.rows_per_commit < 1) {
    return bad_option("slices-per-read, rows-per-commit", "must be at least 1");
  }
  return check_times(options);
}

Result<void> check_options_fit(const EngineOptions& options, const SourceDescription& source) {
  HIRESTREAM_TRY(check_retention(options, source));
  HIRESTREAM_TRY(check_events_retention(options, source));
  return check_shards(options.shards, source.shard_count);
}

Result<std::unique_ptr<Engine>> make_engine(const EnginePorts& ports, EngineOptions options) {
  HIRESTREAM_TRY(check_engine_options(options));
  const SourceDescription& source = ports.source.description();
  std::sort(options.shards.begin(), options.shards.end());
  HIRESTREAM_TRY(check_options_fit(options, source));
  switch (source.strategy) {
    case Strategy::kTail:
    case Strategy::kFollow:
      return std::make_unique<TailEngine>(ports, std::move(options));
    case Strategy::kScan:
      return std::make_unique<ScanEngine>(ports, std::move(options));
    case Strategy::kFiles:
      return std::make_unique<FilesEngine>(ports, std::move(options));
  }
  HIRESTREAM_CHECK(false);
}

int64_t retention_us(const EngineOptions& options, const SourceDescription& source) {
  constexpr int64_t kWeekUs = 7LL * 86'400'000'000;
  if (options.retention_us) {
    return *options.retention_us;
  }
  if (source.strategy != Strategy::kScan) {
    return kWeekUs;
  }
  const int64_t period_us = source.arrival_width.us();
  return source.lifetime_us ? std::max(period_us, *source.lifetime_us - period_us) : 0;
}

Fingerprint fingerprint_of(const SourceDescription& source, const EngineOptions& options) {
  const CountingOptions& counting = options.counting;
  const std::string& source_zone = options.reading.source_zone.name();
  // UTC does not depend on the database; zones with rules do.
  const bool utc = counting.reporting_zone.name() == "UTC" && source_zone == "UTC";
  Fingerprint out = {{std::string(kRawLog), source.identity},
                     {"strategy", std::string(strategy_name(source.strategy))},
                     {"bucket_width_s", std::to_string(source.bucket_width.number())},
                     {"attribution", attribution_name(counting.attribution)},
                     {"kinds", counting.kinds.text()},
                     {"ts_min_us", std::to_string(counting.ts_min_us)},
                     {std::string(kRowDigest), std::string(kRowDigestNow)},
                     {"future_max_us", std::to_string(counting.future_max_us)},
                     {"timezone", counting.reporting_zone.name()},
                     {"source_timezone", source_zone},
                     {"tz_database", utc ? "-" : TimeZone::database_version()}};
  if (source.strategy == Strategy::kScan) {
    out.emplace(kArrivalWidth, std::to_string(source.arrival_width.number()));
  }
  if (!source.columns.empty()) {
    out.emplace(kReadColumns, source.columns);
  }
  if (std::string renames = options.reading.renames_text(); !renames.empty()) {
    out.emplace(kRenames, std::move(renames));
  }
  if (options.reading.null_words != ReadingRules::usual_null_words()) {
    out.emplace("null_words", options.reading.null_words_text());
  }
  if (options.reading.arrival_is_event_time) {
    out.emplace("event_time", "arrival");
  }
  if (options.reading.any_text_is_id) {
    out.emplace("ids", "any");
  }
  if (counting.start_at_us) {
    out.emplace(kStartAt, format_timestamp_us(*counting.start_at_us));
  }
  return out;
}

std::optional<int64_t> start_at_of(const Fingerprint& fingerprint) {
  const auto start = fingerprint.find(std::string(kStartAt));
  if (start == fingerprint.end()) {
    return std::nullopt;
  }
  const auto time = parse_timestamp(start->second);
  HIRESTREAM_CHECK(time.has_value());
  return time->us;
}

}  // namespace hirestream
