#include "http/dashboard_server.h"

#include <fmt/format.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "http/api.h"
#include "http/http_server.h"
#include "http/liveness.h"
#include "http/report_pool.h"
#include "http/target.h"

namespace hirestream {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kReportPatience{2};
constexpr std::chrono::seconds kWarningPause{10};
constexpr const char* kStreamPath = "/api/v1/stream";
constexpr const char* kMetricsPath = "/metrics";
constexpr const char* kReadinessPath = "/readyz";
constexpr const char* kRetryAfterSeconds = "5";
constexpr const char* kPageMissing = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hirestream</title>
<h1>The page is not part of this build</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>dashboard/</code>, then build the program again
(CMake option <code>HIRESTREAM_DASHBOARD_DIST</code> names another folder).</p>
<p>The API works: <a href="/api/v1/meta">/api/v1/meta</a>, <a href="/api/v1/kpis">/api/v1/kpis</a>.</p>
</html>
)";

// On every answer, also those that the server gives by itself.
void set_security_fields(HttpReply& reply) {
  reply.set_field(
      "Content-Security-Policy",
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  reply.set_field("X-Content-Type-Options", "nosniff");
  reply.set_field("Referrer-Policy", "no-referrer");
  reply.set_field("Cross-Origin-Resource-Policy", "same-origin");
}

void set_content(HttpReply& reply, std::string_view body, std::string_view content_type) {
  reply.set_field("Content-Type", content_type);
  reply.set_body(body);
}

void set_problem(HttpReply& reply, const Problem& problem,
                 std::string_view retry_after = kRetryAfterSeconds) {
  const ApiResponse answer = problem_response(problem);
  reply.set_status(answer.status);
  set_content(reply, answer.body, answer.content_type);
  reply.set_field("Cache-Control", "no-store");
  if (answer.status == 503) {
    reply.set_field("Retry-After", retry_after);
  }
}

void add_metric(std::string& text, std::string_view name, std::string_view type,
                std::string_view help, uint64_t value) {
  text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

// Of the server itself, in Prometheus' text format.
std::string http_metrics(const HttpCounters& counters) {
  std::string text =
      "# HELP hirestream_http_answers_total Answers, by class of status\n"
      "# TYPE hirestream_http_answers_total counter\n";
  for (size_t i = 1; i < counters.answers.size(); ++i) {
    text += fmt::format("hirestream_http_answers_total{{status=\"{}xx\"}} {}\n", i,
                        counters.answers[i]);
  }
  add_metric(text, "hirestream_http_connections_total", "counter", "Connections accepted",
             counters.accepted);
  add_metric(text, "hirestream_http_connections_evicted_total", "counter",
             "Connections closed to make room for others", counters.evicted);
  add_metric(text, "hirestream_http_connections_timed_out_total", "counter",
             "Connections of clients that were too slow", counters.timed_out);
  add_metric(text, "hirestream_http_connections", "gauge", "Open connections",
             counters.connections);
  add_metric(text, "hirestream_http_streams", "gauge", "Open live streams", counters.streams);
  return text;
}

}  // namespace

class DashboardServer::Impl : private HttpHandler {
 public:
  Impl(DashboardOptions options, Clock& clock)
      : options_(std::move(options)),
        pool_(options_.open_report, options_.reports_max + 1),  // one for what is reserved
        api_(options_.product_version, options_.samples, clock, pool_),
        feed_(options_.open_report, clock, options_.streams_max,
              [this](const std::string& event) { server_->publish(event); }) {}

  ~Impl() override {
    feed_.stop();  // nothing is published from now on
    options_.ending.request_stop();
    pool_.stop();
    api_.stop();
    server_.reset();
  }

  Result<void> listen() {
    const ListenAddress& address = options_.address;
    if (!address.is_loopback() && options_.token.empty()) {
      return fail(
          ErrorKind::kConfig, "listen", address.text(),
          "other machines could read everything: a token is needed to listen there",
          "set HIRESTREAM_HTTP_TOKEN or HIRESTREAM_HTTP_TOKEN_FILE, or listen at 127.0.0.1");
    }
    HIRESTREAM_ASSIGN(server_, HttpServer::start(address, options_.reports_max, *this));
    return {};
  }

  std::string url() const {
    ListenAddress shown = options_.address;
    shown.port = server_->port();
    if (shown.host == "0.0.0.0" || shown.host == "::") {
      shown.host = "localhost";
    }
    return "http://" + shown.text() + "/";
  }

  void notify_commit(int64_t freshness_us) { feed_.wake(freshness_us); }

 private:
  Routed route(const HttpRequest& request, HttpReply& reply) override {
    set_security_fields(reply);
    if (options_.address.is_loopback() && !is_loopback_host_header(request.host)) {
      set_problem(reply, {403,
                          "this server answers only under a name of the loopback address",
                          {},
                          "localhost, 127.0.0.1, [::1]"});
      return Routed::kAnswered;
    }
    if (request.method != "GET" && request.method != "HEAD") {
      reply.set_field("Allow", "GET, HEAD");
      reply.set_field("Connection", "close");  // a body may follow
      set_problem(reply, {405, "this server is only read", {}, "GET, HEAD"});
      return Routed::kAnswered;
    }
    const auto target = parse_target(request.target);
    if (!target) {
      set_problem(reply, {400, "this is no path with a query", {}, {}});
      return Routed::kAnswered;
    }
    return route_path(target->path, request, reply);
  }

  Routed route_path(const std::string& path, const HttpRequest& request, HttpReply& reply) {
    if (answer_asset(path, request, reply)) {
      return Routed::kAnswered;
    }
    if (path == kLivenessPath) {
      set_content(reply, "alive\n", "text/plain; charset=utf-8");
      reply.set_field("Cache-Control", "no-store");
      return Routed::kAnswered;
    }
    const bool may_see =
        options_.token.empty() || carries_token(request.authorization, options_.token);
    if (path == kReadinessPath) {
      return answer_readiness(may_see, reply);
    }
    if (!may_see) {
      reply.set_field("WWW-Authenticate", "Bearer realm=\"hirestream\"");
      set_problem(reply, {401, "a token is needed: Authorization: Bearer …", {}, {}});
      note_refusal(request.peer);
      return Routed::kDelayed;
    }
    return path == kStreamPath    ? answer_stream(request, reply)
           : path == kMetricsPath ? Routed::kReserved
                                  : Routed::kWork;
  }

  // Tells of the first at once, of those that follow together.
  void note_refusal(std::string_view peer) {
    ++refusals_;
    if (const auto now = Steady::now(); now >= refusals_due_) {
      options_.warn(
          fmt::format("{} requests without the right token were refused, the last from {}",
                      std::exchange(refusals_, 0), peer));
      refusals_due_ = now + kWarningPause;
    }
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
    if (!options_.waits_for) {
      return Routed::kReserved;
    }
    set_readiness(options_.waits_for(), may_see, reply);
    return Routed::kAnswered;
  }

  static void set_readiness(const std::string& waits_for, bool may_see, HttpReply& reply) {
    reply.set_status(waits_for.empty() ? 200 : 503);
    const bool told = may_see && !waits_for.empty();
    set_content(reply,
                waits_for.empty() ? "ready\n"
                : told            ? waits_for
                                  : "not ready\n",
                "text/plain; charset=utf-8");
    reply.set_field("Cache-Control", "no-store");
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

  Routed answer_stream(const HttpRequest& request, HttpReply& reply) {
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

  void refuse(int status, HttpReply& reply) override {
    set_security_fields(reply);
    std::string detail = status == 500   ? "the program is wrong"
                         : status == 503 ? "too many questions at once"
                                         : std::string(status_title(status));
    set_problem(reply, {status, std::move(detail), {}, {}});
  }

  void work(const HttpRequest& request, HttpReply& reply) override {
    set_security_fields(reply);
    auto target = parse_target(request.target);
    if (target && target->path == kReadinessPath) {
      return set_readiness(warehouse_waits_for(), true, reply);
    }
    if (target && target->path == kMetricsPath && options_.metrics) {
      return answer_metrics(reply);
    }
    answer_api(request, target ? std::move(*target) : Target{}, reply);
  }

  void answer_metrics(HttpReply& reply) {
    auto report = pool_.borrow(kReportPatience);
    set_content(reply,
                options_.metrics(report ? &**report : nullptr) + http_metrics(server_->counters()),
                "text/plain; version=0.0.4; charset=utf-8");
    reply.set_field("Cache-Control", "no-store");
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
  ReportPool pool_;
  Api api_;
  std::unique_ptr<HttpServer> server_;
  int64_t refusals_ = 0;  // not told yet; of the thread of all connections, as its time
  Steady::time_point refusals_due_;
  std::mutex cause_mutex_;
  Steady::time_point cause_due_;
  ChangeFeed feed_;
};

DashboardServer::DashboardServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DashboardServer::~DashboardServer() = default;

Result<std::unique_ptr<DashboardServer>> DashboardServer::start(DashboardOptions options,
                                                                Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  HIRESTREAM_TRY(impl->listen());
  return std::unique_ptr<DashboardServer>(new DashboardServer(std::move(impl)));
}

std::string DashboardServer::url() const {
  return impl_->url();
}

void DashboardServer::notify_commit(int64_t freshness_us) {
  impl_->notify_commit(freshness_us);
}

}  // namespace hirestream
