#include "cli/service_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace hirestream {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

// The service manager's end of the socket.
class Manager {
 public:
  explicit Manager(std::string name) : name_(std::move(name)) {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string bytes = name_;
    if (bytes.front() == '@') {
      bytes.front() = '\0';
    }
    std::memcpy(address.sun_path, bytes.data(), bytes.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + bytes.size());
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0);
  }
  ~Manager() {
    close(socket_);
    unlink(name_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // What was told since the last call.
  std::vector<std::string> told() {
    std::vector<std::string> all;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
      if (size < 0) {
        return all;
      }
      all.emplace_back(buffer.data(), static_cast<size_t>(size));
    }
  }

 private:
  std::string name_;
  int socket_ = -1;
};

class ServiceWatchTest : public testing::Test {
 protected:
  static constexpr int64_t kWatchdogUs = 4'000'000;

  void pass(int seconds) { now_ += std::chrono::seconds(seconds); }

  std::string name_ = testing::TempDir() + "hirestream-notify-" + std::to_string(getpid());
  Manager manager_{name_};
  ServiceNotifier notifier_{name_, kWatchdogUs};
  ServiceWatch::Steady::time_point now_ = ServiceWatch::Steady::now();
  ServiceWatch watch_{notifier_, [this] { return now_; }};
};

TEST_F(ServiceWatchTest, IsReadyOnceEveryEngineHasStarted) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  ServiceWatch::Seat& two = watch_.take_seat("two");
  one.started();
  EXPECT_THAT(manager_.told(), ElementsAre("STATUS=starting"));
  two.started();
  EXPECT_THAT(manager_.told(), ElementsAre("READY=1", "STATUS=counting"));
  two.stepped();
  EXPECT_THAT(manager_.told(), ElementsAre());
}

TEST_F(ServiceWatchTest, DoesNotWaitForAnEngineThatHasEnded) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  ServiceWatch::Seat& two = watch_.take_seat("two");
  two.ended();
  EXPECT_THAT(manager_.told(), Not(Contains("READY=1")));
  one.started();
  EXPECT_THAT(manager_.told(), Contains("READY=1"));
}

TEST_F(ServiceWatchTest, TellsThatItIsAliveFourTimesInTheWatchdogsTime) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.started();
  manager_.told();
  one.beat();
  EXPECT_THAT(manager_.told(), ElementsAre());
  for (int second = 0; second < 10; ++second) {
    pass(1);
    one.on_read(1, 1, 1);
    EXPECT_THAT(manager_.told(), ElementsAre("WATCHDOG=1"));
    one.beat();
    EXPECT_THAT(manager_.told(), ElementsAre());
  }
}

TEST_F(ServiceWatchTest, OneStuckEngineSilencesTheWatchdogHoweverBusyTheOthersAre) {
  ServiceWatch::Seat& busy = watch_.take_seat("busy");
  ServiceWatch::Seat& stuck = watch_.take_seat("stuck");
  busy.started();
  stuck.started();
  pass(1);
  busy.beat();
  EXPECT_THAT(manager_.told(), Contains("WATCHDOG=1"));
  for (int second = 0; second < 20; ++second) {
    pass(1);
    busy.stepped();
  }
  EXPECT_THAT(manager_.told(), Not(Contains("WATCHDOG=1")));
  stuck.ended();
  EXPECT_THAT(manager_.told(), Contains("WATCHDOG=1"));
}

TEST_F(ServiceWatchTest, StatusSaysWhatIsWaitedFor) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.on_retry({ErrorKind::kTransient, "connect", "mysql:3306", "refused\nagain", ""}, 1, 1);
  EXPECT_THAT(manager_.told(), ElementsAre("STATUS=one waits: connect mysql:3306: refused again"));
  one.started();
  EXPECT_THAT(manager_.told(), ElementsAre("READY=1", "STATUS=counting"));
}

