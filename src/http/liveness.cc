#include "http/liveness.h"

#include <fmt/format.h>

#include "http/http_server.h"

namespace hirestream {
namespace {

std::string reachable_host(const std::string& host) {
  return host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
}

}  // namespace

Result<void> ask_alive(const ListenAddress& address, std::chrono::milliseconds patience) {
  const auto failed = [&address](const std::string& message) {
    return fail(ErrorKind::kTransient, "ask whether alive", address.text() + kLivenessPath, message,
                "is `hirestream run --http` or `hirestream dashboard` running there?");
  };
  const auto status =
      ask_http({reachable_host(address.host), address.port}, kLivenessPath, patience);
  if (!status) {
    return failed(status.error().message);
  }
  if (*status != 200) {
    return failed(fmt::format("answered with status {}", *status));
  }
  return {};
}

}  // namespace hirestream
