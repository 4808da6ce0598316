#include "pipeline/company_directory.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "simulation/fake_raw_log.h"
#include "simulation/fake_warehouse.h"
#include "simulation/world.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kIntervalUs = 30'000'000;

class TestClock : public Clock {
 public:
  int64_t now_us() override { return 1'700'000'000'000'000; }
};

// Answers what the test says.
class ToldJobDirectory : public JobDirectory {
 public:
  Result<Loaded<Job>> load() override {
    HIRESTREAM_ASSIGN(std::vector<Job> jobs, answer());
    return Loaded<Job>{std::move(jobs), {}};
  }
  Result<Loaded<Publisher>> load_publishers() override {
    HIRESTREAM_ASSIGN(std::vector<Publisher> found, publishers());
    return Loaded<Publisher>{std::move(found), {}};
  }

  void say(int64_t company) {
    answer = [company]() -> Result<std::vector<Job>> {
      return std::vector<Job>{{1, company, 0, 0, "", "", "", ""}};
    };
  }
  void fail_with(ErrorKind kind) {
    answer = [kind]() -> Result<std::vector<Job>> {
      return fail(kind, "load jobs", "jobs", "gone");
    };
  }

  std::function<Result<std::vector<Job>>()> answer;
  std::function<Result<std::vector<Publisher>>()> publishers = [] {
    return Result<std::vector<Publisher>>(std::vector<Publisher>());
  };
};

class RetriesObserver : public NullObserver {
 public:
  void on_retry(const Error& error, int attempt, int64_t delay_us) override {
    errors.push_back(error);
    attempts.push_back(attempt);
    EXPECT_EQ(delay_us, kIntervalUs);
  }
  std::vector<Error> errors;
  std::vector<int> attempts;
};

// Somebody else does something when the jobs were read.
class WatchedWarehouse : public FakeWarehouse {
 public:
  using FakeWarehouse::FakeWarehouse;
  Result<std::vector<Job>> load_jobs() override {
    auto jobs = FakeWarehouse::load_jobs();
    if (behind_load) {
      std::exchange(behind_load, nullptr)();
    }
    return fails ? fail(ErrorKind::kTransient, "load jobs", "warehouse", "gone") : std::move(jobs);
  }
  std::function<void()> behind_load;
  bool fails = false;
};

class CompanyDirectoryTest : public testing::Test {
 protected:
  CompanyDirectoryTest() { EXPECT_TRUE(companies_.load()); }

  World world_{1, 1'700'000'000'000'000, false};
  RawLog log_{SourceDescription{}, false};
  FakeEventSource source_{world_, log_, "engine"};
  WarehouseDatabase database_{world_};
  WatchedWarehouse warehouse_{world_, database_, "engine"};
  ToldJobDirectory jobs_;
  TestClock clock_;
  RetriesObserver observer_;
  CompanyDirectory companies_{EnginePorts{source_, warehouse_, &jobs_, clock_, observer_},
                              kIntervalUs};
};

TEST_F(CompanyDirectoryTest, WhatIsWrongAtFirstIsAnError) {
  for (const ErrorKind kind : {ErrorKind::kConfig, ErrorKind::kRejected, ErrorKind::kBug}) {
    jobs_.fail_with(kind);
    const auto refreshed = companies_.refresh();
    ASSERT_FALSE(refreshed);
    EXPECT_EQ(refreshed.error().kind, kind);
  }
  EXPECT_TRUE(observer_.errors.empty());
}

TEST_F(CompanyDirectoryTest, OneThatDoesNotAnswerIsWaitedFor) {
  jobs_.fail_with(ErrorKind::kTransient);
  EXPECT_TRUE(companies_.refresh());
  EXPECT_TRUE(companies_.refresh());
  EXPECT_EQ(observer_.attempts, (std::vector<int>{1, 2}));
  jobs_.say(7);
  EXPECT_TRUE(companies_.refresh());
  EXPECT_EQ(companies_.company_of(1), 7);
}

TEST_F(CompanyDirectoryTest, OnceReadItMayBeReplaced) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  for (const ErrorKind kind : {ErrorKind::kConfig, ErrorKind::kRejected, ErrorKind::kTransient}) {
    jobs_.fail_with(kind);
    EXPECT_TRUE(companies_.refresh());
    EXPECT_EQ(companies_.company_of(1), 7) << "the last known state stays in use";
  }
  EXPECT_EQ(observer_.attempts, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(observer_.errors.front().message, "gone");
  jobs_.say(8);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(companies_.company_of(1), 8);
  jobs_.fail_with(ErrorKind::kConfig);
  EXPECT_TRUE(companies_.refresh());
  EXPECT_EQ(observer_.attempts.back(), 1) << "counted from the last success";
}

TEST_F(CompanyDirectoryTest, AnEmptyOneTakesNothingAway) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  jobs_.answer = [] { return Result<std::vector<Job>>(std::vector<Job>()); };
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(companies_.company_of(1), 7);
}

TEST_F(CompanyDirectoryTest, OnlyWhatDiffersIsStored) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(warehouse_.jobs_version().value(), 1);
  EXPECT_EQ(companies_.version(), 1);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(warehouse_.jobs_version().value(), 1);
  jobs_.say(8);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(warehouse_.jobs_version().value(), 2);
  EXPECT_EQ(companies_.version(), 2);
}

