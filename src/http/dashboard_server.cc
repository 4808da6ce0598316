#include "http/dashboard_server.h"

#include <fmt/format.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "http/api.h"
#include "http/http_server.h"
#include "http/liveness.h"
#include "http/report_pool.h"
#include "http/request_guard.h"
#include "http/target.h"
#include "http/warehouse_readiness.h"

namespace hirestream {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kReportPatience{2};
constexpr std::chrono::seconds kWarningPause{10};
constexpr const char* kStreamPath = "/api/v1/stream";
constexpr const char* kPageMissing = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hirestream</title>
<h1>The page is not part of this build</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>dashboard/</code>, then build the program again
(CMake option <code>HIRESTREAM_DASHBOARD_DIST</code> names another folder).</p>
<p>The API works: <a href="/api/v1/meta">/api/v1/meta</a>, <a href="/api/v1/kpis">/api/v1/kpis</a>.</p>
</html>
)";

}  // namespace

class DashboardServer::Impl : private HttpHandler {
 public:
  Impl(DashboardOptions options, Clock& clock, std::unique_ptr<HttpServer> server)
      : options_(std::move(options)),
        guard_(options_.address, options_.token, options_.warn),
        pool_(options_.open_report, options_.reports_max + 1),  // one for what is reserved
        api_(options_.product_version, options_.samples, clock, pool_),
        server_(std::move(server)),
        feed_(options_.open_report, clock, options_.streams_max,
              [this](const std::string& event) { server_->publish(event); }) {}

  ~Impl() override {
    feed_.stop();  // nothing is published from now on
    options_.ending.request_stop();
    pool_.stop();
    api_.stop();
    server_->stop();  // workers ask it for its counters meanwhile
  }

  Result<void> serve() { return server_->serve(*this); }

  std::string url() const { return guard_.url(server_->port()); }

  void notify_commit(int64_t freshness_us) { feed_.wake(freshness_us); }

 private:
  Routed route(const HttpRequest& request, HttpReply& reply) override {
    const auto target = guard_.admit(request, reply);
    return target ? route_target(*target, request, reply) : Routed::kAnswered;
  }

  Routed route_target(const Target& target, const HttpRequest& request, HttpReply& reply) {
    const std::string& path = target.path;
    if (answer_asset(path, request, reply)) {
      return Routed::kAnswered;
    }
    if (path == kLivenessPath) {
      set_alive(reply);
      return Routed::kAnswered;
    }
    const bool may_see = guard_.may_see(request);
    if (path == kReadinessPath) {
      return answer_readiness(may_see, reply);
    }
    if (!may_see) {
      return guard_.refuse_without_token(request, reply);
    }
    return path == kStreamPath    ? answer_stream(target, request, reply)
           : path == kMetricsPath ? Routed::kReserved
                                  : Routed::kWork;
  }

  // Why an answer is an error, which clients are not told. Not more often than somebody can read.
  void note_cause(const std::string& cause) {
    {
      const std::lock_guard lock(cause_mutex_);
      const auto now = Steady::now();
      if (cause.empty() || now < cause_due_) {
        return;
      }
      cause_due_ = now + kWarningPause;
    }
    options_.warn("a question could not be answered: " + cause);
  }

  Routed answer_readiness(bool may_see, HttpReply& reply) {
    const auto waits_for =
        options_.waits_for ? options_.waits_for() : warehouse_readiness_.known(Steady::now());
    if (!waits_for) {
      return Routed::kReserved;
    }
    set_readiness(*waits_for, may_see, reply);
    return Routed::kAnswered;
  }

  // For a process without engines.
  std::string warehouse_waits_for() {
    auto report = pool_.borrow(kReportPatience);
    const bool answers = report && (**report).version().has_value();
    return answers ? "" : "the warehouse does not answer, or has no tables yet\n";
  }

