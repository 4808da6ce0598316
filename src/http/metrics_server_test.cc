#include "http/metrics_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <string>

#include "http/http_server.h"

namespace hirestream {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kAnswerPatience{10};

class MetricsServerTest : public testing::Test {
 protected:
  Result<void> serve(const std::string& host, const std::string& token) {
    MetricsServerOptions options;
    options.address = {.host = host, .port = 0};
    options.token = token;
    options.metrics = [this] {
      ++scrapes_;
      return std::string("a_metric 1\n");
    };
    options.waits_for = [this] { return std::string(waits_ ? "for somebody\n" : ""); };
    HIRESTREAM_ASSIGN(server_, MetricsServer::start(std::move(options)));
    return {};
  }
  int ask(const char* path) {
    const std::string url = server_->url();
    const auto port = static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    return ask_http({.host = "127.0.0.1", .port = port}, path, kAnswerPatience).value_or(0);
  }

  std::atomic<int> scrapes_ = 0;
  std::atomic<bool> waits_ = false;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ServesMetricsLifeAndReadinessAndNothingElse) {
  ASSERT_TRUE(serve("127.0.0.1", ""));
  EXPECT_EQ(ask("/metrics"), 200);
  EXPECT_EQ(scrapes_, 1);
  EXPECT_EQ(ask("/livez"), 200);
  EXPECT_EQ(ask("/readyz"), 200);
  waits_ = true;
  EXPECT_EQ(ask("/readyz"), 503);
  EXPECT_EQ(ask("/livez"), 200);
  EXPECT_EQ(ask("/"), 404);
  EXPECT_EQ(ask("/api/v1/kpis"), 404);
}

TEST_F(MetricsServerTest, WantsTheTokenForMetricsAlone) {
  ASSERT_TRUE(serve("0.0.0.0", "a token that is long"));
  EXPECT_EQ(ask("/metrics"), 401);
  EXPECT_EQ(scrapes_, 0);
  EXPECT_EQ(ask("/livez"), 200);
  EXPECT_EQ(ask("/readyz"), 200);
}

TEST_F(MetricsServerTest, DoesNotListenForOtherMachinesWithoutAToken) {
  const auto started = serve("0.0.0.0", "");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(started.error().text(), HasSubstr("HIRESTREAM_HTTP_TOKEN"));
}

}  // namespace
}  // namespace hirestream
