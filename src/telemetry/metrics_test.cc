#include <gmock/gmock.h>

#include "telemetry/metrics_observer.h"
#include "telemetry/minute_observer.h"
#include "telemetry/mirror_metrics.h"
#include "telemetry/observer_fanout.h"
#include "telemetry/pipeline_recorder.h"
#include "telemetry/process_metrics.h"
#include "telemetry/warehouse_metrics.h"

namespace hirestream {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class SetClock : public Clock {
 public:
  int64_t now_us() override { return now; }
  int64_t now = 600'000'000;
};

CommitReport commit(int64_t new_rows, std::vector<int64_t> freshness_us) {
  return {.slices = 1,
          .cells = 2,
          .rows = new_rows,
          .new_rows = new_rows,
          .rejected = new_rows - 1,
          .duration_us = 4'000,
          .freshness_us = -1,
          .freshness_sample_us = std::move(freshness_us)};
}

TEST(MetricsObserver, KeepsThePageReadableWhateverASourceIsCalled) {
  MetricsObserver metrics;
  metrics.observer_of("a\xff").on_read(3, 1, 1);
  EXPECT_THAT(metrics.text(), HasSubstr("hirestream_rows_read_total{source=\"a\xEF\xBF\xBD\"} 3"));
  SourceQuality quality;
  quality.name = "a\xff";
  const std::string text = warehouse_metrics(std::span(&quality, 1), {}, {}, {}, 0);
  EXPECT_THAT(text, HasSubstr("hirestream_slices_held{source=\"a\xEF\xBF\xBD\"} 0"));
}

TEST(MetricsObserver, CountsWhatEnginesReportBySource) {
  MetricsObserver metrics;
  Observer& site = metrics.observer_of("site");
  EXPECT_EQ(&site, &metrics.observer_of("site"));
  metrics.observer_of("other").on_read(1, 1, 1);
  site.on_read(10, 2, 5);
  CommitReport report = commit(7, {300'000, -5});
  report.fresh.classes.rejected = 3;
  site.on_commit(report);
  site.on_slice(SliceEvent::kSettled, {}, "");
  site.on_retry({ErrorKind::kConfig, "read", "db", "denied", ""}, 1, 1);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("hirestream_rows_read_total{source=\"site\"} 10"));
  EXPECT_THAT(text, HasSubstr("hirestream_rows_read_total{source=\"other\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_new_rows_total{source=\"site\"} 7"));
  EXPECT_THAT(text, HasSubstr("hirestream_rows_rejected_total{source=\"site\"} 3"));
  EXPECT_THAT(text,
              HasSubstr("hirestream_slice_events_total{event=\"settled\",source=\"site\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_slice_events_total{event=\"held\",source=\"site\"} 0"));
  EXPECT_THAT(text, HasSubstr("hirestream_retries_total{source=\"site\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_errors_total{kind=\"config\",source=\"site\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_errors_total{kind=\"transient\",source=\"site\"} 0"));
  EXPECT_THAT(text,
              HasSubstr("hirestream_freshness_seconds_bucket{source=\"site\",le=\"0.25\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_freshness_seconds_count{source=\"site\"} 2"));
  EXPECT_THAT(text, HasSubstr("hirestream_commit_seconds_bucket{source=\"site\",le=\"0.005\"} 1"));
  EXPECT_THAT(text, HasSubstr("hirestream_last_commit_timestamp_seconds{source=\"site\"} 1"));
}

TEST(ProcessMetrics, TellBuildMemoryAndFiles) {
  const std::string text = process_metrics("1.2.3", "abcdef0");
  EXPECT_THAT(text, HasSubstr("hirestream_build_info{commit=\"abcdef0\",version=\"1.2.3\"} 1"));
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " "));
  }
}