  bool answer_asset(const std::string& path, const HttpRequest& request, HttpReply& reply) {
    const Asset* asset = find_asset(options_.assets, path);
    if (asset == nullptr) {
      if (path != "/" && path != "/index.html") {
        return false;
      }
      set_content(reply, kPageMissing, "text/html; charset=utf-8");
      reply.set_field("Cache-Control", "no-store");
      return true;
    }
    const bool packed = !asset->gzip.empty() && request.accepts_gzip;
    const std::string etag = fmt::format("\"{}{}\"", asset->tag, packed ? "-gzip" : "");
    reply.set_field("ETag", etag);
    reply.set_field("Vary", "Accept-Encoding");
    reply.set_field("Cache-Control", "no-cache");
    if (matches_etag(request.if_none_match, etag)) {
      reply.set_status(304);
      return true;
    }
    if (packed) {
      reply.set_field("Content-Encoding", "gzip");
    }
    reply.set_field("Content-Type", asset->content_type);
    reply.set_static_body(packed ? asset->gzip : asset->body);
    return true;
  }

  Routed answer_stream(const Target& target, const HttpRequest& request, HttpReply& reply) {
    if (const auto query = Query::read(target.query, {}); !query) {
      set_problem(reply, query.error());
      return Routed::kAnswered;
    }
    if (request.method == "GET") {
      const auto first = feed_.join();
      if (!first) {
        set_problem(
            reply,
            {503,
             fmt::format("{} streams are open, more there may not be", options_.streams_max),
             {},
             {}},
            "10");
        return Routed::kAnswered;
      }
      reply.set_body(*first);
    }
    reply.set_field("Content-Type", "text/event-stream");
    reply.set_field("Cache-Control", "no-store");
    reply.set_field("X-Accel-Buffering", "no");
    return request.method == "GET" ? Routed::kStream : Routed::kAnswered;
  }

  void stream_ended() override { feed_.leave(); }

  void refuse(int status, HttpReply& reply) override { set_refusal(status, reply); }

  void work(const HttpRequest& request, HttpReply& reply) override {
    set_security_fields(reply);
    auto target = parse_target(request.target);
    if (target && target->path == kReadinessPath) {
      const std::string waits_for = warehouse_waits_for();
      warehouse_readiness_.learned(waits_for);
      return set_readiness(waits_for, guard_.may_see(request), reply);
    }
    if (target && target->path == kMetricsPath && options_.metrics) {
      return answer_metrics(reply);
    }
    answer_api(request, target ? std::move(*target) : Target{}, reply);
  }

  void answer_metrics(HttpReply& reply) {
    auto report = pool_.borrow(kReportPatience);
    set_metrics(options_.metrics(report ? &**report : nullptr), server_->counters(), reply);
  }

  void answer_api(const HttpRequest& request, Target target, HttpReply& reply) {
    const auto answered = api_.handle({.path = std::move(target.path),
                                       .target = std::string(request.target),
                                       .query = std::move(target.query),
                                       .if_none_match = std::string(request.if_none_match)});
    if (!answered) {
      return set_problem(
          reply, {404, "there is nothing here; docs/api/openapi.yaml lists what there is", {}, {}});
    }
    note_cause(answered->cause);
    reply.set_status(answered->status);
    if (answered->status == 503) {
      reply.set_field("Retry-After", kRetryAfterSeconds);
    }
    if (!answered->etag.empty()) {
      reply.set_field("ETag", answered->etag);
    }
    reply.set_field("Vary", "Accept-Encoding");
    reply.set_field("Cache-Control", answered->etag.empty() ? "no-store" : "no-cache");
    if (answered->status != 304) {
      set_content(reply, answered->body, answered->content_type);
    }
  }

  DashboardOptions options_;
  RequestGuard guard_;
  ReportPool pool_;
  Api api_;
  WarehouseReadiness warehouse_readiness_;
  std::unique_ptr<HttpServer> server_;
  std::mutex cause_mutex_;
  Steady::time_point cause_due_;
  ChangeFeed feed_;
};

DashboardServer::DashboardServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DashboardServer::~DashboardServer() = default;

Result<std::unique_ptr<DashboardServer>> DashboardServer::start(DashboardOptions options,
                                                                Clock& clock) {
  HIRESTREAM_TRY(check_access(options.address, options.token));
  HIRESTREAM_ASSIGN(auto server, HttpServer::listen(options.address, options.reports_max));
  auto impl = std::make_unique<Impl>(std::move(options), clock, std::move(server));
  HIRESTREAM_TRY(impl->serve());
  return std::unique_ptr<DashboardServer>(new DashboardServer(std::move(impl)));
}

std::string DashboardServer::url() const {
  return impl_->url();
}

void DashboardServer::notify_commit(int64_t freshness_us) {
  impl_->notify_commit(freshness_us);
}

}  // namespace hirestream
