// Pauses between attempts: 0.2 s, doubled up to 10 s, each shortened by up to half at random so
// that several engines do not knock at once. Pure but for the random numbers; one thread.
#pragma once

#include <cstdint>
#include <random>

namespace hirestream {

class RetryBackoff {
 public:
  static constexpr int64_t kFirstUs = 200'000;
  static constexpr int64_t kLongestUs = 10'000'000;

  RetryBackoff() : RetryBackoff(std::random_device()()) {}
  explicit RetryBackoff(uint64_t seed) : random_(seed) {}
  // The next pause in microseconds.
  int64_t next();
  // After a success.
  void reset() { attempts_ = 0; }
  // Failures since the last success.
  int attempts() const { return attempts_; }

 private:
  std::mt19937_64 random_;
  int attempts_ = 0;
};

}  // namespace hirestream
