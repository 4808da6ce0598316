#include "cli/engine_options.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

Settings settings_of(std::vector<std::pair<std::string, std::string>> options) {
  SettingsInput input;
  input.options = std::move(options);
  auto settings = load_settings(input);
  EXPECT_TRUE(settings.has_value()) << settings.error().text();
  return settings.value_or(Settings{});
}

// The table's defaults and the components' own must not drift apart.
TEST(EngineOptions, DefaultsOfSettingsAreDefaultsOfTheEngine) {
  const Settings settings = settings_of({});
  const auto mapped = engine_options(settings, settings.sources.front());
  ASSERT_TRUE(mapped.has_value()) << mapped.error().text();
  const EngineOptions own;
  EXPECT_EQ(mapped->poll_interval_us, own.poll_interval_us);
  EXPECT_EQ(mapped->busy_poll_interval_us, own.busy_poll_interval_us);
  EXPECT_EQ(mapped->overlap_us, own.overlap_us);
  EXPECT_EQ(mapped->look_back_us, own.look_back_us);
  EXPECT_EQ(mapped->look_back_interval_us, own.look_back_interval_us);
  EXPECT_EQ(mapped->grace_us, own.grace_us);
  EXPECT_EQ(mapped->audit_delays_us, own.audit_delays_us);
  EXPECT_EQ(mapped->retention_us, own.retention_us);
  EXPECT_EQ(mapped->events_retention_us, own.events_retention_us);
  EXPECT_EQ(mapped->discover_interval_us, own.discover_interval_us);
  EXPECT_EQ(mapped->scan_interval_us, own.scan_interval_us);
  EXPECT_EQ(mapped->scan_window_us, own.scan_window_us);
  EXPECT_EQ(mapped->full_scan_interval_us, own.full_scan_interval_us);
  EXPECT_EQ(mapped->watch_interval_us, own.watch_interval_us);
  EXPECT_EQ(mapped->jobs_interval_us, own.jobs_interval_us);
  EXPECT_EQ(mapped->counting.start_at_us, own.counting.start_at_us);
  EXPECT_EQ(mapped->allow_shrink, own.allow_shrink);
  EXPECT_EQ(mapped->slices_per_read, own.slices_per_read);
  EXPECT_EQ(mapped->rows_per_commit, own.rows_per_commit);
  EXPECT_EQ(mapped->rejects_cap, own.rejects_cap);
  EXPECT_EQ(mapped->rejects_keep_us, own.rejects_keep_us);
  EXPECT_EQ(mapped->reading.source_zone.name(), own.reading.source_zone.name());
  EXPECT_EQ(mapped->reading.names, own.reading.names);
  EXPECT_EQ(mapped->reading.null_words, own.reading.null_words);
  EXPECT_EQ(mapped->reading.arrival_is_event_time, own.reading.arrival_is_event_time);
  EXPECT_EQ(mapped->reading.any_text_is_id, own.reading.any_text_is_id);
  EXPECT_EQ(mapped->counting.kinds.kinds, own.counting.kinds.kinds);
  EXPECT_EQ(mapped->counting.kinds.page_view_ev, own.counting.kinds.page_view_ev);
  EXPECT_EQ(mapped->counting.attribution, own.counting.attribution);
  EXPECT_EQ(mapped->counting.ts_min_us, own.counting.ts_min_us);
  EXPECT_EQ(mapped->counting.future_max_us, own.counting.future_max_us);
  EXPECT_EQ(mapped->counting.reporting_zone.name(), own.counting.reporting_zone.name());
}

TEST(EngineOptions, TakesWhatTheSourceSays) {
  const Settings settings = settings_of({{"source.uri", "csv:a.csv"},
                                         {"source.shards", "0,2"},
                                         {"source.attribution", "payload"},
                                         {"source.timezone", "Europe/Berlin"},
                                         {"counting.kinds", "apply=conversion"}});
  const auto mapped = engine_options(settings, settings.sources.front());
  ASSERT_TRUE(mapped.has_value()) << mapped.error().text();
  EXPECT_EQ(mapped->source_name, "csv:a.csv");
  EXPECT_EQ(mapped->shards, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(mapped->counting.attribution, Attribution::kPayload);
  EXPECT_EQ(mapped->counting.reporting_zone.name(), "Europe/Berlin");
  EXPECT_EQ(mapped->counting.kinds.kinds.at("apply"), EventKind::kConversion);
  EXPECT_EQ(mapped->counting.kinds.kinds.size(), 1U);
}

TEST(EngineOptions, GivesEachEngineItsOwnTokens) {
  const Settings settings = settings_of({});
  EXPECT_NE(engine_options(settings, settings.sources[0])->token_seed,
            engine_options(settings, settings.sources[0])->token_seed);
}

}  // namespace
}  // namespace hirestream