TEST(WarehouseMetrics, SayWhetherItAnswers) {
  EXPECT_THAT(warehouse_up_metric(true), HasSubstr("hirestream_warehouse_up 1"));
  EXPECT_THAT(warehouse_up_metric(false), HasSubstr("hirestream_warehouse_up 0"));
  EXPECT_THAT(ready_metric(false), HasSubstr("hirestream_ready 0"));
}

TEST(WarehouseMetrics, ShowStatesClassesAndAges) {
  SourceQuality source;
  source.name = "raw";
  source.classes = {.counted = 5, .rejected = 2};
  source.slices_open = 3;
  source.last_commit_us = 8'000'000;
  source.settled_until_us = {{0, 7'000'000}, {1, 4'000'000}};
  const Verification verification{.source = "raw",
                                  .at_us = 1'700'000'000'250'000,
                                  .slices_different = 2,
                                  .slices_held = 1,
                                  .cells_different = 3};
  const KindLine kind{"raw", {.why = WhyNotCounted::kNoJob, .kind = "click", .rows = 9}};
  const std::string text = warehouse_metrics(std::vector{source}, std::vector{kind},
                                             std::vector{verification}, {}, 10'000'000);
  EXPECT_THAT(text, HasSubstr("hirestream_verify_last_timestamp_seconds{source=\"raw\"} "
                              "1700000000.25"));
  EXPECT_THAT(text, HasSubstr("hirestream_verify_differences{source=\"raw\"} 5"));
  EXPECT_THAT(text, HasSubstr("hirestream_rows{class=\"counted\",source=\"raw\"} 5"));
  EXPECT_THAT(text, HasSubstr("hirestream_rows_not_counted{class=\"unattributed\",kind=\"click\","
                              "source=\"raw\"} 9"));
  EXPECT_THAT(text, HasSubstr("hirestream_slices{source=\"raw\",state=\"open\"} 3"));
  EXPECT_THAT(text, HasSubstr("hirestream_behind_seconds{source=\"raw\"} 2"));
  EXPECT_THAT(text, HasSubstr("hirestream_unsettled_seconds{source=\"raw\"} 6"));
}

