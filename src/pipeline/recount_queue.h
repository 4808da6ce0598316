// Slices that wait to be counted whole, in the order in which they shall be. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/slice.h"

namespace hirestream {

class RecountQueue {
 public:
  bool contains(const SliceKey& key) const { return places_.contains(key); }
  // Nothing is ready and nothing is postponed.
  bool empty() const { return places_.empty(); }
  bool none_ready() const { return ready_.empty(); }
  size_t ready() const { return ready_.size(); }
  // All of them, postponed ones too, by key.
  const std::set<SliceKey>& keys() const { return keys_; }

  // A slice that is in the queue already stays where it is.
  void push_back(const SliceKey& key);
  // Before all others, in this order.
  void push_front(std::span<const SliceKey> keys);
  // One of the queue is ready again at that time only.
  void postpone(const SliceKey& key, int64_t until_us);
  void wake(int64_t now_us);
  void erase(const SliceKey& key);
  void clear();
  // The first ones that are ready, at most so many; they stay in the queue.
  std::vector<SliceKey> first(size_t count) const;

 private:
  struct Place {
    bool postponed = false;
    // Rank among the ready ones, or the time until which it is postponed.
    int64_t at = 0;
  };
  void take_out(const SliceKey& key, const Place& place);

  std::map<int64_t, SliceKey> ready_;
  std::set<std::pair<int64_t, SliceKey>> postponed_;
  std::unordered_map<SliceKey, Place, SliceKeyHash> places_;
  std::set<SliceKey> keys_;
  int64_t front_ = 0;
  int64_t back_ = 0;
};

}  // namespace hirestream
