// What every Report and PipelineLog must do: whatever was committed through a Warehouse is found
// again, and sums are those that adding up every row gives.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "adapters/mysql/report.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sqlite/report.h"
#include "model/decimal.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int32_t kHour = 473'352;  // 2024-01-01 00:00
constexpr int32_t kDays = 5;

class ReportContract : public WarehouseContract {
 protected:
  void SetUp() override {
    WarehouseContract::SetUp();
    ASSERT_NE(warehouse_, nullptr);
    expect_ok(warehouse_->init());
    source_ = take(warehouse_->register_source({"raw log",
                                                "cassandra",
                                                {{"strategy", "tail"},
                                                 {"bucket_width_s", "60"},
                                                 {"attribution", "columns"},
                                                 {"timezone", "Europe/Berlin"}}}));
    writers_ = take(warehouse_->take_epochs(source_, std::vector<int32_t>{0, 1}, "test:1"));
    report_ = open_report();
    ASSERT_NE(report_, nullptr);
  }

  MysqlConfig mysql_config() {
    MysqlConfig config = server_config(GetParam());
    config.database = database_->value("SELECT DATABASE()");
    return config;
  }
  std::string sqlite_path() { return database_->value("SELECT file FROM pragma_database_list"); }

  std::unique_ptr<Report> open_report() {
    if (database_->is_sqlite()) {
      return take(open_sqlite_report(sqlite_path()));
    }
    return take(open_mysql_report(mysql_config()));
  }
  std::unique_ptr<PipelineLog> open_log() {
    if (database_->is_sqlite()) {
      return take(open_sqlite_pipeline_log(sqlite_path()));
    }
    return take(open_mysql_pipeline_log(mysql_config()));
  }

  // Random cells of five days, committed as one slice; kept in cells_ with their companies.
  void fill(size_t count = 400) {
    std::mt19937 random(20240101);
    const auto number = [&](int64_t below) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(below));
    };
    Contribution all;
    for (size_t i = 0; i < count; ++i) {
      const CellKey key{static_cast<int32_t>(kHour + number(kDays * 24)), number(9), number(4),
                        number(3), number(3)};
      all.push_back({key,
                     {.impressions = number(50),
                      .clicks = 1 + number(9),
                      .conversions = number(3),
                      .qualified = number(2),
                      .unqualified = number(2),
                      .bid_micros = number(2'000'000'000'001)}});
    }
    canonicalize(all);
    Commit commit = commit_of({change({0, 100}, 0, ChangeMode::kReplace, all)});
    for (const Cell& cell : all) {
      commit.cells.push_back({cell.key, cell.measures, company_of(cell.key.job_id)});
    }
    ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
    cells_ = all;
  }
  static int64_t company_of(int64_t job_id) { return job_id % 3; }
  static int64_t id_of(const Cell& cell, Dimension dimension) {
    switch (dimension) {
      case Dimension::kCompany:
        return company_of(cell.key.job_id);
      case Dimension::kCampaign:
        return cell.key.campaign_id;
      case Dimension::kGroup:
        return cell.key.group_id;
      case Dimension::kPublisher:
        return cell.key.publisher_id;
      case Dimension::kJob:
        return cell.key.job_id;
    }
    HIRESTREAM_CHECK(false);
  }
  Contribution chosen(const ReportFilter& filter) const {
    Contribution some;
    for (const Cell& cell : cells_) {
      bool fits = cell.key.local_hour >= filter.from_hour && cell.key.local_hour < filter.to_hour;
      for (const auto& [dimension, ids] : filter.ids) {
        fits = fits && (ids.empty() ||
                        std::find(ids.begin(), ids.end(), id_of(cell, dimension)) != ids.end());
      }
      if (fits) {
        some.push_back(cell);
      }
    }
    return some;
  }
  static Measures sum(const Contribution& cells) {
    Measures total;
    for (const Cell& cell : cells) {
      total += cell.measures;
    }
    return total;
  }
  // Ranges that begin and end within a day, at its ends, in one day, across several; with and
  // without ids.
  static std::vector<ReportFilter> filters() {
    std::vector<ReportFilter> all;
    for (const auto& [from, to] : {std::pair(0, 120),
                                   {0, 24},
                                   {5, 6},
                                   {3, 21},
                                   {20, 28},
                                   {13, 24},
                                   {24, 120},
                                   {7, 101},
                                   {50, 50},
                                   {60, 40},
                                   {-500, 900}}) {
      ReportFilter filter{.from_hour = kHour + from, .to_hour = kHour + to, .ids = {}};
      all.push_back(filter);
      filter.ids[Dimension::kJob] = {1, 4, 7, 99};
      all.push_back(filter);
      filter.ids[Dimension::kPublisher] = {0};
      filter.ids[Dimension::kGroup] = {};
      all.push_back(filter);
      all.push_back({filter.from_hour,
                     filter.to_hour,
                     {{Dimension::kCompany, {2}}, {Dimension::kCampaign, {0, 1}}}});
    }
    return all;
  }
  static std::string describe(const ReportFilter& filter) {
    std::string text = fmt::format("{}..{}", filter.from_hour - kHour, filter.to_hour - kHour);
    for (const auto& [dimension, ids] : filter.ids) {
      text += fmt::format(" {}:{}", dimension_name(dimension), ids.size());
    }
    return text;
  }

  // Commits nothing but a slice, through an engine's writers.
  void commit_slice(SliceKey key, int64_t revision = 0) {
    ASSERT_EQ(verdict(commit_of({change(key, revision, ChangeMode::kReplace, {})})),
              CommitVerdict::kCommitted);
  }
  std::string version() { return take(report_->version()); }
  void expect_changed(const char* by) {
    const std::string now = version();
    EXPECT_NE(now, last_version_) << by;
    EXPECT_EQ(now, take(open_report()->version())) << by << ": depends on the connection";
    last_version_ = now;
  }

  std::unique_ptr<Report> report_;
  Contribution cells_;
  std::string last_version_;
};