TEST(MirrorMetrics, TellWhatItReadWroteAndMet) {
  const MirrorFigures figures{.rows_followed = 10,
                              .rows_copied = 300,
                              .rows_left = 11,
                              .rows_taken_over = 12,
                              .rows_rejected = 1,
                              .entries_read = 44,
                              .bytes_read = 5'000,
                              .values_unreadable = 6,
                              .gaps = 2,
                              .copies = 3,
                              .partitions_differed = 7,
                              .late_notes = 8,
                              .errors = {{ErrorKind::kTransient, 9}},
                              .is_up = true,
                              .is_copying = true,
                              .may_lack_rows = false,
                              .last_success_us = 1'700'000'000'000'000,
                              .last_copy_us = 1'600'000'000'500'000,
                              .level_us = 1'700'000'000'000'000,
                              .unread_bytes = 4'096};
  const std::string text = mirror_metrics("logs.tracking", figures, 1'700'000'000'250'000);
  for (const char* line : {"rows_total{from=\"log\",table=\"logs.tracking\"} 10",
                           "rows_total{from=\"table\",table=\"logs.tracking\"} 300",
                           "rows_left_total{table=\"logs.tracking\"} 11",
                           "rows_taken_over_total{table=\"logs.tracking\"} 12",
                           "rows_rejected_total{table=\"logs.tracking\"} 1",
                           "entries_read_total{table=\"logs.tracking\"} 44",
                           "read_bytes_total{table=\"logs.tracking\"} 5000",
                           "values_unreadable_total{table=\"logs.tracking\"} 6",
                           "gaps_total{table=\"logs.tracking\"} 2",
                           "copies_total{table=\"logs.tracking\"} 3",
                           "partitions_differed_total{table=\"logs.tracking\"} 7",
                           "late_notes_total{table=\"logs.tracking\"} 8",
                           "errors_total{kind=\"transient\",table=\"logs.tracking\"} 9",
                           "errors_total{kind=\"config\",table=\"logs.tracking\"} 0",
                           "up{table=\"logs.tracking\"} 1",
                           "copying{table=\"logs.tracking\"} 1",
                           "may_lack_rows{table=\"logs.tracking\"} 0",
                           "lag_seconds{table=\"logs.tracking\"} 0.25",
                           "lag_bytes{table=\"logs.tracking\"} 4096",
                           "last_success_timestamp_seconds{table=\"logs.tracking\"} 1700000000",
                           "last_copy_timestamp_seconds{table=\"logs.tracking\"} 1600000000.5"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\nhirestream_mirror_") + line + "\n"));
  }
}

TEST(MirrorMetrics, SayNothingOfWhatIsNotKnown) {
  const std::string text = mirror_metrics("logs.tracking", {}, 1'000);
  EXPECT_THAT(text, HasSubstr("hirestream_mirror_up{table=\"logs.tracking\"} 0"));
  EXPECT_THAT(text, Not(HasSubstr("lag_")));
  EXPECT_THAT(text, Not(HasSubstr("last_")));
}

constexpr int64_t kNow = 1'700'000'040'000'000;
constexpr int64_t kMinute = 60'000'000;

SourceQuality quiet_source(const std::string& kind, int64_t last_commit_us) {
  SourceQuality source;
  source.name = "raw";
  source.kind = kind;
  source.last_commit_us = last_commit_us;
  return source;
}

std::string behind_line(const SourceQuality& source, std::vector<PipelineMinute> minutes) {
  const std::string text = warehouse_metrics(std::vector{source}, {}, {}, minutes, kNow);
  const size_t at = text.find("hirestream_behind_seconds{");
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

TEST(WarehouseMetrics, IdleSourceThatIsReadIsNotBehind) {
  const SourceQuality source = quiet_source("cassandra", kNow - 300 * kMinute);
  const auto minute = [](int64_t minutes_ago, int64_t requests) {
    return PipelineMinute{.source = "raw",
                          .minute_us = kNow - 40'000'000 - minutes_ago * kMinute,
                          .requests = requests};
  };
  EXPECT_EQ(behind_line(source, {minute(2, 240), minute(1, 240), minute(0, 80)}),
            "hirestream_behind_seconds{source=\"raw\"} 0");
  EXPECT_EQ(behind_line(source, {minute(10, 240)}), "hirestream_behind_seconds{source=\"raw\"} 580")
      << "nobody has read it since";
  EXPECT_EQ(behind_line(source, {minute(0, 0)}), "hirestream_behind_seconds{source=\"raw\"} 18000")
      << "tried, but not read";
}

TEST(WarehouseMetrics, SourceWhoseRowsTakeLongIsBehindThoughItIsRead) {
  PipelineMinute minute{.source = "raw", .minute_us = kNow - 40'000'000, .requests = 9};
  minute.freshness_us_p50 = 90'000'000;
  EXPECT_EQ(behind_line(quiet_source("sqlite", kNow), {minute}),
            "hirestream_behind_seconds{source=\"raw\"} 90");
}

TEST(WarehouseMetrics, FilesThatNobodyReadsAreNotBehind) {
  EXPECT_EQ(behind_line(quiet_source("csv", kNow - 300 * kMinute), {}), "");
}

TEST(MinuteObserver, TellsWhatWasAddedSinceTheLastTime) {
  SetClock clock;
  MinuteObserver observer("raw", clock);
  EXPECT_THAT(observer.take(false), IsEmpty());
  observer.on_read(5, 1, 0);
  observer.on_commit(commit(3, {100, 200}));
  auto first = observer.take(false);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].minute_us, 600'000'000);
  EXPECT_EQ(first[0].rows_read, 5);
  EXPECT_EQ(first[0].new_rows, 3);
  EXPECT_EQ(first[0].rejected, 2);
  EXPECT_EQ(first[0].freshness_us_p50, -1) << "the minute is not over";
  EXPECT_THAT(observer.take(false), IsEmpty());
  observer.on_slice(SliceEvent::kAudited, {}, "");
  clock.now += 60'000'000;
  observer.on_retry({}, 1, 1);
  const auto second = observer.take(false);
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_EQ(second[1].minute_us, 660'000'000);
  EXPECT_EQ(second[1].retries, 1);
  EXPECT_EQ(second[0].minute_us, 600'000'000);
  EXPECT_EQ(second[0].rows_read, 0) << "told before";
  EXPECT_EQ(second[0].slices_audited, 1);
  EXPECT_EQ(second[0].freshness_us_max, 200);
  EXPECT_GE(second[0].freshness_us_p95, second[0].freshness_us_p50);
}

// An alert takes retries without commits for numbers that stand still.
TEST(MinuteObserver, DoesNotCountJobsThatCannotBeReadAmongRetries) {
  SetClock clock;
  MinuteObserver observer("raw", clock);
  ObserverFanout fanout({&observer});
  fanout.on_stale_jobs({}, 1, 30'000'000);
  EXPECT_THAT(observer.take(true), IsEmpty());
  fanout.on_retry({}, 1, 1);
  const auto told = observer.take(true);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].retries, 1);
}

TEST(MinuteObserver, TellsEverythingAtTheEnd) {
  SetClock clock;
  MinuteObserver observer("raw", clock);
  observer.on_commit(commit(1, {50}));
  const auto last = observer.take(true);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0].freshness_us_max, 50);
  EXPECT_THAT(observer.take(true), IsEmpty());
}

