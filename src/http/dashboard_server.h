// The HTTP server of docs/api/openapi.yaml: the built-in page, the API behind it, the live stream,
// health and metrics. Read only.
//
// Access: on a loopback address everybody on the machine may ask, under a name of the loopback
// address only; elsewhere the server does not start without a token, and the API, the stream and
// the metrics want it (the page itself holds no data; /livez and /readyz tell yes or no, and the
// reason only to who has it). TLS is a proxy's work.
// Limits: a fixed number of threads, Reports, streams and connections; deadlines for heads, readers
// and idle connections; bounded heads and answers (http_server.h).
//
// Threading: start() returns when the server listens; it works on threads of its own until it is
// destroyed, which ends open streams.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
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
  // Asked to stop when the server ends: questions under way are not waited for.
  std::stop_source ending;
  // What a person should read: refusals, and why an answer was an error. From several threads.
  std::function<void(const std::string& text)> warn = [](const std::string&) {};
  // Prometheus text format, whether a Report can be had or not (null); empty: there is no /metrics.
  // Called from one thread at a time.
  std::function<std::string(Report*)> metrics;
  // What the process waits for, one line each; none: it is ready. Must not block. Empty: it is
  // ready when the warehouse answers.
  std::function<std::string()> waits_for;
  bool samples = false;  // values of rejected rows are shown, which may be personal data
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
