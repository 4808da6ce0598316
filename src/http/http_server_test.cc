#include "http/http_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hirestream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPatience{10'000};

// "/work" answers when it is let go, "/throw" and "/throw-work" do not answer, "/later" is delayed.
class ScriptedHandler : public HttpHandler {
 public:
  std::atomic<int> working = 0;
  std::atomic<bool> let_go = false;
  std::atomic<int> refused = 0;

  Routed route(const HttpRequest& request, HttpReply& reply) override {
    if (request.target == "/throw") {
      reply.set_status(204);
      throw std::runtime_error("no answer");
    }
    if (request.target == "/later") {
      reply.set_status(401);
      return Routed::kDelayed;
    }
    return request.target == "/here" ? Routed::kAnswered : Routed::kWork;
  }

  void work(const HttpRequest& request, HttpReply& reply) override {
    if (request.target == "/throw-work") {
      throw std::bad_alloc();
    }
    ++working;
    while (!let_go) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    reply.set_body("done");
  }

  void refuse(int status, HttpReply& reply) override {
    ++refused;
    reply.set_status(status);
  }

  void stream_ended() override {}
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = HttpServer::start({.host = "127.0.0.1", .port = 0}, 2, handler_);
    ASSERT_TRUE(started.has_value()) << started.error().text();
    server_ = std::move(*started);
    address_ = {.host = "127.0.0.1", .port = server_->port()};
  }

  // 0: no answer.
  int ask(const char* path) { return ask_http(address_, path, kPatience).value_or(0); }

  ScriptedHandler handler_;
  std::unique_ptr<HttpServer> server_;
  ListenAddress address_;
};

TEST_F(HttpServerTest, ExceptionOfAHandlerIsAnError) {
  EXPECT_EQ(ask("/throw"), 500);
  EXPECT_EQ(ask("/throw-work"), 500);
  EXPECT_EQ(ask("/here"), 200);
  EXPECT_EQ(server_->counters().answers[5], 2U);
}

TEST_F(HttpServerTest, DelayedAnswerTakesHalfASecondAndHoldsNobodyUp) {
  const auto begin = steady_clock::now();
  auto later = std::async(std::launch::async, [this] { return ask("/later"); });
  EXPECT_EQ(ask("/here"), 200);
  EXPECT_EQ(later.get(), 401);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(500));
}

TEST_F(HttpServerTest, BusyWorkersHoldUpNeitherRoutedAnswersNorTheQueueForLong) {
  std::vector<std::future<int>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(std::async(std::launch::async, [this] { return ask("/work"); }));
  }
  while (handler_.working < 2) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  const auto begin = steady_clock::now();
  EXPECT_EQ(ask("/here"), 200);
  EXPECT_LT(steady_clock::now() - begin, milliseconds(1000));
  EXPECT_EQ(ask("/work"), 503);
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
  handler_.let_go = true;
  for (auto& answer : busy) {
    EXPECT_EQ(answer.get(), 200);
  }
}

TEST_F(HttpServerTest, TakenAddressIsAnErrorThatNamesIt) {
  const auto second = HttpServer::start(address_, 1, handler_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(second.error().text(), testing::HasSubstr("in use"));
}

TEST_F(HttpServerTest, NameWithoutAnAddressIsAnError) {
  EXPECT_FALSE(HttpServer::start({.host = "no.such.name.invalid", .port = 0}, 1, handler_));
}

}  // namespace
}  // namespace hirestream