class KeepingLog : public PipelineLog {
 public:
  KeepingLog(std::vector<PipelineMinute>& kept, std::vector<MirrorLine>& mirrors)
      : kept_(kept), mirrors_(mirrors) {}
  Result<void> record(std::span<const PipelineMinute> minutes, int64_t) override {
    kept_.insert(kept_.end(), minutes.begin(), minutes.end());
    return {};
  }
  Result<void> record_mirrors(const std::string& source,
                              std::span<const MirrorProgress> mirrors) override {
    for (const MirrorProgress& mirror : mirrors) {
      mirrors_.push_back({source, mirror});
    }
    return {};
  }
  Result<void> record_verification(const Verification&) override { return {}; }

 private:
  std::vector<PipelineMinute>& kept_;
  std::vector<MirrorLine>& mirrors_;
};

TEST(PipelineRecorder, RecordsWhatIsLeftWhenItEnds) {
  SetClock clock;
  std::vector<PipelineMinute> kept;
  std::vector<MirrorLine> mirrors;
  const MirrorProgress mirror{.node = "n", .stored_us = 7};
  {
    PipelineRecorder recorder(
        [&]() -> Result<std::unique_ptr<PipelineLog>> {
          return std::make_unique<KeepingLog>(kept, mirrors);
        },
        [](const Error& error) { ADD_FAILURE() << error.text(); }, clock);
    recorder.observer_of("raw").on_read(9, 1, 0);
    recorder.observer_of("other").on_read(1, 1, 0);
    recorder.observer_of("raw").on_mirrors({{.node = "n", .stored_us = 6}});
    recorder.observer_of("raw").on_mirrors({mirror});
  }
  EXPECT_EQ(mirrors, std::vector{(MirrorLine{"raw", mirror})}) << "the last that was told";
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[1].source, "raw");
  EXPECT_EQ(kept[1].rows_read, 9);
}

TEST(PipelineRecorder, WarehouseThatFailsIsOnlyToldOf) {
  SetClock clock;
  int warnings = 0;
  {
    PipelineRecorder recorder(
        []() -> Result<std::unique_ptr<PipelineLog>> {
          return fail(ErrorKind::kTransient, "open", "x", "down");
        },
        [&](const Error&) { ++warnings; }, clock);
    recorder.observer_of("raw").on_read(9, 1, 0);
  }
  EXPECT_EQ(warnings, 1);
}

}  // namespace
}  // namespace hirestream