TEST_P(ReportContract, NamesItsServer) {
  EXPECT_THAT(report_->server(), testing::HasSubstr(GetParam()));
}

// --- sums

TEST_P(ReportContract, EmptyWarehouseHasNoHoursAndZeroTotals) {
  EXPECT_EQ(take(report_->hours()), std::nullopt);
  const ReportFilter all{.from_hour = 0, .to_hour = 1'000'000, .ids = {}};
  EXPECT_EQ(take(report_->totals(all)), Measures{});
  EXPECT_THAT(take(report_->series(all, TimeStep::kDay)), IsEmpty());
  const ReportPage page = take(report_->top(all, Dimension::kJob, Figure::kSpend, 10, 0));
  EXPECT_EQ(page.total, 0);
  EXPECT_THAT(page.entries, IsEmpty());
  EXPECT_THAT(take(report_->lines(all, std::nullopt, 10)), IsEmpty());
  EXPECT_THAT(take(report_->names(Dimension::kPublisher, "", 10)), IsEmpty());
  EXPECT_THAT(take(report_->slices(10)), IsEmpty());
  EXPECT_THAT(take(report_->rejects()), IsEmpty());
  EXPECT_THAT(take(report_->minutes(0)), IsEmpty());
}

TEST_P(ReportContract, HoursAreTheFirstAndTheLast) {
  fill();
  EXPECT_EQ(take(report_->hours()),
            std::pair(cells_.front().key.local_hour, cells_.back().key.local_hour));
}

TEST_P(ReportContract, TotalsAreTheSumOfTheRows) {
  fill();
  for (const ReportFilter& filter : filters()) {
    EXPECT_EQ(take(report_->totals(filter)), sum(chosen(filter))) << describe(filter);
  }
}

TEST_P(ReportContract, SumsAreExactBeyondWhatDoublesHold) {
  const Measures large{
      .impressions = 4'000'000'000'000'000, .clicks = 3, .bid_micros = 9'007'199'254'740'993};
  Contribution two = {cell(kHour, 1, large),
                      cell(kHour, 2, {.impressions = 1, .clicks = 2, .bid_micros = 1})};
  Commit commit = commit_of({change({0, 1}, 0, ChangeMode::kReplace, two)});
  add_cells(commit, {}, two);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(take(report_->totals({kHour, kHour + 1, {}})), sum(two));
}

TEST_P(ReportContract, SumThatDoesNotFitIsAnErrorAndNeverAnotherNumber) {
  constexpr int64_t kHalf = 5'000'000'000'000'000'000;
  const Contribution two = {cell(kHour, 1, {.impressions = kHalf, .bid_micros = 1}),
                            cell(kHour, 2, {.impressions = kHalf, .bid_micros = 1}),
                            cell(kHour + 30, 1, {.clicks = 1, .bid_micros = kHalf}),
                            cell(kHour + 30, 2, {.clicks = 1, .bid_micros = kHalf})};
  Commit commit = commit_of({change({0, 1}, 0, ChangeMode::kReplace, two)});
  add_cells(commit, {}, two);
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const auto expect_refused = [](const auto& result, const std::string& what) {
    ASSERT_FALSE(result.has_value()) << what;
    EXPECT_EQ(result.error().kind, ErrorKind::kRejected) << result.error().text();
    EXPECT_THAT(result.error().text(),
                testing::AnyOf(testing::HasSubstr(what), testing::HasSubstr("a sum")));
  };
  for (const auto& [from, to, what] : {std::tuple(kHour, kHour + 1, "SUM(impressions)"),
                                       std::tuple(kHour, kHour + 24, "SUM(impressions)"),
                                       std::tuple(kHour + 30, kHour + 31, "SUM(spend)"),
                                       std::tuple(kHour + 24, kHour + 48, "SUM(spend)")}) {
    const ReportFilter filter{from, to, {}};
    expect_refused(report_->totals(filter), what);
    expect_refused(report_->series(filter, TimeStep::kHour), what);
    expect_refused(report_->series(filter, TimeStep::kDay), what);
    expect_refused(report_->top(filter, Dimension::kPublisher, Figure::kSpend, 5, 0), what);
  }
  EXPECT_EQ(take(report_->lines({kHour + 30, kHour + 31, {}}, std::nullopt, 5)).size(), 2u);
}

