// Tells the service manager how the process is, as sd_notify(3) does: datagrams of KEY=VALUE lines
// to the socket that NOTIFY_SOCKET names. Nowhere to send to: nothing happens. Thread-safe; a call
// waits for the manager at most a second, and what cannot be sent is lost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hirestream {

class ServiceNotifier {
 public:
  // NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID is this process or missing.
  static ServiceNotifier from_environment();
  // `socket`: a path, or an abstract name behind '@'; empty: nobody listens. `watchdog_us`: how
  // long the manager waits for alive() before it ends the process; 0: for ever.
  explicit ServiceNotifier(const std::string& socket, int64_t watchdog_us = 0);
  ~ServiceNotifier();
  ServiceNotifier(ServiceNotifier&& other) noexcept;
  ServiceNotifier& operator=(ServiceNotifier&&) = delete;

  int64_t watchdog_us() const { return watchdog_us_; }

  void ready() const;
  void alive() const;
  void stopping() const;
  // For people: `systemctl status` shows it.
  void status(std::string text) const;

 private:
  void send(std::string_view message) const;

  std::string address_;
  int64_t watchdog_us_;
  int socket_ = -1;
};

}  // namespace hirestream
