#include "tests/integration/cassandra/flaky_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "model/result.h"

namespace hirestream {
namespace {

constexpr int kPollMs = 50;

int connect_to(const std::string& server) {
  const size_t colon = server.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(server.c_str() + colon + 1)));
  ::inet_pton(AF_INET, server.substr(0, colon).c_str(), &address.sin_addr);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  HIRESTREAM_CHECK(socket >= 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(socket);
    return -1;
  }
  return socket;
}

// Bytes moved; 0: the connection has ended.
size_t move_bytes(int from, int to) {
  std::array<char, 16'384> buffer{};
  const ssize_t received = ::recv(from, buffer.data(), buffer.size(), 0);
  for (ssize_t sent = 0; sent < received;) {
    const ssize_t size =
        ::send(to, buffer.data() + sent, static_cast<size_t>(received - sent), MSG_NOSIGNAL);
    if (size <= 0) {
      return 0;
    }
    sent += size;
  }
  return received > 0 ? static_cast<size_t>(received) : 0;
}

}  // namespace

FlakyProxy::FlakyProxy(const std::string& server, size_t bytes_before_cut, int cuts)
    : server_(server), bytes_before_cut_(bytes_before_cut), cuts_left_(cuts) {
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

FlakyProxy::~FlakyProxy() {
  acceptor_.request_stop();
  acceptor_.join();
  connections_.clear();
}

std::string FlakyProxy::address() const {
  return "127.0.0.1:" + std::to_string(listener_.port());
}

void FlakyProxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{.fd = listener_.socket(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMs) == 1) {
      const int client = ::accept(listener_.socket(), nullptr, nullptr);
      connections_.emplace_back(
          [this, client](const std::stop_token& token) { serve(client, token); });
    }
  }
}

void FlakyProxy::serve(int client, const std::stop_token& stop) {
  const int upstream = connect_to(server_);
  size_t bytes = 0;
  bool open = upstream >= 0;
  while (open && !stop.stop_requested()) {
    std::array<pollfd, 2> both = {pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = upstream, .events = POLLIN, .revents = 0}};
    if (::poll(both.data(), both.size(), kPollMs) <= 0) {
      continue;
    }
    if (both[0].revents != 0) {
      open = move_bytes(client, upstream) > 0;
    }
    if (open && both[1].revents != 0) {
      const size_t moved = move_bytes(upstream, client);
      bytes += moved;
      open = moved > 0 && !(bytes > bytes_before_cut_ && cuts_left_.fetch_sub(1) > 0);
    }
  }
  ::close(client);
  if (upstream >= 0) {
    ::close(upstream);
  }
}

}  // namespace hirestream
