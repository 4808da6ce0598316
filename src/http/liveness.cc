#include "http/liveness.h"

#include <fmt/format.h>
#include <httplib.h>

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
  httplib::Client client(reachable_host(address.host), address.port);
  client.set_connection_timeout(patience);
  client.set_read_timeout(patience);
  client.set_write_timeout(patience);
  const httplib::Result answer = client.Get(kLivenessPath);
  if (!answer) {
    return failed(fmt::format("no answer ({})", httplib::to_string(answer.error())));
  }
  if (answer->status != 200) {
    return failed(fmt::format("answered with status {}", answer->status));
  }
  return {};
}

}  // namespace hirestream
