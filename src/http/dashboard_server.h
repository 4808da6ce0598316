// The HTTP server of docs/api/openapi.yaml: the built-in page, the API behind it, the live stream,
// health and metrics. Read only.
//
// Access: on a loopback address everybody on the machine may ask, under a name of the loopback
// address only; elsewhere the server does not start without a token, and the API, the stream and
// the metrics want it (the page itself holds no data, and /livez tells nothing but that the process
// lives). TLS is a proxy's work.
// Limits: a fixed number of threads, Reports, streams and connections; deadlines for heads, readers
// and idle connections; bounded heads and answers (http_server.h).
//
// Threading: start() returns when the server listens; it works on threads of its own until it is
// destroyed, which ends open streams.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "http/assets.h"
#include "http/change_feed.h"
#include "http/listen_address.h"
#include "ports/clock.h"
#include "ports/observer.h"
#include "ports/report.h"

namespace hirestream {

struct DashboardOptions {
  ListenAddress address;
  std::string token;  // empty: none
  std::string product_version;
  std::span<const Asset> assets;
  OpenReport open_report;  // called from several threads
  // Prometheus text format; null: there is no /metrics. May be called from several threads.
  std::function<Result<std::string>(Report&)> metrics;
  size_t streams_max = 32;
  size_t reports_max = 4;
};

class DashboardServer {
 public:
  // kConfig: not allowed to listen there without a token, or the address cannot be had. The clock
  // outlives the server.
  static Result<std::unique_ptr<DashboardServer>> start(DashboardOptions options, Clock& clock);
  ~DashboardServer();
  DashboardServer(const DashboardServer&) = delete;
  DashboardServer& operator=(const DashboardServer&) = delete;

  // Where the page is: "http://127.0.0.1:8080/".
  std::string url() const;
  // An engine of this process has committed: streams are told at once.
  void notify_commit(int64_t freshness_us);

 private:
  class Impl;
  explicit DashboardServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Tells a server of the commits of this process's engines. Thread-safe; outlived by the server.
class CommitSignal : public NullObserver {
 public:
  explicit CommitSignal(DashboardServer& server) : server_(server) {}
  void on_commit(const CommitReport& report) override {
    server_.notify_commit(report.freshness_us);
  }

 private:
  DashboardServer& server_;
};

}  // namespace hirestream
