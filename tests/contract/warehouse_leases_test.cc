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

INSTANTIATE_TEST_SUITE_P(Leases, LeasesContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
