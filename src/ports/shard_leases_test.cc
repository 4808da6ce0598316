#include "ports/shard_leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kLease = 10;

// Engines that ask in turn and do at once what they are told.
class Engines {
 public:
  explicit Engines(int32_t shards) : shards_(static_cast<size_t>(shards)) {
    std::iota(shards_.begin(), shards_.end(), 0);
  }

  Share ask(int id, int64_t lease = kLease) {
    Engine& engine = engines_[id];
    const Share share = exchange_leases(rows_,
                                        {.owner = std::to_string(id),
                                         .member = -1 - id,
                                         .shards = shards_,
                                         .keep = engine.keep,
                                         .lease_us = lease},
                                        now_);
    engine.keep = share.held;
    std::erase_if(engine.keep, [&share](int32_t shard) {
      return std::find(share.surplus.begin(), share.surplus.end(), shard) != share.surplus.end();
    });
    return share;
  }
  std::vector<int32_t> shards_of(int id) const {
    const auto engine = engines_.find(id);
    return engine == engines_.end() ? std::vector<int32_t>() : engine->second.keep;
  }
  void ask_all(std::initializer_list<int> ids, int rounds = 6) {
    for (int round = 0; round < rounds; ++round) {
      for (const int id : ids) {
        ask(id);
      }
    }
  }
  void wait(int64_t time) { now_ += time; }
  std::vector<LeaseRow>& rows() { return rows_; }

 private:
  struct Engine {
    std::vector<int32_t> keep;
  };
  std::vector<int32_t> shards_;
  std::vector<LeaseRow> rows_;
  std::map<int, Engine> engines_;
  int64_t now_ = 1000;
};

TEST(ShardLeases, OneAloneHasAll) {
  Engines engines(3);
  EXPECT_THAT(engines.ask(1).held, ElementsAre(0, 1, 2));
  EXPECT_THAT(engines.ask(1).surplus, IsEmpty());
}

