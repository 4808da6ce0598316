#include "pipeline/recount_queue.h"

namespace hirestream {

void RecountQueue::push_back(const SliceKey& key) {
  if (places_.emplace(key, Place{false, back_}).second) {
    ready_.emplace(back_++, key);
    keys_.insert(key);
  }
}

void RecountQueue::push_front(std::span<const SliceKey> keys) {
  for (size_t i = keys.size(); i-- > 0;) {
    if (places_.emplace(keys[i], Place{false, front_ - 1}).second) {
      ready_.emplace(--front_, keys[i]);
      keys_.insert(keys[i]);
    }
  }
}

void RecountQueue::take_out(const SliceKey& key, const Place& place) {
  if (place.postponed) {
    postponed_.erase({place.at, key});
  } else {
    ready_.erase(place.at);
  }
}

void RecountQueue::postpone(const SliceKey& key, int64_t until_us) {
  Place& place = places_.at(key);
  take_out(key, place);
  place = {true, until_us};
  postponed_.emplace(until_us, key);
}

void RecountQueue::wake(int64_t now_us) {
  while (!postponed_.empty() && postponed_.begin()->first <= now_us) {
    const SliceKey key = postponed_.begin()->second;
    postponed_.erase(postponed_.begin());
    places_[key] = {false, back_};
    ready_.emplace(back_++, key);
  }
}

void RecountQueue::erase(const SliceKey& key) {
  if (const auto place = places_.find(key); place != places_.end()) {
    take_out(key, place->second);
    places_.erase(place);
    keys_.erase(key);
  }
}

void RecountQueue::clear() {
  *this = RecountQueue();
}

std::vector<SliceKey> RecountQueue::first(size_t count) const {
  std::vector<SliceKey> out;
  for (auto key = ready_.begin(); key != ready_.end() && out.size() < count; ++key) {
    out.push_back(key->second);
  }
  return out;
}

}  // namespace hirestream