TEST_P(ReportContract, SeriesHasEachStepWithDataAndItsSums) {
  fill(60);
  for (const TimeStep step : {TimeStep::kHour, TimeStep::kDay}) {
    for (const ReportFilter& filter : filters()) {
      std::map<int32_t, Measures> expected;
      for (const Cell& cell : chosen(filter)) {
        expected[step == TimeStep::kHour ? cell.key.local_hour : cell.key.days() * 24] +=
            cell.measures;
      }
      std::map<int32_t, Measures> found;
      int32_t last = INT32_MIN;
      for (const SeriesPoint& point : take(report_->series(filter, step))) {
        EXPECT_GT(point.local_hour, last) << "not in order";
        last = point.local_hour;
        found[last] = point.measures;
      }
      EXPECT_EQ(found, expected) << describe(filter);
    }
  }
}

int64_t figure_of(const Measures& m, Figure figure) {
  switch (figure) {
    case Figure::kSpend:
      return m.bid_micros;
    case Figure::kImpressions:
      return m.impressions;
    case Figure::kClicks:
      return m.clicks;
    case Figure::kConversions:
      return m.conversions;
    case Figure::kQualified:
      return m.qualified;
    case Figure::kUnqualified:
      return m.unqualified;
  }
  HIRESTREAM_CHECK(false);
}

TEST_P(ReportContract, TopIsSortedBySumThenIdAndComesInPages) {
  fill();
  const ReportFilter filter{.from_hour = kHour + 3, .to_hour = kHour + 77, .ids = {}};
  for (const Dimension dimension : kDimensions) {
    std::map<int64_t, Measures> sums;
    for (const Cell& cell : chosen(filter)) {
      sums[id_of(cell, dimension)] += cell.measures;
    }
    for (const Figure figure : kFigures) {
      std::vector<std::pair<int64_t, int64_t>> expected;
      for (const auto& [id, measures] : sums) {
        expected.emplace_back(-figure_of(measures, figure), id);
      }
      std::sort(expected.begin(), expected.end());
      std::vector<std::pair<int64_t, int64_t>> found;
      for (size_t offset = 0; offset < sums.size(); offset += 2) {
        const ReportPage page = take(report_->top(filter, dimension, figure, 2, offset));
        EXPECT_EQ(page.total, static_cast<int64_t>(sums.size()));
        for (const ReportEntry& entry : page.entries) {
          EXPECT_EQ(entry.measures, sums[entry.key.id]);
          found.emplace_back(-figure_of(entry.measures, figure), entry.key.id);
        }
      }
      EXPECT_EQ(found, expected) << dimension_name(dimension) << " by " << figure_name(figure);
    }
    const ReportPage beyond = take(report_->top(filter, dimension, Figure::kSpend, 5, 1000));
    EXPECT_EQ(beyond.total, static_cast<int64_t>(sums.size()));
    EXPECT_THAT(beyond.entries, IsEmpty());
  }
}

TEST_P(ReportContract, WholeDaysComeFromTheRollUpOnceItIsComplete) {
  fill();
  const ReportFilter filter{.from_hour = kHour + 5, .to_hour = kHour + 75, .ids = {}};
  const ReportFilter ends_only{.from_hour = kHour + 5, .to_hour = kHour + 24, .ids = {}};
  database_->run("UPDATE hirestream_meta SET value = '1' WHERE name = 'schema_version'");
  const auto before = open_report();
  EXPECT_EQ(take(before->totals(filter)), sum(chosen(filter)));
  database_->run("UPDATE hirestream_meta SET value = '2' WHERE name = 'schema_version'");
  database_->run("UPDATE hirestream_days SET impressions = impressions + 1000");
  const Measures marked = take(before->totals(filter));
  EXPECT_GT(marked.impressions, sum(chosen(filter)).impressions + 1000);
  EXPECT_EQ(marked.impressions % 1000, sum(chosen(filter)).impressions % 1000);
  EXPECT_EQ(take(before->totals(ends_only)), sum(chosen(ends_only)));
  database_->run("UPDATE hirestream_days SET impressions = impressions - 1000");
  EXPECT_EQ(take(before->totals(filter)), sum(chosen(filter)));
}

TEST_P(ReportContract, LinesPageThroughEveryRowOnceInKeyOrder) {
  fill();
  for (const ReportFilter& filter : filters()) {
    const Contribution expected = chosen(filter);
    Contribution found;
    std::optional<CellKey> after;
    while (true) {
      const auto lines = take(report_->lines(filter, after, 37));
      for (const EventsLine& line : lines) {
        found.push_back({line.key, line.measures});
        EXPECT_EQ(line.company_id, company_of(line.key.job_id));
        EXPECT_EQ(line.sources, "Cassandra");
        EXPECT_EQ(line.updated_at_us, now_us_);
      }
      if (lines.empty()) {
        break;
      }
      after = lines.back().key;
    }
    EXPECT_EQ(found, expected) << describe(filter);
  }
}

// --- names

