// Who may count a source, among engines that wait for each other: a promise for a time, kept in
// the warehouse and measured by its clock. It only keeps them from taking the source from each
// other in turn; that no two of them count is the epochs' business (ports/warehouse.h, Fence).
//
// Threading: one thread at a time. Blocking. Errors: kTransient, and kConfig where the table or the
// right to it is missing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/result.h"
#include "ports/shard_leases.h"

namespace hirestream {

namespace sql {
class Session;
}

struct LeaseHolder {
  std::string owner;
  int64_t left_us = 0;
};

class Leases {
 public:
  explicit Leases(std::unique_ptr<sql::Session> session);
  ~Leases();

  // Nothing: for `lease_us` from now on `owner` has these shards of the source; 0 gives up what it
  // has. Else who has one of them still, for the longest time: nothing has changed.
  Result<std::optional<LeaseHolder>> take(const std::string& source,
                                          std::span<const int32_t> shards, const std::string& owner,
                                          int64_t lease_us);
  // What becomes of the leases of a source whose shards are shared (ports/shard_leases.h).
  Result<Share> share(const std::string& source, const ShareRequest& request);

 private:
  std::unique_ptr<sql::Session> session_;
};

}  // namespace hirestream
