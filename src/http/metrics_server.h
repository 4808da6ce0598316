// The HTTP server of a process that has neither page nor warehouse: /livez, /readyz and /metrics.
// Access and limits as those of dashboard_server.h.
//
// Threading: start() returns when the server listens; it works on threads of its own until it is
// destroyed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/listen_address.h"
#include "model/result.h"

namespace hirestream {

struct MetricsServerOptions {
  ListenAddress address;
  std::string token;  // empty: none
  // What a person should read: refusals.
  std::function<void(const std::string& text)> warn = [](const std::string&) {};
  // The following are called from the server's threads, and must not block.
  std::function<std::string()> metrics;    // Prometheus text format
  std::function<std::string()> waits_for;  // of the process, one line each; none: it is ready
};

class MetricsServer {
 public:
  // kConfig: not allowed to listen there without a token, or the address cannot be had.
  static Result<std::unique_ptr<MetricsServer>> start(MetricsServerOptions options);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // Where it is: "http://127.0.0.1:8080/".
  std::string url() const;

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hirestream
