#include "http/reading_watch.h"

#include <gtest/gtest.h>

#include "http/api.h"
#include "http/change_feed.h"
#include "http/told_events_test.h"
#include "ports/clock.h"

namespace hirestream {
namespace {

constexpr int64_t kMinute = 60'000'000;
constexpr int64_t kNow = 1'000'000 * kMinute;

// Knows sources and minutes only.
class MinutesReport : public Report {
 public:
  std::vector<SourceQuality> known;
  std::vector<PipelineMinute> log;
  std::vector<int64_t> asked_from;

  std::string server() const override { return "fake"; }
  Result<std::string> version() override { return std::string("1"); }
  Result<std::optional<std::pair<int32_t, int32_t>>> hours() override { return std::nullopt; }
  Result<Measures> totals(const ReportFilter&) override { return Measures{}; }
  Result<std::vector<SeriesPoint>> series(const ReportFilter&, TimeStep) override {
    return std::vector<SeriesPoint>{};
  }
  Result<ReportPage> top(const ReportFilter&, Dimension, Figure, size_t, size_t) override {
    return ReportPage{};
  }
  Result<std::vector<NamedId>> names(Dimension, const std::string&, size_t) override {
    return std::vector<NamedId>{};
  }
  Result<std::vector<NamedId>> names_of(Dimension, std::span<const int64_t>) override {
    return std::vector<NamedId>{};
  }
  Result<std::vector<EventsLine>> lines(const ReportFilter&, const std::optional<CellKey>&,
                                        size_t) override {
    return std::vector<EventsLine>{};
  }
  Result<std::vector<SourceQuality>> quality() override { return known; }
  Result<std::vector<SourceQuality>> sources() override { return known; }
  Result<std::vector<RejectGroup>> rejects() override { return std::vector<RejectGroup>{}; }
  Result<std::vector<KindLine>> not_counted() override { return std::vector<KindLine>{}; }
  Result<std::vector<Verification>> verifications() override { return std::vector<Verification>{}; }
  Result<std::vector<SliceLine>> slices(size_t) override { return std::vector<SliceLine>{}; }
  Result<std::vector<MirrorLine>> mirrors() override { return std::vector<MirrorLine>{}; }
  Result<std::vector<PipelineMinute>> minutes(int64_t from_us) override {
    asked_from.push_back(from_us);
    std::vector<PipelineMinute> found;
    for (const PipelineMinute& minute : log) {
      if (minute.minute_us >= from_us) {
        found.push_back(minute);
      }
    }
    return found;
  }
};

SourceQuality source(const std::string& name, const std::string& kind = "sqlite") {
  SourceQuality made;
  made.name = name;
  made.kind = kind;
  made.last_commit_us = kNow - 40 * kMinute;
  return made;
}

PipelineMinute minute(const std::string& name, int64_t ago, int64_t requests,
                      int64_t freshness_us = -1) {
  PipelineMinute made;
  made.source = name;
  made.minute_us = kNow - ago * kMinute;
  made.requests = requests;
  made.freshness_us_p50 = freshness_us;
  return made;
}

EngineReading look(MinutesReport& report) {
  ReadingWatch watch;
  const auto reading = watch.look(report, report.known, kNow);
  EXPECT_TRUE(reading.has_value());
  return *reading;
}

TEST(ReadingWatch, TellsOfTheSourceThatWaitsLongest) {
  MinutesReport report;
  report.known = {source("a"), source("b")};
  report.log = {minute("a", 1, 4), minute("b", 7, 4), minute("b", 2, 0)};
  EXPECT_EQ(look(report), (EngineReading{"b", kNow - 7 * kMinute, -1}));
}

TEST(ReadingWatch, LeavesOutFilesAndSourcesWithoutAReport) {
  MinutesReport report;
  report.known = {source("f", "csv"), source("g", "ndjson"), source("p", "parquet"),
                  source("c", "cassandra")};
  report.log = {minute("f", 90, 1), minute("g", 90, 1)};
  EXPECT_EQ(look(report), EngineReading{});
}

TEST(ReadingWatch, CountsFromTheFirstReportWhenNothingWasEverRead) {
  MinutesReport report;
  report.known = {source("a")};
  report.log = {minute("a", 20, 0), minute("a", 1, 0)};
  EXPECT_EQ(look(report).last_read_us, kNow - 20 * kMinute);
}

TEST(ReadingWatch, AsksForOldMinutesOnce) {
  MinutesReport report;
  report.known = {source("a")};
  report.log = {minute("a", 5000, 3)};
  ReadingWatch watch;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(watch.look(report, report.known, kNow)->last_read_us, kNow - 5000 * kMinute);
  }
  EXPECT_EQ(std::count(report.asked_from.begin(), report.asked_from.end(), 0), 1);
  EXPECT_EQ(report.asked_from.size(), 4U);
}

TEST(ReadingWatch, FreshnessIsOfTheNewestMinuteThatHasOne) {
  MinutesReport report;
  report.known = {source("a"), source("b")};
  report.log = {minute("a", 2, 1, 900), minute("a", 1, 1, 300), minute("b", 1, 1, 400),
                minute("a", 0, 1)};
  EXPECT_EQ(look(report).freshness_us, 400);
  report.log = {minute("a", 4, 1, 900)};
  EXPECT_EQ(look(report).freshness_us, -1);
}

class SteadyClock : public Clock {
 public:
  int64_t now_us() override { return kNow; }
};

// Reports with what `log` says.
OpenReport opener(const std::vector<PipelineMinute>& log) {
  return [log]() -> Result<std::unique_ptr<Report>> {
    auto report = std::make_unique<MinutesReport>();
    report->known = {source("site")};
    report->log = log;
    return report;
  };
}

std::string health(const std::vector<PipelineMinute>& log) {
  SteadyClock clock;
  ReportPool pool(opener(log), 1);
  Api api("1", false, clock, pool);
  const auto response =
      api.handle({.path = "/api/v1/health", .target = {}, .query = {}, .if_none_match = {}});
  EXPECT_EQ(response->status, 200);
  return response->body;
}

TEST(Health, IsStaleWhenNothingHasBeenReadForFiveMinutes) {
  const std::string stale = health({minute("site", 6, 1)});
  EXPECT_NE(stale.find(R"("status":"stale")"), std::string::npos) << stale;
  EXPECT_NE(stale.find(R"("unread_ms":360000,"unread_source":"site")"), std::string::npos) << stale;
  EXPECT_NE(health({minute("site", 4, 1)}).find(R"("status":"ok")"), std::string::npos);
  EXPECT_NE(health({}).find(R"("last_read":null,"unread_ms":null)"), std::string::npos);
}

TEST(Health, RefusesUnknownParameters) {
  SteadyClock clock;
  ReportPool pool(opener({}), 1);
  Api api("1", false, clock, pool);
  const auto response = api.handle(
      {.path = "/api/v1/health", .target = {}, .query = {{"sorce", "x"}}, .if_none_match = {}});
  EXPECT_EQ(response->status, 400);
  EXPECT_NE(response->body.find(R"("parameter":"sorce")"), std::string::npos) << response->body;
}

std::string first_pulse(ChangeFeed& feed, Events& events) {
  feed.join();
  while (true) {
    std::string event = events.next();
    if (event.starts_with("event: pulse")) {
      return event;
    }
  }
}

TEST(ChangeFeed, PulseTellsLastReadAndFreshnessOfEnginesElsewhere) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(opener({minute("site", 6, 1), minute("site", 1, 0, 250'000)}), clock, 1,
                  events.tell());
  const std::string pulse = first_pulse(feed, events);
  EXPECT_NE(pulse.find(R"("freshness_ms":250.000,"unread_ms":360000,"unread_source":"site")"),
            std::string::npos)
      << pulse;
}

TEST(ChangeFeed, PulseLeavesFreshnessToTheEngineOfThisProcess) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(opener({minute("site", 1, 1, 250'000)}), clock, 1, events.tell());
  feed.wake(7'000);
  EXPECT_NE(first_pulse(feed, events).find(R"("freshness_ms":null)"), std::string::npos);
}

TEST(ChangeFeed, ClientsLearnTheLastChangeAtOnceOrWhenItIsKnown) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(opener({minute("site", 1, 1)}), clock, 2, events.tell());
  EXPECT_EQ(feed.join(), "");
  const std::string change = events.next();
  EXPECT_TRUE(change.starts_with("event: change")) << change;
  EXPECT_EQ(feed.join(), change);
}

}  // namespace
}  // namespace hirestream
