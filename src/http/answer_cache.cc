#include "http/answer_cache.h"

#include <utility>

namespace hirestream {
namespace {

// What an entry takes beside its texts: nodes of the list and the map.
constexpr size_t kEntryBytes = 256;

}  // namespace

std::shared_ptr<const AnswerCache::Body> AnswerCache::get(const std::string& key, bool keep,
                                                          const std::function<Body()>& compute) {
  std::shared_ptr<Flight> flight;
  {
    std::unique_lock lock(mutex_);
    if (auto body = find(key)) {
      return body;
    }
    const auto [place, first] = flights_.try_emplace(key);
    if (!first) {
      return wait(lock, std::shared_ptr(place->second));
    }
    flight = place->second = std::make_shared<Flight>();
  }
  try {
    auto body = std::make_shared<const Body>(compute());
    land(key, *flight, keep && body->has_value(), body);
    return body;
  } catch (...) {  // nobody may wait for ever
    land(
        key, *flight, false,
        std::make_shared<const Body>(tl::unexpected(Problem{500, "the program is wrong", {}, {}})));
    throw;
  }
}

void AnswerCache::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  landed_.notify_all();
}

size_t AnswerCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::shared_ptr<const AnswerCache::Body> AnswerCache::find(const std::string& key) {
  const auto found = kept_.find(key);
  if (found == kept_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->body;
}

std::shared_ptr<const AnswerCache::Body> AnswerCache::wait(std::unique_lock<std::mutex>& lock,
                                                           const std::shared_ptr<Flight>& flight) {
  landed_.wait_for(lock, patience_, [&] { return stopped_ || flight->body != nullptr; });
  if (flight->body == nullptr) {
    return std::make_shared<const Body>(
        tl::unexpected(Problem{503, "the answer is still being computed", {}, {}}));
  }
  return flight->body;
}

void AnswerCache::land(const std::string& key, Flight& flight, bool keep,
                       std::shared_ptr<const Body> body) {
  const std::lock_guard lock(mutex_);
  flight.body = body;
  flights_.erase(key);
  if (keep) {
    store(key, std::move(body));
  }
  landed_.notify_all();
}

void AnswerCache::store(const std::string& key, std::shared_ptr<const Body> body) {
  const size_t bytes = 2 * key.size() + (*body)->size() + kEntryBytes;
  if (bytes > bytes_max_) {
    return;
  }
  while (bytes_ + bytes > bytes_max_) {
    bytes_ -= entries_.back().bytes;
    kept_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(body), bytes});
  kept_[key] = entries_.begin();
  bytes_ += bytes;
}

}  // namespace hirestream
