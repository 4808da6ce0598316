#include "http/answer_cache.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

namespace hirestream {
namespace {

using namespace std::chrono_literals;
using Body = AnswerCache::Body;

constexpr size_t kPlenty = 1 << 20;

class Counted {
 public:
  explicit Counted(AnswerCache& cache) : cache_(cache) {}
  std::string ask(const std::string& key, bool keep = true) {
    return **cache_.get(key, keep, [&]() -> Body {
      ++computed;
      return "answer of " + key;
    });
  }
  int computed = 0;

 private:
  AnswerCache& cache_;
};

TEST(AnswerCache, KeepsAnswersByKey) {
  AnswerCache cache(kPlenty, 10s);
  Counted asked(cache);
  EXPECT_EQ(asked.ask("a"), "answer of a");
  EXPECT_EQ(asked.ask("b"), "answer of b");
  EXPECT_EQ(asked.ask("a"), "answer of a");
  EXPECT_EQ(asked.computed, 2);
}

TEST(AnswerCache, DoesNotKeepWhatItWasToldNotToKeep) {
  AnswerCache cache(kPlenty, 10s);
  Counted asked(cache);
  asked.ask("a", false);
  asked.ask("a", false);
  EXPECT_EQ(asked.computed, 2);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(AnswerCache, ForgetsWhatWasNotAskedForTheLongest) {
  AnswerCache cache(2000, 10s);  // three of some 540 bytes
  const auto compute = [](int& count) {
    return [&count]() -> Body {
      ++count;
      return std::string(280, 'x');
    };
  };
  int a = 0;
  int b = 0;
  int others = 0;
  cache.get("a", true, compute(a));
  cache.get("b", true, compute(b));
  for (int i = 0; i < 20; ++i) {
    cache.get("a", true, compute(a));
    cache.get(fmt::format("other {}", i), true, compute(others));
    EXPECT_LE(cache.bytes(), 2000u);
  }
  cache.get("b", true, compute(b));
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 2);
  EXPECT_EQ(others, 20);
  EXPECT_GT(cache.bytes(), 1000u);
}

TEST(AnswerCache, AnswerLargerThanEverythingIsGivenAndNotKept) {
  AnswerCache cache(1000, 10s);
  Counted asked(cache);
  asked.ask("a");
  EXPECT_EQ((*cache.get("large", true, []() -> Body { return std::string(5000, 'x'); }))->size(),
            5000u);
  asked.ask("a");
  EXPECT_EQ(asked.computed, 1);
}

TEST(AnswerCache, ProblemIsNotKept) {
  AnswerCache cache(kPlenty, 10s);
  const auto failed =
      cache.get("a", true, []() -> Body { return tl::unexpected(Problem{503, "lost", {}, {}}); });
  ASSERT_FALSE(failed->has_value());
  EXPECT_EQ(failed->error().detail, "lost");
  EXPECT_EQ(**cache.get("a", true, []() -> Body { return "there again"; }), "there again");
}

TEST(AnswerCache, ThreadsThatAskTheSameAtOnceComputeItOnce) {
  AnswerCache cache(kPlenty, 60s);
  constexpr int kThreads = 16;
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> computed = 0;
    std::latch begin(kThreads);
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        begin.arrive_and_wait();
        // Without keeping, only joining can spare a computation; the pause lets everybody come.
        const auto body = cache.get(fmt::format("round {}", round), round % 2 == 0, [&]() -> Body {
          ++computed;
          std::this_thread::sleep_for(20ms);
          return fmt::format("answer {}", round);
        });
        EXPECT_EQ(**body, fmt::format("answer {}", round));
      });
    }
    threads.clear();
    if (round % 2 == 0) {
      EXPECT_EQ(computed, 1);
    } else {
      EXPECT_LT(computed, kThreads);
    }
  }
}

TEST(AnswerCache, DifferentQuestionsDoNotWaitForEachOther) {
  AnswerCache cache(kPlenty, 60s);
  std::latch inside(2);
  const auto meet = [&]() -> Body {
    inside.arrive_and_wait();
    return "met";
  };
  std::jthread other([&] { cache.get("a", true, meet); });
  EXPECT_EQ(**cache.get("b", true, meet), "met");
}

TEST(AnswerCache, EverybodyWhoWaitsIsToldOfTheProblemAndTheNextComputesAnew) {
  AnswerCache cache(kPlenty, 60s);
  std::latch computing(1);
  std::atomic<int> told = 0;
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    const auto body = cache.get("a", true, [&]() -> Body {
      computing.count_down();
      std::this_thread::sleep_for(100ms);
      return tl::unexpected(Problem{503, "lost", {}, {}});
    });
    told += body->has_value() ? 0 : 1;
  });
  computing.wait();
  threads.emplace_back([&] {
    const auto body = cache.get("a", true, []() -> Body { return "computed anew"; });
    told += body->has_value() ? 0 : 1;
  });
  threads.clear();
  EXPECT_EQ(told, 2);
  EXPECT_EQ(**cache.get("a", true, []() -> Body { return "fine"; }), "fine");
}

TEST(AnswerCache, PatienceEndsAWait) {
  AnswerCache cache(kPlenty, 20ms);
  std::latch computing(1);
  std::latch end(1);
  std::jthread slow([&] {
    cache.get("a", true, [&]() -> Body {
      computing.count_down();
      end.wait();
      return "late";
    });
  });
  computing.wait();
  const auto body = cache.get("a", true, []() -> Body { return "never asked"; });
  ASSERT_FALSE(body->has_value());
  EXPECT_EQ(body->error().status, 503);
  end.count_down();
}

TEST(AnswerCache, ExceptionReachesWhoComputesAndEndsTheWaitOfOthers) {
  AnswerCache cache(kPlenty, 60s);
  EXPECT_THROW(cache.get("a", true, []() -> Body { throw std::runtime_error("x"); }),
               std::runtime_error);
  EXPECT_EQ(**cache.get("a", true, []() -> Body { return "fine"; }), "fine");
}

TEST(AnswerCache, ManyThreadsOverFewKeysStayWithinTheBound) {
  AnswerCache cache(4000, 60s);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = fmt::format("key {}", (i * 7 + t) % 23);
        const bool fails = i % 11 == 0;
        const auto body = cache.get(key, true, [&]() -> Body {
          if (fails) {
            return tl::unexpected(Problem{503, key, {}, {}});
          }
          return key + std::string(200, '.');
        });
        EXPECT_TRUE(body->has_value() ? (*body)->starts_with(key) : body->error().detail == key);
        if (i % 100 == 0) {
          EXPECT_LE(cache.bytes(), 4000u);
        }
      }
    });
  }
}

}  // namespace
}  // namespace hirestream