TEST_P(ReportContract, NamesComeFromTheJobsAndIdsFromTheRowsToo) {
  fill();
  take(warehouse_->store_jobs(
      std::vector<Job>{{1, 7, 70, 700, "Baker", "ACME", "Winter", "North"},
                       {2, 8, 71, 701, "it's 100% \\ _x", "Beta 'B'", "summer", ""},
                       {50, 7, 70, 700, "Nurse", "ACME", "Winter", "North"}},
      now_us_));
  EXPECT_THAT(take(report_->names_of(Dimension::kJob, std::vector<int64_t>{50, 1, 3, 50})),
              ElementsAre(NamedId{50, "Nurse"}, NamedId{1, "Baker"}, NamedId{3, ""}));
  EXPECT_THAT(take(report_->names_of(Dimension::kPublisher, std::vector<int64_t>{2})),
              ElementsAre(NamedId{2, ""}));
  EXPECT_THAT(take(report_->names_of(Dimension::kCompany, {})), IsEmpty());
  EXPECT_THAT(take(report_->names(Dimension::kCompany, "aCm", 9)), ElementsAre(NamedId{7, "ACME"}));
  EXPECT_THAT(take(report_->names(Dimension::kJob, "% \\ _", 9)),
              ElementsAre(NamedId{2, "it's 100% \\ _x"}));
  EXPECT_THAT(take(report_->names(Dimension::kJob, "it's", 9)),
              ElementsAre(NamedId{2, "it's 100% \\ _x"}));
  EXPECT_THAT(take(report_->names(Dimension::kJob, "5", 9)),
              ElementsAre(NamedId{50, "Nurse"}, NamedId{5, ""}));
  EXPECT_THAT(take(report_->names(Dimension::kCampaign, "70", 9)),
              ElementsAre(NamedId{700, "Winter"}, NamedId{701, "summer"}));
  EXPECT_THAT(take(report_->names(Dimension::kPublisher, "", 9)),
              ElementsAre(NamedId{0, ""}, NamedId{1, ""}, NamedId{2, ""}, NamedId{3, ""}));
  expect_ok(
      warehouse_->store_publishers(std::vector<Publisher>{{2, "Café Board"}, {40, "Elsewhere"}}));
  expect_ok(warehouse_->store_publishers(std::vector<Publisher>{{2, "Job Board"}, {3, "Acme"}}));
  EXPECT_THAT(take(report_->names_of(Dimension::kPublisher, std::vector<int64_t>{2, 1, 40})),
              ElementsAre(NamedId{2, "Job Board"}, NamedId{1, ""}, NamedId{40, "Elsewhere"}));
  EXPECT_THAT(take(report_->names(Dimension::kPublisher, "", 9)),
              ElementsAre(NamedId{3, "Acme"}, NamedId{40, "Elsewhere"}, NamedId{2, "Job Board"},
                          NamedId{0, ""}, NamedId{1, ""}));
  EXPECT_THAT(take(report_->names(Dimension::kPublisher, "BOARD", 9)),
              ElementsAre(NamedId{2, "Job Board"}));
  database_->run("DROP TABLE hirestream_publishers");  // a warehouse of an older version
  EXPECT_THAT(take(open_report()->names_of(Dimension::kPublisher, std::vector<int64_t>{2})),
              ElementsAre(NamedId{2, ""}));
  EXPECT_THAT(take(report_->names(Dimension::kJob, "", 2)).size(), 2u);
  EXPECT_THAT(take(report_->names(Dimension::kJob, "no such", 2)), IsEmpty());
  const ReportPage top = take(report_->top({kHour, kHour + 120, {{Dimension::kJob, {1}}}},
                                           Dimension::kCompany, Figure::kClicks, 5, 0));
  ASSERT_EQ(top.entries.size(), 1u);
  EXPECT_EQ(top.entries[0].key, (NamedId{7, "ACME"}));
}

// --- version

TEST_P(ReportContract, VersionChangesWithEveryKindOfChangeAndNotWithout) {
  last_version_ = version();
  EXPECT_EQ(version(), last_version_);
  fill(5);
  expect_changed("a commit");
  commit_slice({1, 5});
  expect_changed("a commit without cells");
  Commit repair = commit_of({change({1, 5}, 1, ChangeMode::kReplace, {})});
  repair.writers.clear();
  ASSERT_EQ(verdict(repair), CommitVerdict::kCommitted);
  expect_changed("a repair");
  take(warehouse_->store_jobs(std::vector<Job>{{1, 7, 0, 0, "Baker", "", "", ""}}, now_us_));
  expect_changed("new jobs");
  expect_ok(warehouse_->store_publishers(std::vector<Publisher>{{2, "Job Board"}}));
  expect_changed("names of publishers");
  take(warehouse_->register_source({"other", "files", {}}));
  expect_changed("a new source");
  SliceChange with_reject = change({1, 6}, 0, ChangeMode::kReplace, {});
  with_reject.rejects = {reject(1, "ts_missing")};
  ASSERT_EQ(verdict(commit_of({with_reject})), CommitVerdict::kCommitted);
  expect_changed("a reject");
  expect_ok(warehouse_->expire_rejects(now_us_ + 1, 100));
  expect_changed("rejects that expired");
  expect_ok(warehouse_->expire_rejects(now_us_ + 1, 100));
  expect_ok(
      open_log()->record(std::vector<PipelineMinute>{{.source = "raw log", .minute_us = 60}}, 0));
  EXPECT_EQ(version(), last_version_) << "nothing that a report of figures shows has changed";
}

TEST_P(ReportContract, VersionStaysWhenACommitWasRefused) {
  commit_slice({1, 5});
  last_version_ = version();
  Commit conflict = commit_of({change({1, 5}, 0, ChangeMode::kReplace, {})});
  EXPECT_EQ(verdict(conflict), CommitVerdict::kConflict);
  conflict.writers.clear();
  EXPECT_EQ(verdict(conflict), CommitVerdict::kConflict);
  EXPECT_EQ(version(), last_version_);
}

