#include "tests/integration/cassandra/loopback_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/result.h"

namespace hirestream {

LoopbackListener::LoopbackListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  HIRESTREAM_CHECK(socket_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  HIRESTREAM_CHECK(::bind(socket_, generic, size) == 0);
  HIRESTREAM_CHECK(::listen(socket_, 16) == 0);
  HIRESTREAM_CHECK(::getsockname(socket_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
}

LoopbackListener::~LoopbackListener() {
  ::close(socket_);
}

}  // namespace hirestream
