#include "http/dashboard_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

namespace hirestream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Result<std::unique_ptr<Report>> cannot_open() {
  return fail(ErrorKind::kTransient, "open", "warehouse", "down");
}

class AnyClock : public Clock {
 public:
  int64_t now_us() override { return 1'788'000'000'000'000; }
};

class DashboardServerTest : public testing::Test {
 protected:
  void serve(DashboardOptions options) {
    options.address = {.host = "127.0.0.1", .port = 0};
    auto started = DashboardServer::start(std::move(options), clock_);
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
    const std::string url = server_->url();
    port_ = static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }

  // The whole answer, head and body.
  std::string get(const std::string& path, const std::string& field = "") const {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + field + "Connection: close\r\n\r\n";
    EXPECT_EQ(send(client, request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char part[4096];
    for (ssize_t size = 0; (size = recv(client, part, sizeof(part), 0)) > 0;) {
      answer.append(part, static_cast<size_t>(size));
    }
    close(client);
    return answer;
  }

  AnyClock clock_;
  std::unique_ptr<DashboardServer> server_;
  uint16_t port_ = 0;
};

TEST_F(DashboardServerTest, EndsWhileMetricsWaitForAReport) {
  DashboardOptions options;
  std::promise<void> opening;
  options.open_report = [&opening, ending = options.ending.get_token()] {
    opening.set_value();
    while (!ending.stop_requested()) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    std::this_thread::sleep_for(milliseconds(100));  // the server waits for its workers by then
    return cannot_open();
  };
  std::atomic<int> told = 0;
  options.metrics = [&told](Report*) {
    ++told;
    return std::string("a_metric 1\n");
  };
  serve(std::move(options));
  auto answer = std::async(std::launch::async, [this] { return get("/metrics"); });
  opening.get_future().wait();
  server_.reset();
  EXPECT_EQ(told, 1);
  answer.wait();
}

TEST_F(DashboardServerTest, AsksTheWarehouseOnceASecondHoweverManyAskForReadiness) {
  DashboardOptions options;
  std::atomic<int> opened = 0;
  options.open_report = [&opened] {
    ++opened;
    return cannot_open();
  };
  serve(std::move(options));
  const auto begin = steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    const std::string answer = get("/readyz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(answer, HasSubstr("the warehouse does not answer"));
  }
  const auto seconds = (steady_clock::now() - begin) / std::chrono::seconds(1);
  EXPECT_GE(opened, 1);
  EXPECT_LE(opened, seconds + 1);
}

TEST_F(DashboardServerTest, TellsWhyItIsNotReadyOnlyWithTheToken) {
  DashboardOptions options;
  options.token = "correct-horse-battery";
  options.open_report = cannot_open;
  serve(std::move(options));
  for (int i = 0; i < 2; ++i) {  // from the warehouse, and from memory
    EXPECT_THAT(get("/readyz"), EndsWith("\r\n\r\nnot ready\n"));
  }
  EXPECT_THAT(get("/readyz", "Authorization: Bearer correct-horse-battery\r\n"),
              HasSubstr("the warehouse does not answer"));
}

}  // namespace
}  // namespace hirestream
