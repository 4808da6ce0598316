#include "http/dashboard_server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "http/api.h"
#include "http/liveness.h"
#include "http/report_pool.h"

namespace hirestream {
namespace {

constexpr size_t kRequestThreads = 32;  // besides one for each stream
constexpr std::chrono::seconds kFeedPatience{10};
constexpr time_t kTimeoutSeconds = 5;
constexpr time_t kKeepAliveSeconds = 2;  // also how long an idle connection delays the end
constexpr size_t kPayloadMax = 4096;
constexpr const char* kRetryAfterSeconds = "5";
constexpr const char* kPageMissing = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hirestream</title>
<h1>The page is not part of this build</h1>
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>dashboard/</code>, then build the program again
(CMake option <code>HIRESTREAM_DASHBOARD_DIST</code> names another folder).</p>
<p>The API works: <a href="/api/v1/meta">/api/v1/meta</a>, <a href="/api/v1/kpis">/api/v1/kpis</a>.</p>
</html>
)";

// On every answer, also those that the library gives by itself.
void set_security_headers(httplib::Response& response) {
  if (response.has_header("Content-Security-Policy")) {
    return;
  }
  response.set_header(
      "Content-Security-Policy",
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
}

void set_problem(httplib::Response& response, const Problem& problem) {
  const ApiResponse answer = problem_response(problem);
  response.status = answer.status;
  response.set_content(answer.body, answer.content_type);
  response.set_header("Cache-Control", "no-store");
  if (answer.status == 503 && !response.has_header("Retry-After")) {
    response.set_header("Retry-After", kRetryAfterSeconds);
  }
}

bool accepts_gzip(const httplib::Request& request) {
  const std::string accepted = request.get_header_value("Accept-Encoding");
  return accepted.find("gzip") != std::string::npos &&
         accepted.find("gzip;q=0") == std::string::npos;
}

// One socket option instead of the library's SO_REUSEPORT, which would let two servers share a port
// without knowing.
void set_socket_options(socket_t socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

}  // namespace

class DashboardServer::Impl {
 public:
  Impl(DashboardOptions options, Clock& clock)
      : options_(std::move(options)),
        feed_(options_.open_report, clock, options_.streams_max),
        pool_(options_.open_report, options_.reports_max),
        api_(options_.product_version, clock, pool_) {}

  ~Impl() {
    feed_.stop();
    server_.stop();
  }

  Result<void> listen() {
    const ListenAddress& address = options_.address;
    if (!address.is_loopback() && options_.token.empty()) {
      return fail(
          ErrorKind::kConfig, "listen", address.text(),
          "other machines could read everything: a token is needed to listen there",
          "set HIRESTREAM_HTTP_TOKEN or HIRESTREAM_HTTP_TOKEN_FILE, or listen at 127.0.0.1");
    }
    configure();
    errno = 0;
    port_ = address.port == 0 ? server_.bind_to_any_port(address.host)
            : server_.bind_to_port(address.host, address.port) ? address.port
                                                               : -1;
    if (port_ < 0) {
      return fail(ErrorKind::kConfig, "listen", address.text(),
                  errno == 0 ? "not possible" : std::strerror(errno),
                  "choose another address with --http HOST:PORT");
    }
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) {  // stop() before that would do nothing
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  }

  std::string url() const {
    ListenAddress shown = options_.address;
    shown.port = static_cast<uint16_t>(port_);
    if (shown.host == "0.0.0.0" || shown.host == "::") {
      shown.host = "localhost";
    }
    return "http://" + shown.text() + "/";
  }

  void notify_commit(int64_t freshness_us) { feed_.wake(freshness_us); }

 private:
  void configure() {
    server_.new_task_queue = [this] {
      return new httplib::ThreadPool(kRequestThreads + options_.streams_max);
    };
    server_.set_socket_options(set_socket_options);
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(kKeepAliveSeconds);
    server_.set_keep_alive_max_count(1000);
    server_.set_read_timeout(kTimeoutSeconds);
    server_.set_write_timeout(kTimeoutSeconds);
    server_.set_payload_max_length(kPayloadMax);
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          answer(request, response);
          return httplib::Server::HandlerResponse::Handled;
        });
    server_.set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
      set_security_headers(response);
    });
    // What the library itself refuses.
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty() && response.status != 304) {
        set_problem(response,
                    {response.status, std::string(status_title(response.status)), {}, {}});
      }
      set_security_headers(response);
    });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
          set_problem(response, {500, "the program is wrong", {}, {}});
        });
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    if (options_.address.is_loopback() &&
        !is_loopback_host_header(request.get_header_value("Host"))) {
      return set_problem(response, {403,
                                    "this server answers only under a name of the loopback address",
                                    {},
                                    "localhost, 127.0.0.1, [::1]"});
    }
    if (request.method != "GET" && request.method != "HEAD") {
      response.set_header("Allow", "GET, HEAD");
      response.set_header("Connection", "close");  // a body may follow
      return set_problem(response, {405, "this server is only read", {}, "GET, HEAD"});
    }
    if (answer_asset(request, response)) {
      return;
    }
    if (request.path == kLivenessPath) {
      response.set_content("alive\n", "text/plain; charset=utf-8");
      response.set_header("Cache-Control", "no-store");
      return;
    }
    if (!options_.token.empty() &&
        !carries_token(request.get_header_value("Authorization"), options_.token)) {
      response.set_header("WWW-Authenticate", "Bearer realm=\"hirestream\"");
      return set_problem(response, {401, "a token is needed: Authorization: Bearer …", {}, {}});
    }
    if (request.path == "/api/v1/stream") {
      return answer_stream(request, response);
    }
    if (request.path == "/metrics" && options_.metrics) {
      auto report = pool_.borrow(kFeedPatience);
      return answer_metrics(report, response);
    }
    answer_api(request, response);
  }

  bool answer_asset(const httplib::Request& request, httplib::Response& response) {
    const Asset* asset = find_asset(options_.assets, request.path);
    if (asset == nullptr) {
      if (request.path != "/" && request.path != "/index.html") {
        return false;
      }
      response.set_content(kPageMissing, "text/html; charset=utf-8");
      response.set_header("Cache-Control", "no-store");
      return true;
    }
    const bool packed = !asset->gzip.empty() && accepts_gzip(request);
    const std::string etag = fmt::format("\"{}{}\"", asset->tag, packed ? "-gzip" : "");
    response.set_header("ETag", etag);
    response.set_header("Vary", "Accept-Encoding");
    response.set_header("Cache-Control", "no-cache");
    if (matches_etag(request.get_header_value("If-None-Match"), etag)) {
      response.status = 304;
      return true;
    }
    if (packed) {
      response.set_header("Content-Encoding", "gzip");
    }
    const std::string_view body = packed ? asset->gzip : asset->body;
    // A provider, since the library would compress a plain body once more.
    response.set_content_provider(body.size(), std::string(asset->content_type),
                                  [body](size_t offset, size_t length, httplib::DataSink& sink) {
                                    return sink.write(body.data() + offset, length);
                                  });
    return true;
  }

  void answer_stream(const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Accel-Buffering", "no");
    if (request.method == "HEAD") {
      response.set_header("Content-Type", "text/event-stream");
      return;
    }
    auto client = feed_.join();
    if (client == nullptr) {
      response.set_header("Retry-After", "10");
      return set_problem(response, {503,
                                    fmt::format("{} streams are open, more there may not be",
                                                options_.streams_max),
                                    {},
                                    {}});
    }
    response.set_chunked_content_provider(
        "text/event-stream", [client](size_t, httplib::DataSink& sink) {
          const auto event = client->next();
          if (!event) {
            sink.done();
            return true;
          }
          return sink.is_writable() && sink.write(event->data(), event->size());
        });
  }

  void answer_metrics(Result<ReportPool::Loan>& report, httplib::Response& response) {
    const auto text =
        report ? options_.metrics(**report) : Result<std::string>(forward(report.error()));
    if (!text) {
      return set_problem(response, problem_of(text.error()));
    }
    response.set_content(*text, "text/plain; version=0.0.4; charset=utf-8");
    response.set_header("Cache-Control", "no-store");
  }

  void answer_api(const httplib::Request& request, httplib::Response& response) {
    const auto answered = api_.handle({.path = request.path,
                                       .target = request.target,
                                       .query = request.params,
                                       .if_none_match = request.get_header_value("If-None-Match")});
    if (!answered) {
      return set_problem(
          response,
          {404, "there is nothing here; docs/api/openapi.yaml lists what there is", {}, {}});
    }
    response.status = answered->status;
    if (answered->status == 503) {
      response.set_header("Retry-After", kRetryAfterSeconds);
    }
    if (!answered->etag.empty()) {
      response.set_header("ETag", answered->etag);
    }
    response.set_header("Vary", "Accept-Encoding");
    response.set_header("Cache-Control", answered->etag.empty() ? "no-store" : "no-cache");
    if (answered->status != 304) {
      response.set_content(answered->body, answered->content_type);
    }
  }

  DashboardOptions options_;
  ChangeFeed feed_;
  ReportPool pool_;
  Api api_;
  int port_ = -1;
  httplib::Server server_;
  std::jthread thread_;  // joined first
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
