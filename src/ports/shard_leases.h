// How engines share the shards of one source: each shard is leased to one of them for a time, by
// rows that all of them see. What becomes of the rows when one of them asks is decided here, by a
// pure function; whoever keeps the rows calls it while nobody else changes them (adapters/sql).
//
// A lease is only manners, as that of `--standby`: that no two engines count a shard is the epochs'
// business (ports/warehouse.h, Fence).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hirestream {

struct LeaseRow {
  // ≥ 0: a shard, leased until then. < 0: an engine that wants to have shards, alive until then.
  int32_t shard = 0;
  std::string owner;
  int64_t until_us = 0;
  friend bool operator==(const LeaseRow&, const LeaseRow&) = default;
};

struct ShareRequest {
  // Unique among all that ever were.
  std::string owner;
  // < 0: the row that says that it is alive. Unique among the living.
  int32_t member = -1;
  // All shards that are shared, ascending.
  std::vector<int32_t> shards;
  // Of those that it was given: which it goes on to count. The others are given up.
  std::vector<int32_t> keep;
  // From now on; 0: it leaves.
  int64_t lease_us = 0;
};

struct Share {
  // Its shards, ascending.
  std::vector<int32_t> held;
  // Of these: to be given up, for another engine has too few. It stops to count them, then leaves
  // them out of `keep`.
  std::vector<int32_t> surplus;
  friend bool operator==(const Share&, const Share&) = default;
};

// Changes all rows of the source as this request wants it. Of N shards and M living engines each
// gets N / M, rounded up or down.
Share exchange_leases(std::vector<LeaseRow>& rows, const ShareRequest& request, int64_t now_us);

// With `--standby`: all of `shards` or none. Nothing: they are `owner`'s from now on (`lease_us` 0:
// no longer). Else the one that another engine has for the longest time; nothing has changed.
std::optional<LeaseRow> take_leases(std::vector<LeaseRow>& rows, std::span<const int32_t> shards,
                                    const std::string& owner, int64_t lease_us, int64_t now_us);

// One of the engines: what it asks for, and which shards it is to count. Not thread-safe.
class ShareMember {
 public:
  // owner … lease_us as in ShareRequest.
  ShareMember(std::string owner, int32_t member, std::vector<int32_t> shards, int64_t lease_us);

  // What it still counts is kept, and what it is about to count.
  ShareRequest request() const;
  ShareRequest farewell() const;
  void take(Share share) { share_ = std::move(share); }
  // Which shards it is to count, ascending.
  std::vector<int32_t> wanted() const;
  // It counts these from now on, and no others.
  void count(std::vector<int32_t> shards) { counted_ = std::move(shards); }
  const std::vector<int32_t>& counted() const { return counted_; }

 private:
  ShareRequest request_;
  Share share_;
  std::vector<int32_t> counted_;
};

}  // namespace hirestream
