#include "cli/background_jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace hirestream {
namespace {

// Answers when it is let.
class SlowDirectory : public JobDirectory {
 public:
  explicit SlowDirectory(std::atomic<int>& may_answer, std::atomic<int>& loads)
      : may_answer_(may_answer), loads_(loads) {}
  Result<Loaded<Job>> load() override {
    const int number = ++loads_;
    may_answer_.wait(number - 1);
    Loaded<Job> out;
    out.entries.resize(1);
    out.entries[0].job_id = number;
    return out;
  }
  Result<Loaded<Publisher>> load_publishers() override {
    Loaded<Publisher> out;
    out.entries.resize(static_cast<size_t>(loads_));
    return out;
  }

 private:
  std::atomic<int>& may_answer_;
  std::atomic<int>& loads_;
};

TEST(BackgroundJobDirectory, NobodyWaitsForWhatIsBeingRead) {
  std::atomic<int> may_answer = 1;
  std::atomic<int> loads = 0;
  BackgroundJobDirectory directory(std::make_unique<SlowDirectory>(may_answer, loads));
  EXPECT_EQ(directory.load()->entries[0].job_id, 1);
  EXPECT_EQ(directory.load_publishers()->entries.size(), 1U);
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(directory.ready());
  }
  may_answer = 2;
  may_answer.notify_all();
  while (!directory.ready()) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(directory.ready());  // still to be taken
  EXPECT_EQ(directory.load()->entries[0].job_id, 2);
  EXPECT_EQ(directory.load_publishers()->entries.size(), 2U);
  EXPECT_EQ(loads, 2);
}

TEST(BackgroundJobDirectory, ErrorsAreThoseOfTheDirectory) {
  class Broken : public JobDirectory {
    Result<Loaded<Job>> load() override {
      return fail(ErrorKind::kTransient, "load", "jobs", "connection refused");
    }
    Result<Loaded<Publisher>> load_publishers() override { return Loaded<Publisher>(); }
  };
  BackgroundJobDirectory directory(std::make_unique<Broken>());
  EXPECT_EQ(directory.load().error().message, "connection refused");
  EXPECT_EQ(directory.load().error().kind, ErrorKind::kTransient);
}

}  // namespace
}  // namespace hirestream
