// What every SQL warehouse's leases must do: one owner at a time, by the warehouse's clock.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

#include "adapters/sql/leases.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

constexpr int64_t kLong = 3'600'000'000;
constexpr std::array<int32_t, 2> kBoth = {0, 1};
constexpr std::array<int32_t, 1> kFirst = {0};
constexpr std::array<int32_t, 1> kSecond = {1};

class LeasesContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    database_ = make_database(GetParam());
    const auto made = database_->open()->init();
    ASSERT_TRUE(made.has_value()) << made.error().text();
  }
  std::unique_ptr<sql::Session> session() { return open_session(*database_, GetParam()); }
  // Who has the lease that this owner asked for; "" if it is his now.
  std::string holder(const std::string& owner, std::span<const int32_t> shards, int64_t lease_us,
                     const std::string& source = "raw log") {
    Leases leases(session());
    const auto taken = leases.take(source, shards, owner, lease_us);
    EXPECT_TRUE(taken.has_value()) << taken.error().text();
    return taken && *taken ? (*taken)->owner : "";
  }

  std::unique_ptr<WarehouseDatabase> database_;
};

TEST_P(LeasesContract, OneOwnerAtATimeWhoMayRenewIt) {
  EXPECT_EQ(holder("a", kBoth, kLong), "");
  EXPECT_EQ(holder("b", kBoth, kLong), "a");
  EXPECT_EQ(holder("a", kBoth, kLong), "");
  Leases leases(session());
  const auto asked = leases.take("raw log", kBoth, "b", kLong);
  ASSERT_TRUE(asked.has_value() && *asked);
  EXPECT_GT((*asked)->left_us, kLong / 2);
  EXPECT_LE((*asked)->left_us, kLong);
}

TEST_P(LeasesContract, ShardsAndSourcesAreLeasedEachByItself) {
  EXPECT_EQ(holder("a", kFirst, kLong), "");
  EXPECT_EQ(holder("b", kSecond, kLong), "");
  EXPECT_EQ(holder("c", kBoth, kLong, "another"), "");
  // All or nothing.
  EXPECT_EQ(holder("a", kBoth, kLong), "b");
  EXPECT_EQ(holder("b", kSecond, 0), "");
  EXPECT_EQ(holder("a", kBoth, kLong), "");
}

TEST_P(LeasesContract, EndsAfterItsTime) {
  EXPECT_EQ(holder("a", kBoth, 1'000'000), "");
  EXPECT_EQ(holder("b", kBoth, kLong), "a");
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(holder("b", kBoth, kLong), "");
  EXPECT_EQ(holder("a", kBoth, kLong), "b");
}

TEST_P(LeasesContract, IsGivenUpByItsOwnerAlone) {
  EXPECT_EQ(holder("a", kBoth, kLong), "");
  EXPECT_EQ(holder("b", kBoth, 0), "a");
  EXPECT_EQ(holder("b", kBoth, kLong), "a");
  EXPECT_EQ(holder("a", kBoth, 0), "");
  EXPECT_EQ(holder("b", kBoth, kLong), "");
}

TEST_P(LeasesContract, OfManyAtTheSameMomentOneGetsIt) {
  constexpr size_t kOwners = 6;
  std::barrier start(kOwners);
  std::vector<int> got(kOwners);
  std::vector<std::unique_ptr<Leases>> leases;
  for (size_t i = 0; i < kOwners; ++i) {
    leases.push_back(std::make_unique<Leases>(session()));
  }
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kOwners; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        // A deadlock or a busy file may be answered with an error that passes.
        for (int tries = 0; tries < 20; ++tries) {
          const auto taken = leases[i]->take("raw log", kBoth, fmt::format("owner {}", i), kLong);
          if (taken) {
            got[i] = *taken ? 0 : 1;
            return;
          }
          EXPECT_EQ(taken.error().kind, ErrorKind::kTransient) << taken.error().text();
        }
        ADD_FAILURE() << "no answer";
      });
    }
  }
  EXPECT_EQ(std::count(got.begin(), got.end(), 1), 1);
}

// --- shared shards (ports/shard_leases_test.cc has what becomes of them)

class SharedLeases : public LeasesContract {
 protected:
  static ShareRequest request_of(const std::string& owner, int32_t member) {
    return {
        .owner = owner, .member = member, .shards = {0, 1, 2, 3}, .keep = {}, .lease_us = kLong};
  }
  Share ask(ShareRequest& request) {
    Leases leases(session());
    const auto share = leases.share("raw log", request);
    EXPECT_TRUE(share.has_value()) << share.error().text();
    if (!share) {
      return {};
    }
    request.keep = share->held;
    std::erase_if(request.keep, [&share](int32_t shard) {
      return std::count(share->surplus.begin(), share->surplus.end(), shard) > 0;
    });
    return *share;
  }
};

TEST_P(SharedLeases, AreKeptInTheWarehouse) {
  ShareRequest first = request_of("a", -1);
  ShareRequest second = request_of("b", -2);
  EXPECT_EQ(ask(first).held, (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(ask(second).held, std::vector<int32_t>());
  EXPECT_EQ(ask(first).surplus, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(ask(first).held, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(ask(second).held, (std::vector<int32_t>{2, 3}));
  // Whoever wants all of them waits for both.
  EXPECT_NE(holder("c", kBoth, kLong), "");
  second.lease_us = 0;
  ask(second);
  EXPECT_EQ(ask(first).held, (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(database_->number("SELECT COUNT(*) FROM hirestream_leases"), 5);
}

TEST_P(SharedLeases, EndAfterTheirTime) {
  ShareRequest first = request_of("a", -1);
  first.lease_us = 1'000'000;
  ShareRequest second = request_of("b", -2);
  ask(first);
  ask(second);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(ask(second).held, (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(ask(first).held, std::vector<int32_t>());
}

TEST_P(SharedLeases, OfManyAtTheSameMomentNoTwoHaveTheSameShard) {
  constexpr size_t kOwners = 4;
  std::barrier start(kOwners);
  std::vector<std::vector<int32_t>> held(kOwners);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kOwners; ++i) {
      // Opened here: that asks the database's one connection of this test.
      threads.emplace_back([&, i, own = session()]() mutable {
        ShareRequest request = request_of(fmt::format("owner {}", i), -1 - static_cast<int32_t>(i));
        Leases leases(std::move(own));
        start.arrive_and_wait();
        for (int tries = 0; tries < 20; ++tries) {
          const auto share = leases.share("raw log", request);
          if (share) {
            held[i] = share->held;
            return;
          }
          EXPECT_EQ(share.error().kind, ErrorKind::kTransient) << share.error().text();
        }
        ADD_FAILURE() << "no answer";
      });
    }
  }
  std::vector<int32_t> all;
  for (const auto& shards : held) {
    all.insert(all.end(), shards.begin(), shards.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (std::vector<int32_t>{0, 1, 2, 3}));
}

INSTANTIATE_TEST_SUITE_P(Leases, SharedLeases, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });
INSTANTIATE_TEST_SUITE_P(Leases, LeasesContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
