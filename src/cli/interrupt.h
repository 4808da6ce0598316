// SIGINT and SIGTERM as a stop_token. Created first in main, before any other thread: it blocks
// both signals for the process and waits for them on a thread of its own.
//
// Once somebody has asked for token(), the first signal requests a stop and a second one ends the
// process at once with exit code 130; signals within half a second are one. Before that, the first
// signal ends the process: nobody would notice a request. Thread-safe.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace hirestream {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Whoever takes it promises to look at it often.
  std::stop_token token();
  // As a signal would: for a part of the process that wants all of it to end.
  void request_stop();
  bool requested() const { return source_.stop_requested(); }
  // The signal that arrived, 0 if none.
  int signal() const { return signal_.load(); }

 private:
  void wait_for_signals(const std::stop_token& ending);

  std::stop_source source_;
  std::atomic<bool> awaited_ = false;
  std::atomic<int> signal_ = 0;
  std::jthread thread_;
};

}  // namespace hirestream
