// A listening TCP socket on 127.0.0.1, on a port that the system picks.
#pragma once

namespace hirestream {

class LoopbackListener {
 public:
  LoopbackListener();
  ~LoopbackListener();
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  int socket() const { return socket_; }
  int port() const { return port_; }

 private:
  int socket_;
  int port_ = 0;
};

}  // namespace hirestream