// --- quality

TEST_P(ReportContract, QualityTellsClassesStatesAndWhatIsSettled) {
  take(warehouse_->register_source(
      {"files", "files", {{"strategy", "files"}, {"bucket_width_s", "0"}}}));
  SliceChange open = change({0, 100}, 0, ChangeMode::kReplace, {});
  open.entry.classes = {.counted = 5, .unattributed = 4, .other = 3, .rejected = 2, .too_late = 1};
  SliceChange settled = change({1, 99}, 0, ChangeMode::kReplace, {});
  settled.entry.state = SliceState::kSettled;
  settled.entry.classes = {.counted = 10};
  settled.entry.held = true;
  Commit commit = commit_of({open, settled});
  commit.frozen_days = {{1, 19'000, 1, {}, {}}};
  commit.settled_until = {{0, 100}, {1, 101}};
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  const auto sources = take(report_->quality());
  ASSERT_EQ(sources.size(), 2u);
  const SourceQuality& first = sources[0];
  EXPECT_EQ(first.name, "raw log");
  EXPECT_EQ(first.kind, "cassandra");
  EXPECT_EQ(first.attribution, "columns");
  EXPECT_EQ(first.timezone, "Europe/Berlin");
  EXPECT_EQ(first.classes, (RowClasses{15, 4, 3, 2, 1}));
  EXPECT_THAT(
      (std::array{first.slices_open, first.slices_settled, first.slices_frozen, first.slices_held}),
      ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(first.settled_until_us,
            (std::map<int32_t, int64_t>{{0, 6'000'000'000}, {1, 6'060'000'000}}));
  EXPECT_EQ(first.last_commit_us, now_us_);
  EXPECT_EQ(sources[1].name, "files");
  EXPECT_EQ(sources[1].last_commit_us, 0);
  EXPECT_THAT(sources[1].settled_until_us, IsEmpty());
  const auto plain = take(report_->sources());
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0].timezone, "Europe/Berlin");
  EXPECT_EQ(plain[0].settled_until_us, first.settled_until_us);
  EXPECT_EQ(plain[0].last_commit_us, now_us_);
  EXPECT_EQ(plain[0].classes, RowClasses{});
}

TEST_P(ReportContract, FollowedRawLogIsSettledUpToShortlyBeforeItsLastCommit) {
  const SourceId local = take(warehouse_->register_source(
      {"local", "sqlite", {{"strategy", "follow"}, {"bucket_width_s", "1000"}}}));
  const std::vector<int32_t> shards = {0};
  Commit commit = commit_of({change({0, 5}, 0, ChangeMode::kReplace, {})});
  commit.source = local;
  commit.writers = take(warehouse_->take_epochs(local, shards, "x"));
  commit.settled_until = {{0, 5}};
  EXPECT_THAT(take(report_->sources()).back().settled_until_us, IsEmpty());
  ASSERT_EQ(verdict(commit), CommitVerdict::kCommitted);
  EXPECT_EQ(take(report_->sources()).back().settled_until_us,
            (std::map<int32_t, int64_t>{{0, now_us_ - 120'000'000}}));
}

TEST_P(ReportContract, EpochTakenWithoutACommitIsNoCommit) {
  EXPECT_EQ(take(report_->quality()).at(0).last_commit_us, 0);
}

TEST_P(ReportContract, RejectsAreGroupedWithTheNewestAsSample) {
  SliceChange first = change({0, 1}, 0, ChangeMode::kReplace, {});
  first.rejects = {reject(1, "ts_missing"), reject(2, "ts_missing"), reject(3, "bid_negative")};
  ASSERT_EQ(verdict(commit_of({first})), CommitVerdict::kCommitted);
  now_us_ += 5'000'000;
  SliceChange second = change({0, 2}, 0, ChangeMode::kReplace, {});
  second.rejects = {reject(4, "ts_missing")};
  ASSERT_EQ(verdict(commit_of({second})), CommitVerdict::kCommitted);
  const auto groups = take(report_->rejects());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].source, "raw log");
  EXPECT_EQ(groups[0].kept, 3);
  EXPECT_EQ(groups[0].first_seen_us, now_us_);
  EXPECT_EQ(groups[0].sample, reject(4, "ts_missing"));
  EXPECT_EQ(groups[1].kept, 1);
  EXPECT_EQ(groups[1].sample, reject(3, "bid_negative"));
}

// --- pipeline

TEST_P(ReportContract, KindsNotCountedAreTheMostFrequentOfEachSource) {
  SliceChange slice = change({0, 100}, 0, ChangeMode::kReplace, {});
  for (int64_t i = 1; i <= 25; ++i) {
    slice.not_counted.push_back(other_kind("kind " + std::to_string(i), i, i));
  }
  ASSERT_EQ(verdict(commit_of({slice})), CommitVerdict::kCommitted);
  const auto found = take(report_->not_counted());
  ASSERT_EQ(found.size(), kKindsReported + 1);
  EXPECT_EQ(found[0].source, "raw log");
  EXPECT_EQ(found[0].kind, other_kind("kind 25", 25, 25));
  EXPECT_EQ(found.back().kind, other_kind("(others)", 1 + 2 + 3 + 4 + 5, 5));
  database_->run("DROP TABLE hirestream_kinds");
  EXPECT_THAT(take(report_->not_counted()), IsEmpty()) << "as in a warehouse of before";
}

