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
    auto listening = HttpServer::listen({.host = "127.0.0.1", .port = 0}, 2);
    ASSERT_TRUE(listening.has_value()) << listening.error().text();
    server_ = std::move(*listening);
    address_ = {.host = "127.0.0.1", .port = server_->port()};
    ASSERT_TRUE(server_->serve(handler_).has_value());
  }

  // 0: no answer.
  int ask(const char* path) { return ask_http(address_, path, kPatience).value_or(0); }

  ScriptedHandler handler_;
  std::unique_ptr<HttpServer> server_;
  ListenAddress address_;
};

TEST_F(HttpServerTest, WhoConnectsBeforeItServesIsAnsweredThen) {
  auto listening = HttpServer::listen({.host = "127.0.0.1", .port = 0}, 1);
  ASSERT_TRUE(listening.has_value());
  const ListenAddress address{.host = "127.0.0.1", .port = (*listening)->port()};
  EXPECT_FALSE(ask_http(address, "/here", milliseconds(200)));
  auto early =
      std::async(std::launch::async, [&] { return ask_http(address, "/here", kPatience); });
  EXPECT_EQ(early.wait_for(milliseconds(200)), std::future_status::timeout);
  ASSERT_TRUE((*listening)->serve(handler_).has_value());
  EXPECT_EQ(early.get().value_or(0), 200);
  EXPECT_FALSE((*listening)->serve(handler_).has_value()) << "twice";
}

TEST_F(HttpServerTest, OneThatNeverServesEnds) {
  EXPECT_TRUE(HttpServer::listen({.host = "127.0.0.1", .port = 0}, 1).has_value());
}

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
  const auto second = HttpServer::listen(address_, 1);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(second.error().text(), testing::HasSubstr("in use"));
}

TEST_F(HttpServerTest, NameWithoutAnAddressIsAnError) {
  EXPECT_FALSE(HttpServer::listen({.host = "no.such.name.invalid", .port = 0}, 1));
}

}  // namespace
}  // namespace hirestream
