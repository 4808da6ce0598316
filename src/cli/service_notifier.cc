#include "cli/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "config/values.h"

namespace hirestream {
namespace {

int64_t watchdog_of_environment() {
  const char* interval = std::getenv("WATCHDOG_USEC");
  const char* process = std::getenv("WATCHDOG_PID");
  if (interval == nullptr || (process != nullptr && process != std::to_string(getpid()))) {
    return 0;
  }
  return std::max<int64_t>(0, parse_int64(interval).value_or(0));
}

}  // namespace

ServiceNotifier ServiceNotifier::from_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return ServiceNotifier(socket == nullptr ? "" : socket, watchdog_of_environment());
}

ServiceNotifier::ServiceNotifier(const std::string& socket, int64_t watchdog_us)
    : address_(socket), watchdog_us_(watchdog_us) {
  sockaddr_un address{};
  const bool named = address_.starts_with('/') || address_.starts_with('@');
  if (!named || address_.size() >= sizeof(address.sun_path)) {
    return;
  }
  if (address_.front() == '@') {
    address_.front() = '\0';
  }
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  if (socket_ >= 0) {
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
}

ServiceNotifier::ServiceNotifier(ServiceNotifier&& other) noexcept
    : address_(std::move(other.address_)),
      watchdog_us_(other.watchdog_us_),
      socket_(std::exchange(other.socket_, -1)) {}

ServiceNotifier::~ServiceNotifier() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

void ServiceNotifier::ready() const {
  send("READY=1");
}

void ServiceNotifier::alive() const {
  send("WATCHDOG=1");
}

void ServiceNotifier::stopping() const {
  send("STOPPING=1");
}

void ServiceNotifier::status(std::string text) const {
  std::ranges::replace(text, '\n', ' ');
  send("STATUS=" + text);
}

void ServiceNotifier::send(std::string_view message) const {
  if (socket_ < 0) {
    return;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // A manager that does not take it (it is being started anew) is told the next time.
  [[maybe_unused]] const ssize_t sent =
      sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace hirestream