TEST_P(ReportContract, SlicesAreTheNewestOfEachSourceByTime) {
  std::vector<SliceChange> changes;
  for (const int32_t shard : {0, 1}) {
    for (int64_t bucket = 10; bucket < 20; ++bucket) {
      changes.push_back(change({shard, bucket}, 0, ChangeMode::kReplace, {}));
      changes.back().entry.digest = {bucket, 0xffff'ffff'ffff'ff00 + static_cast<uint64_t>(bucket)};
      changes.back().entry.state = bucket < 19 ? SliceState::kSettled : SliceState::kOpen;
      changes.back().entry.settled_at_us = bucket;
      changes.back().entry.corrected_at_us = bucket == 18 ? 21 : 0;
    }
  }
  ASSERT_EQ(verdict(commit_of(changes)), CommitVerdict::kCommitted);
  const auto lines = take(report_->slices(3));
  std::vector<SliceKey> keys;
  for (const SliceLine& line : lines) {
    keys.push_back(line.key);
  }
  EXPECT_THAT(keys, ElementsAre(SliceKey{1, 18}, SliceKey{0, 19}, SliceKey{1, 19}));
  EXPECT_EQ(lines[0].source, "raw log");
  EXPECT_EQ(lines[0].begin_us, 18 * 60'000'000);
  EXPECT_EQ(lines[0].state, SliceState::kSettled);
  EXPECT_EQ(lines[0].revision, 1);
  EXPECT_EQ(lines[0].digest, (RowDigest{18, 0xffff'ffff'ffff'ff12}));
  EXPECT_EQ(lines[0].settled_at_us, 18);
  EXPECT_EQ(lines[0].corrected_at_us, 21);
  EXPECT_EQ(lines[2].corrected_at_us, 0);
  EXPECT_EQ(lines[0].updated_at_us, now_us_);
  EXPECT_EQ(lines[2].state, SliceState::kOpen);
}

TEST_P(ReportContract, SlicesOfFilesAreTheLastChangedOnes) {
  source_ = take(warehouse_->register_source(
      {"files", "files", {{"strategy", "files"}, {"bucket_width_s", "1"}}}));
  writers_ = take(warehouse_->take_epochs(source_, std::vector<int32_t>{0}, "test:1"));
  for (const int64_t bucket : {900, 5, -70}) {
    now_us_ += 1000;
    commit_slice({0, bucket});
  }
  const auto lines = take(report_->slices(2));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].key, (SliceKey{0, 5}));
  EXPECT_EQ(lines[1].key, (SliceKey{0, -70}));
  EXPECT_EQ(lines[1].begin_us, 0);
}

bool operator_equal(const PipelineMinute& a, const PipelineMinute& b) {
  const auto fields = [](const PipelineMinute& m) {
    return std::tuple(m.source, m.minute_us, m.new_rows, m.rows_read, m.requests, m.commits,
                      m.commit_us_sum, m.commit_us_max, m.freshness_us_p50, m.freshness_us_p95,
                      m.freshness_us_max, m.slices_settled, m.slices_corrected, m.slices_audited,
                      m.conflicts, m.retries, m.rejected);
  };
  return fields(a) == fields(b);
}

TEST_P(ReportContract, MinutesAddUpAndExpire) {
  const auto log = open_log();
  const PipelineMinute first{"raw log", 120'000'000, 1, 2, 3, 4,  5,  60, -1,
                             -1,        -1,          7, 8, 9, 10, 11, 12};
  const PipelineMinute again{"raw log", 120'000'000, 10, 20, 30, 40,  50,  6,  100,
                             200,       300,         70, 80, 90, 100, 110, 120};
  const PipelineMinute sum{"raw log", 120'000'000, 11, 22, 33, 44,  55,  60, 100,
                           200,       300,         77, 88, 99, 110, 121, 132};
  const PipelineMinute next{"raw log", 180'000'000, 1};
  const PipelineMinute stranger{"nobody registered this", 120'000'000, 1};
  expect_ok(log->record(std::vector{first, stranger, next}, 0));
  expect_ok(log->record(std::vector{again}, 0));
  auto minutes = take(report_->minutes(120'000'000));
  ASSERT_EQ(minutes.size(), 2u);
  EXPECT_TRUE(operator_equal(minutes[0], sum));
  EXPECT_TRUE(operator_equal(minutes[1], next));
  EXPECT_EQ(take(report_->minutes(120'000'001)).size(), 1u);
  expect_ok(log->record({}, 180'000'000));
  EXPECT_EQ(take(report_->minutes(0)).size(), 1u);
}

TEST_P(ReportContract, MirrorsAreThoseThatWereToldOfLast) {
  const MirrorProgress one{"5f0c", 1'700'000'000'000'000, 0, true};
  const MirrorProgress two{"9a11", 1'700'000'000'000'001, 1'600'000'000'000'000, false};
  const auto line = [](const MirrorProgress& progress) { return MirrorLine{"raw log", progress}; };
  EXPECT_THAT(take(report_->mirrors()), IsEmpty());
  const auto log = open_log();
  expect_ok(log->record_mirrors("raw log", {}));
  expect_ok(log->record_mirrors("nobody registered this", std::vector{one}));
  EXPECT_THAT(take(report_->mirrors()), IsEmpty());
  expect_ok(log->record_mirrors("raw log", std::vector{two, one}));
  EXPECT_THAT(take(report_->mirrors()), ElementsAre(line(one), line(two)));
  const MirrorProgress later{"5f0c", 1'700'000'030'000'000, 1'700'000'020'000'000, false};
  expect_ok(log->record_mirrors("raw log", std::vector{later}));
  EXPECT_THAT(take(report_->mirrors()), ElementsAre(line(later))) << "the other node is gone";
  expect_ok(log->record_mirrors("raw log", {}));
  EXPECT_THAT(take(report_->mirrors()), IsEmpty());
}

TEST_P(ReportContract, WarehouseWithoutTheTableOfMinutesHasNoneUntilInitMadeIt) {
  database_->run("DROP TABLE hirestream_minutes");
  EXPECT_THAT(take(report_->minutes(0)), IsEmpty());
  const auto refused =
      open_log()->record(std::vector<PipelineMinute>{{.source = "raw log", .minute_us = 60}}, 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(lacks_tables(refused.error())) << refused.error().text();
  expect_ok(warehouse_->init());
  expect_ok(
      open_log()->record(std::vector<PipelineMinute>{{.source = "raw log", .minute_us = 60}}, 0));
  EXPECT_EQ(take(report_->minutes(0)).size(), 1u);
}

TEST_P(ReportContract, MinutesOfAnOlderWarehouseHaveNoRejectedRowsUntilInitAddsTheColumn) {
  const PipelineMinute minute{.source = "raw log", .minute_us = 60, .new_rows = 3, .rejected = 2};
  expect_ok(open_log()->record(std::vector{minute}, 0));
  database_->run("ALTER TABLE hirestream_minutes DROP COLUMN rejected");
  const auto older = take(open_report()->minutes(0));
  ASSERT_EQ(older.size(), 1u);
  EXPECT_EQ(older[0].new_rows, 3);
  EXPECT_EQ(older[0].rejected, 0);
  EXPECT_FALSE(open_log()->record(std::vector{minute}, 0).has_value());
  expect_ok(warehouse_->init());
  expect_ok(warehouse_->init());  // nothing to do again
  expect_ok(open_log()->record(std::vector{minute}, 0));
  const auto newer = take(open_report()->minutes(0));
  ASSERT_EQ(newer.size(), 1u);
  EXPECT_EQ(newer[0].new_rows, 6);
  EXPECT_EQ(newer[0].rejected, 2);
}

TEST_P(ReportContract, SlicesOfAnOlderWarehouseAreNotCorrectedUntilInitAddsTheColumn) {
  SliceChange corrected = change({0, 18}, 0, ChangeMode::kReplace, {});
  corrected.entry.corrected_at_us = 21;
  ASSERT_EQ(verdict(commit_of({corrected})), CommitVerdict::kCommitted);
  EXPECT_EQ(take(open_report()->slices(1)).at(0).corrected_at_us, 21);
  database_->run("ALTER TABLE hirestream_slices DROP COLUMN corrected_at_us");
  EXPECT_EQ(take(open_report()->slices(1)).at(0).corrected_at_us, 0);
  const auto refused = warehouse_->load_ledger(source_, {}, INT64_MIN);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().hint, testing::HasSubstr("hirestream init"))
      << refused.error().text();
  expect_ok(warehouse_->init());
  expect_ok(warehouse_->init());  // nothing to do again
  EXPECT_EQ(take(warehouse_->load_ledger(source_, {}, INT64_MIN)).at(0).corrected_at_us, 0);
  corrected.entry.revision = 1;
  ASSERT_EQ(verdict(commit_of({corrected})), CommitVerdict::kCommitted);
  EXPECT_EQ(take(open_report()->slices(1)).at(0).corrected_at_us, 21);
}

TEST_P(ReportContract, MissingTablesAreToldFromOtherErrors) {
  database_->run("DROP TABLE hirestream_writers");
  const auto missing = report_->version();
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(lacks_tables(missing.error())) << missing.error().text();
  EXPECT_FALSE(lacks_tables({ErrorKind::kConfig, "read", "x", "denied", "ask for a grant"}));
  EXPECT_FALSE(lacks_tables({ErrorKind::kTransient, "read", "x", "lost", ""}));
}

TEST_P(ReportContract, WarehouseThatWasNeverMadeLacksItsTables) {
  const auto opened = [&]() -> Result<std::unique_ptr<Report>> {
    if (database_->is_sqlite()) {
      return open_sqlite_report(sqlite_path() + ".nowhere");
    }
    MysqlConfig config = mysql_config();
    config.database += "_nowhere";
    return open_mysql_report(config);
  }();
  ASSERT_FALSE(opened.has_value());
  EXPECT_TRUE(lacks_tables(opened.error())) << opened.error().text();
}

// --- verifications

Verification verification(const std::string& source, int64_t at_us) {
  return {source, at_us, 1, 2, 3, 4, 5, 6, 7, 8};
}

TEST_P(ReportContract, LastVerificationOfEachSourceIsKept) {
  EXPECT_THAT(take(report_->verifications()), IsEmpty());
  take(warehouse_->register_source({"a 'second' one", "files", {}}));
  const auto log = open_log();
  last_version_ = version();
  expect_ok(log->record_verification(verification("raw log", 2'000)));
  expect_changed("a verification");
  expect_ok(log->record_verification(verification("raw log", 3'000)));
  expect_ok(log->record_verification(verification("raw log", 1'000)));
  expect_ok(log->record_verification(verification("a 'second' one", 1'500)));
  expect_ok(log->record_verification(verification("nobody registered this", 9'000)));
  EXPECT_THAT(take(report_->verifications()),
              ElementsAre(verification("raw log", 3'000), verification("a 'second' one", 1'500)));
  EXPECT_EQ(verification("raw log", 1).differences(), 3 + 6 + 8);
}

TEST_P(ReportContract, OnlyTheNewestVerificationsOfASourceStay) {
  take(warehouse_->register_source({"other", "files", {}}));
  const auto log = open_log();
  expect_ok(log->record_verification(verification("other", 1)));
  for (int64_t i = 0; i < kVerificationsKept + 5; ++i) {
    expect_ok(log->record_verification(verification("raw log", 10'000 - i * 7)));
  }
  EXPECT_EQ(database_->value("SELECT COUNT(*) FROM hirestream_verifications"),
            std::to_string(kVerificationsKept + 1));
  EXPECT_EQ(database_->value("SELECT MIN(at_us) FROM hirestream_verifications WHERE at_us > 1"),
            std::to_string(10'000 - (kVerificationsKept - 1) * 7));
  EXPECT_EQ(take(report_->verifications()).size(), 2u);
}

TEST_P(ReportContract, WarehouseWithoutTheTableOfVerificationsHasNoneUntilInitMadeIt) {
  database_->run("DROP TABLE hirestream_verifications");
  EXPECT_THAT(take(report_->verifications()), IsEmpty());
  EXPECT_EQ(take(report_->quality()).size(), 1u);
  const auto refused = open_log()->record_verification(verification("raw log", 1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  commit_slice({0, 5});  // engines do without it
  expect_ok(warehouse_->init());
  expect_ok(open_log()->record_verification(verification("raw log", 1)));
  EXPECT_EQ(take(report_->verifications()).size(), 1u);
}

class ReportAccounts : public ReportContract {};

TEST_P(ReportAccounts, ReaderWithTheGrantsOfInitSeesEverything) {
  fill(20);
  MysqlConfig config = mysql_config();
  const std::string user = config.database + "_reader";
  std::string grants =
      least_privilege_grants({.database = config.database, .jobs_table = "jobs", .host = "%"});
  std::string line;
  database_->run("CREATE USER '" + user + "'@'%' IDENTIFIED BY 'pw-1'");
  for (size_t begin = 0; begin < grants.size(); begin = grants.find('\n', begin) + 1) {
    line = grants.substr(begin, grants.find('\n', begin) - begin);
    const size_t at = line.find("'hirestream_reader'");
    if (line.starts_with("GRANT") && at != std::string::npos) {
      database_->run(
          line.replace(at, std::string_view("'hirestream_reader'").size(), "'" + user + "'"));
    }
  }
  config.user = user;
  config.password = "pw-1";
  const auto reader = take(open_mysql_report(config));
  const ReportFilter all{kHour, kHour + 120, {}};
  EXPECT_EQ(take(reader->totals(all)), sum(cells_));
  EXPECT_EQ(take(reader->version()), version());
  EXPECT_EQ(take(reader->quality()).size(), 1u);
  EXPECT_THAT(take(reader->rejects()), IsEmpty());
  database_->run("INSERT INTO hirestream_kinds VALUES (1, 0, 9, 0, 'other', 'alive', 3, 0, '')");
  EXPECT_EQ(take(reader->not_counted()).size(), 1u);
  EXPECT_EQ(take(reader->slices(5)).size(), 1u);
  EXPECT_THAT(take(reader->minutes(0)), IsEmpty());
  EXPECT_FALSE(take(reader->names(Dimension::kJob, "", 5)).empty());
  expect_ok(open_log()->record_verification(verification("raw log", 1)));
  EXPECT_EQ(take(reader->verifications()).size(), 1u);
  const auto refused =
      take(open_mysql_pipeline_log(config))->record_verification(verification("raw log", 2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  // The grants of a version that did not know the table.
  database_->run("REVOKE SELECT ON `" + mysql_config().database +
                 "`.hirestream_verifications FROM '" + user + "'@'%'");
  EXPECT_THAT(take(reader->verifications()), IsEmpty());
  database_->run("REVOKE SELECT ON `" + mysql_config().database + "`.hirestream_slices FROM '" +
                 user + "'@'%'");
  const auto denied = reader->slices(5);
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(denied.error().hint, testing::HasSubstr("grant"));
  database_->run("DROP USER '" + user + "'@'%'");
}

INSTANTIATE_TEST_SUITE_P(Reports, ReportContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

// SQLite has no accounts.
INSTANTIATE_TEST_SUITE_P(Reports, ReportAccounts, testing::Values("mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
