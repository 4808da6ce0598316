#include "http/metrics_server.h"

#include <utility>

#include "http/http_server.h"
#include "http/liveness.h"
#include "http/request_guard.h"

namespace hirestream {

class MetricsServer::Impl : private HttpHandler {
 public:
  Impl(MetricsServerOptions options, std::unique_ptr<HttpServer> server)
      : options_(std::move(options)),
        guard_(options_.address, options_.token, options_.warn),
        server_(std::move(server)) {}

  ~Impl() override { server_->stop(); }  // workers ask it for its counters meanwhile

  Result<void> serve() { return server_->serve(*this); }

  std::string url() const { return guard_.url(server_->port()); }

 private:
  Routed route(const HttpRequest& request, HttpReply& reply) override {
    const auto target = guard_.admit(request, reply);
    if (!target) {
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
    set_metrics(options_.metrics(), server_->counters(), reply);
  }

  void refuse(int status, HttpReply& reply) override { set_refusal(status, reply); }
  void stream_ended() override {}

  MetricsServerOptions options_;
  RequestGuard guard_;
  std::unique_ptr<HttpServer> server_;
};

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(MetricsServerOptions options) {
  HIRESTREAM_TRY(check_access(options.address, options.token));
  HIRESTREAM_ASSIGN(auto server, HttpServer::listen(options.address, 1));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(server));
  HIRESTREAM_TRY(impl->serve());
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

std::string MetricsServer::url() const {
  return impl_->url();
}

}  // namespace hirestream
