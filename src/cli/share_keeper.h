// An engine's part of the shards of a source that several engines share (ports/shard_leases.h):
// leases of single shards, renewed by a thread of its own, which also finds out which are to be
// given up and which have become ours.
//
// Threading: one thread calls it. Blocking: refresh() asks the warehouse; the destructor waits for
// a request under way and gives everything up.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/open_warehouse.h"

namespace hirestream {

class ShareKeeper {
 public:
  // `settings` outlives it.
  ShareKeeper(const WarehouseSettings& settings, std::string source, std::vector<int32_t> shards,
              int64_t lease_us);
  ~ShareKeeper();

  // Asks at once, for the first time or because something may have changed.
  Result<void> refresh();
  // As ShareMember has it.
  std::vector<int32_t> wanted() const;
  void count(std::vector<int32_t> shards);

 private:
  void renew(const std::stop_token& stop);

  const WarehouseSettings& settings_;
  std::string source_;
  int64_t lease_us_;
  std::mutex asking_;  // leases_
  std::unique_ptr<Leases> leases_;
  mutable std::mutex mutex_;  // member_
  ShareMember member_;
  std::jthread thread_;
};

}  // namespace hirestream