TEST_F(CompanyDirectoryTest, WhatAnotherOneStoredIsKnownAtTheNextRefresh) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  const std::vector<Job> jobs = {{1, 8, 0, 0, "", "", "", ""}, {2, 9, 0, 0, "", "", "", ""}};
  ASSERT_TRUE(warehouse_.store_jobs(jobs, 1));
  EXPECT_LT(companies_.version(), warehouse_.jobs_version().value());
  jobs_.say(8);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(companies_.version(), warehouse_.jobs_version().value());
  EXPECT_EQ(companies_.company_of(1), 8);
  EXPECT_EQ(companies_.company_of(2), 9);
}

TEST_F(CompanyDirectoryTest, WhatIsStoredWhileItLoadsIsNotTakenForKnown) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  warehouse_.behind_load = [&] {
    const std::vector<Job> moved = {{1, 8, 0, 0, "", "", "", ""}};
    ASSERT_TRUE(FakeWarehouse(world_, database_, "another").store_jobs(moved, 1));
  };
  ASSERT_TRUE(companies_.load());
  EXPECT_EQ(companies_.company_of(1), 7);
  EXPECT_LT(companies_.version(), warehouse_.jobs_version().value());
}

TEST_F(CompanyDirectoryTest, ALoadThatFailsLeavesWhatWasKnown) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  const std::vector<Job> moved = {{1, 8, 0, 0, "", "", "", ""}};
  ASSERT_TRUE(FakeWarehouse(world_, database_, "another").store_jobs(moved, 1));
  warehouse_.fails = true;
  ASSERT_FALSE(companies_.load());
  EXPECT_EQ(companies_.company_of(1), 7);
  EXPECT_LT(companies_.version(), warehouse_.jobs_version().value());
}

// An older version compared nothing when it committed.
TEST_F(CompanyDirectoryTest, RowsOfAVersionThatDidNotCountStoredJobsGetTheirCompanies) {
  const CellKey known{.local_hour = 490'000, .job_id = 1};
  const CellKey gone{.local_hour = 490'000, .job_id = 2};
  const std::vector<Job> jobs = {{1, 8, 0, 0, "", "", "", ""}, {2, 9, 0, 0, "", "", "", ""}};
  ASSERT_TRUE(warehouse_.store_jobs(jobs, 1));
  Commit of_before;
  of_before.source = 1;
  of_before.token = 1;
  of_before.cells = {{known, Measures{.clicks = 1}, 7}, {gone, Measures{.clicks = 1}, 7}};
  ASSERT_TRUE(warehouse_.commit(of_before));
  database_.forget_jobs_version();
  jobs_.say(8);
  ASSERT_TRUE(companies_.refresh());
  EXPECT_EQ(database_.events().at(known).company_id, 8);
  EXPECT_EQ(database_.events().at(gone).company_id, 9);
}

TEST_F(CompanyDirectoryTest, PublishersThatAreMissingForAMomentAreNoError) {
  jobs_.say(7);
  ASSERT_TRUE(companies_.refresh());
  jobs_.publishers = []() -> Result<std::vector<Publisher>> {
    return fail(ErrorKind::kConfig, "load publishers", "publishers", "gone");
  };
  EXPECT_TRUE(companies_.refresh());
  EXPECT_EQ(observer_.errors.size(), 1U);
}

}  // namespace
}  // namespace hirestream::simulation