TEST_F(ServiceWatchTest, IsNotReadyBeforeItsEnginesHaveStarted) {
  EXPECT_EQ(watch_.waits_for(), "no engine has begun\n");
  ServiceWatch::Seat& one = watch_.take_seat("one");
  watch_.take_seat("two").started();
  EXPECT_EQ(watch_.waits_for(), "one: recovering: its engine has not started yet\n");
  one.started();
  EXPECT_EQ(watch_.waits_for(), "");
}

TEST_F(ServiceWatchTest, IsNotReadyWhileNothingIsReadThoughItIsTriedAgain) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.started();
  pass(60);
  EXPECT_EQ(watch_.waits_for(), "");
  pass(1);
  one.on_retry({ErrorKind::kTransient, "connect", "mysql:3306", "refused", ""}, 1, 1);
  one.beat();
  EXPECT_EQ(watch_.waits_for(), "one: stale: nothing read for 61 s\n");
  one.on_read(1, 1, 1);
  EXPECT_EQ(watch_.waits_for(), "");
}

TEST_F(ServiceWatchTest, IsNotReadyWhileWhatIsReadCannotBeCommitted) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.started();
  const Error locked{ErrorKind::kTransient, "run INSERT INTO events", "mysql:3306", "lock", ""};
  for (int round = 0; round < 4; ++round) {
    EXPECT_EQ(watch_.waits_for(), "");
    one.on_retry(locked, 1, 0);
    pass(10);
    one.failed();
    one.on_retry(locked, 2, 5'000'000);
    pass(10);
    one.on_read(1, 1, 1);
  }
  EXPECT_EQ(watch_.waits_for(), "one: nothing committed for 70 s: " + locked.text() + "\n");
  one.on_commit({});
  EXPECT_EQ(watch_.waits_for(), "");
}

// Reading may take many minutes until there is something to commit.
TEST_F(ServiceWatchTest, IsReadyWhileItReadsOnAfterAFailure) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.started();
  one.failed();
  one.on_retry({ErrorKind::kTransient, "read", "cassandra:9042", "refused", ""}, 1, 5'000'000);
  for (int read = 0; read < 20; ++read) {
    pass(10);
    one.on_read(1, 1, 1);
  }
  EXPECT_EQ(watch_.waits_for(), "");
  // Of something else that goes on without it: the table of jobs.
  one.stepped();
  for (int round = 0; round < 10; ++round) {
    one.on_retry({ErrorKind::kTransient, "load jobs", "mysql:3306", "refused", ""}, 1, 30'000'000);
    pass(30);
    one.on_read(1, 1, 1);
  }
  EXPECT_EQ(watch_.waits_for(), "");
}

TEST_F(ServiceWatchTest, IsNotReadyWhileASliceIsHeld) {
  ServiceWatch::Seat& one = watch_.take_seat("one");
  one.started();
  one.stepped(2);
  EXPECT_EQ(watch_.waits_for(), "one: slices held: 2\n");
  one.stepped();
  EXPECT_EQ(watch_.waits_for(), "");
}

TEST_F(ServiceWatchTest, IsNotReadyWithoutOneOfItsEngines) {
  watch_.take_seat("one").started();
  watch_.take_seat("two").ended(true);
  watch_.take_seat("three").ended();
  EXPECT_EQ(watch_.waits_for(),
            "two: fenced: another engine counts\nthree: its engine has ended\n");
}

TEST(ServiceNotifier, SendsToAbstractNames) {
  const std::string name = "@hirestream-notify-" + std::to_string(getpid());
  Manager manager(name);
  ServiceNotifier(name).stopping();
  EXPECT_THAT(manager.told(), ElementsAre("STOPPING=1"));
}

TEST(ServiceNotifier, NobodyToTellIsNoFailure) {
  ServiceNotifier("").ready();
  ServiceNotifier("/nowhere/at/all").ready();
  ServiceNotifier(std::string(200, '/')).ready();
  ServiceNotifier("vsock:1:2").ready();
}

TEST(ServiceNotifier, TakesTheWatchdogsTimeOfThisProcessAlone) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_us(), 30'000'000);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_us(), 30'000'000);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_us(), 0);
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(ServiceNotifier::from_environment().watchdog_us(), 0);
  unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace hirestream
