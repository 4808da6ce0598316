#include "http/metrics_server.h"

#include <atomic>
#include <utility>

#include "http/http_server.h"
#include "http/liveness.h"
#include "http/request_guard.h"
#include "http/target.h"

namespace hirestream {

class MetricsServer::Impl : private HttpHandler {
 public:
  explicit Impl(MetricsServerOptions options)
      : options_(std::move(options)), guard_(options_.address, options_.token, options_.warn) {}

  Result<void> listen() {
    HIRESTREAM_TRY(guard_.check());
    HIRESTREAM_ASSIGN(server_, HttpServer::start(options_.address, 1, *this));
    serving_ = server_.get();
    return {};
  }

  std::string url() const { return guard_.url(server_->port()); }

 private:
  Routed route(const HttpRequest& request, HttpReply& reply) override {
    set_security_fields(reply);
    if (guard_.refuses(request, reply)) {
      return Routed::kAnswered;
    }
    const auto target = parse_target(request.target);
    if (!target) {
      set_problem(reply, {400, "this is no path with a query", {}, {}});
      return Routed::kAnswered;
    }
    if (target->path == kLivenessPath) {
      set_alive(reply);
      return Routed::kAnswered;
    }
    const bool may_see = guard_.may_see(request);
    if (target->path == kReadinessPath) {
      set_readiness(options_.waits_for(), may_see, reply);
      return Routed::kAnswered;
    }
    if (!may_see) {
      return guard_.refuse_without_token(request, reply);
    }
    if (target->path == kMetricsPath) {
      return Routed::kWork;
    }
    set_problem(reply, {404, "there is /metrics here, /livez and /readyz", {}, {}});
    return Routed::kAnswered;
  }

  void work(const HttpRequest& /*request*/, HttpReply& reply) override {
    set_security_fields(reply);
    const HttpServer* const serving = serving_;
    set_metrics(options_.metrics(), serving == nullptr ? HttpCounters() : serving->counters(),
                reply);
  }

  void refuse(int status, HttpReply& reply) override { set_refusal(status, reply); }
  void stream_ended() override {}

  MetricsServerOptions options_;
  RequestGuard guard_;
  // Null: start() has not returned yet, but somebody asks already.
  std::atomic<const HttpServer*> serving_ = nullptr;
  std::unique_ptr<HttpServer> server_;
};

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(MetricsServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  HIRESTREAM_TRY(impl->listen());
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

std::string MetricsServer::url() const {
  return impl_->url();
}

}  // namespace hirestream
