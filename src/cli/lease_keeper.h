// An engine's lease of its source: taken once nobody else has it, then renewed by a thread of its
// own, so that a long step of the engine does not end it, while a process that is stopped or dead
// does not renew it.
//
// Threading: one thread calls it. Blocking: acquire() asks the warehouse; the destructor waits for
// a renewal under way and gives the lease up.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/open_warehouse.h"

namespace hirestream {

// Of a lease: how often it is renewed, and how often what failed is tried again.
inline constexpr int64_t kRenewalsPerLease = 4;
inline constexpr int64_t kRetriesPerLease = 20;

struct LeaseRequest {
  std::string source;
  std::vector<int32_t> shards;
  int64_t lease_us = 0;
};

class LeaseKeeper {
 public:
  // `settings` outlives it.
  LeaseKeeper(const WarehouseSettings& settings, LeaseRequest request);
  ~LeaseKeeper();

  // Once more, while it is not held. Nothing: the lease is ours from now on. Else who has it.
  Result<std::optional<LeaseHolder>> acquire();
  bool held() const { return thread_.joinable(); }
  // Another engine has taken it: this process did nothing for too long. Not said of a warehouse
  // that cannot be reached, where nobody else can take it either.
  bool lost() const { return lost_; }

 private:
  Result<std::optional<LeaseHolder>> take(int64_t lease_us);
  void renew(const std::stop_token& stop);

  const WarehouseSettings& settings_;
  LeaseRequest request_;
  std::string owner_;
  std::unique_ptr<Leases> leases_;
  std::atomic<bool> lost_ = false;
  std::jthread thread_;
};

}  // namespace hirestream
