// Stands between client and server on a port of its own and cuts connections after so many bytes
// from the server, so many times.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cassandra/loopback_listener.h"

namespace hirestream {

class FlakyProxy {
 public:
  // `server`: host:port, IPv4.
  FlakyProxy(const std::string& server, size_t bytes_before_cut, int cuts);
  ~FlakyProxy();
  FlakyProxy(const FlakyProxy&) = delete;
  FlakyProxy& operator=(const FlakyProxy&) = delete;

  std::string address() const;  // host:port
  int cuts_left() const { return cuts_left_; }

 private:
  void accept_all(const std::stop_token& stop);
  void serve(int client, const std::stop_token& stop);

  std::string server_;
  size_t bytes_before_cut_;
  std::atomic<int> cuts_left_;
  LoopbackListener listener_;
  std::vector<std::jthread> connections_;
  std::jthread acceptor_;
};

}  // namespace hirestream