TEST(ShardLeases, AnotherOneGetsItsPartOnceTheFirstHasGivenItUp) {
  Engines engines(4);
  engines.ask(1);
  EXPECT_THAT(engines.ask(2).held, IsEmpty());
  const Share first = engines.ask(1);
  EXPECT_THAT(first.held, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(first.surplus, ElementsAre(2, 3));
  EXPECT_THAT(engines.ask(2).held, IsEmpty()) << "it has not given them up yet";
  EXPECT_THAT(engines.ask(1).held, ElementsAre(0, 1));
  EXPECT_THAT(engines.ask(2).held, ElementsAre(2, 3));
}

TEST(ShardLeases, ShardsOfOneThatIsSilentAreTakenWhenItsLeaseIsOver) {
  Engines engines(4);
  engines.ask_all({1, 2});
  engines.wait(kLease - 1);
  engines.ask(1);
  EXPECT_THAT(engines.shards_of(1), ElementsAre(0, 1));
  engines.wait(1);
  EXPECT_THAT(engines.ask(1).held, ElementsAre(0, 1, 2, 3));
  // Back again, it knows that it has lost them.
  EXPECT_THAT(engines.ask(2).held, IsEmpty());
}

TEST(ShardLeases, OneThatLeavesIsFollowedAtOnce) {
  Engines engines(4);
  engines.ask_all({1, 2});
  EXPECT_THAT(engines.ask(2, 0).held, IsEmpty());
  EXPECT_THAT(engines.ask(1).held, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(engines.rows().size(), 5u) << "four shards and one engine";
}

TEST(ShardLeases, NobodyIsLeftWithoutOneWhileAnotherHasTwo) {
  Engines engines(4);
  engines.ask_all({1, 2});
  engines.ask_all({1, 2, 3}, 10);
  std::multiset<size_t> counts;
  for (const int id : {1, 2, 3}) {
    counts.insert(engines.shards_of(id).size());
  }
  EXPECT_THAT(counts, ElementsAre(1, 1, 2));
}

TEST(ShardLeases, EnginesMayBeMoreThanShards) {
  Engines engines(2);
  engines.ask_all({1, 2, 3});
  EXPECT_EQ(engines.shards_of(1).size() + engines.shards_of(2).size(), 2u);
  EXPECT_THAT(engines.shards_of(3), IsEmpty());
}

TEST(ShardLeases, AMemberKeepsWhatItCountsUntilItHasStopped) {
  ShareMember member("a", -1, {3, 1, 0, 2}, kLease);
  member.take({{0, 1, 2, 3}, {2, 3}});
  member.count({0, 1, 2, 3});
  EXPECT_THAT(member.wanted(), ElementsAre(0, 1));
  EXPECT_THAT(member.request().keep, ElementsAre(0, 1, 2, 3));
  member.count({0, 1});
  EXPECT_THAT(member.request().keep, ElementsAre(0, 1));
  EXPECT_THAT(member.request().shards, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(member.farewell().lease_us, 0);
}

// Whoever comes and goes: no shard has two owners, and once all is quiet each engine has its part,
// which does not change any more.
TEST(ShardLeases, WhateverHappensTheyAreBalancedInTheEnd) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto at_most = [&random](int most) {
      return std::uniform_int_distribution<int>(0, most)(random);
    };
    const int shards = 1 + at_most(11);
    Engines engines(shards);
    std::set<int> living = {0};
    for (int i = 0; i < 200; ++i) {
      const int id = at_most(5);
      if (at_most(20) == 0) {
        if (living.erase(id) == 0) {
          living.insert(id);
        }
      }
      if (living.contains(id)) {
        engines.ask(id);
      } else if (at_most(20) == 0) {
        engines.ask(id, 0);
      }
      engines.wait(at_most(1));
    }
    living.insert(0);
    engines.wait(kLease);
    std::map<int, std::vector<int32_t>> before;
    for (int round = 0; round < 30; ++round) {
      before.clear();
      for (const int id : living) {
        engines.ask(id);
        before[id] = engines.shards_of(id);
      }
    }
    std::set<int32_t> all;
    for (const int id : living) {
      const auto mine = engines.shards_of(id);
      all.insert(mine.begin(), mine.end());
      const auto least = static_cast<size_t>(shards) / living.size();
      EXPECT_GE(mine.size(), least) << "seed " << seed;
      EXPECT_LE(mine.size(), least + 1) << "seed " << seed;
      engines.ask(id);
      EXPECT_EQ(engines.shards_of(id), before[id]) << "seed " << seed;
    }
    EXPECT_EQ(all.size(), static_cast<size_t>(shards)) << "seed " << seed;
  }
}

TEST(TakeLeases, AllOfTheShardsOrNone) {
  const std::vector<int32_t> both = {0, 1};
  std::vector<LeaseRow> rows = {{0, "a", 20}, {1, "b", 30}, {2, "c", 90}, {-1, "d", 90}};
  const std::vector<LeaseRow> before = rows;
  EXPECT_EQ(take_leases(rows, both, "a", kLease, 15), (LeaseRow{1, "b", 30}));
  EXPECT_EQ(take_leases(rows, both, "d", kLease, 15), (LeaseRow{1, "b", 30}));
  EXPECT_EQ(rows, before);
  // A lease ends with its time.
  EXPECT_EQ(take_leases(rows, both, "a", kLease, 30), std::nullopt);
  EXPECT_THAT(rows, testing::UnorderedElementsAre(LeaseRow{0, "a", 40}, LeaseRow{1, "a", 40},
                                                  LeaseRow{2, "c", 90}, LeaseRow{-1, "d", 90}));
  // Given up by its owner alone.
  EXPECT_EQ(take_leases(rows, both, "b", 0, 31), (LeaseRow{0, "a", 40}));
  EXPECT_EQ(take_leases(rows, both, "a", 0, 31), std::nullopt);
  EXPECT_EQ(take_leases(rows, both, "b", kLease, 31), std::nullopt);
}

}  // namespace
}  // namespace hirestream
