#include "http/liveness.h"

#include <gmock/gmock.h>

#include <chrono>

#include "http/dashboard_server.h"

namespace hirestream {
namespace {

using testing::HasSubstr;

class StandingClock : public Clock {
 public:
  int64_t now_us() override { return 0; }
};

class Liveness : public testing::Test {
 protected:
  // A server without a warehouse that anybody could reach, on a port that is free.
  void serve(const std::string& host, const std::string& token) {
    DashboardOptions options;
    options.address = {.host = host, .port = 0};
    options.token = token;
    options.open_report = []() -> Result<std::unique_ptr<Report>> {
      return fail(ErrorKind::kTransient, "connect", "warehouse", "nobody answers");
    };
    auto started = DashboardServer::start(std::move(options), clock_);
    ASSERT_TRUE(started.has_value()) << started.error().text();
    server_ = std::move(*started);
    const std::string url = server_->url();
    const size_t port = url.rfind(':') + 1;
    address_ = {.host = host, .port = static_cast<uint16_t>(std::stoi(url.substr(port)))};
  }

  StandingClock clock_;
  std::unique_ptr<DashboardServer> server_;
  ListenAddress address_;
};

TEST_F(Liveness, IsToldWithoutWarehouse) {
  serve("127.0.0.1", "");
  const auto alive = ask_alive(address_);
  EXPECT_TRUE(alive.has_value()) << alive.error().text();
}

TEST_F(Liveness, IsToldWithoutTokenByOneThatListensEverywhere) {
  serve("0.0.0.0", "secret");
  const auto alive = ask_alive(address_);
  EXPECT_TRUE(alive.has_value()) << alive.error().text();
}

TEST_F(Liveness, OfNobodyIsAnErrorThatNamesTheAddress) {
  serve("127.0.0.1", "");
  server_.reset();
  const auto alive = ask_alive(address_, std::chrono::seconds(1));
  ASSERT_FALSE(alive.has_value());
  EXPECT_EQ(alive.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(alive.error().subject, HasSubstr(address_.text() + "/livez"));
  EXPECT_THAT(alive.error().message, HasSubstr("no answer"));
}

}  // namespace
}  // namespace hirestream
