#include "http/http_server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "http/bridge/bridge.h"

namespace hirestream {
namespace {

constexpr uint32_t kSecond = 1000;  // in milliseconds

std::string_view view(const hs_http_text& text) {
  return {text.data, text.size};
}

hs_http_text text(std::string_view text) {
  return {text.data(), text.size()};
}

class BridgeReply : public HttpReply {
 public:
  explicit BridgeReply(hs_http_reply* reply) : reply_(reply) {}
  void set_status(int status) override {
    hs_http_reply_status(reply_, static_cast<uint32_t>(status));
  }
  void set_field(std::string_view name, std::string_view value) override {
    hs_http_reply_field(reply_, text(name), text(value));
  }
  void set_body(std::string_view body) override { hs_http_reply_body(reply_, text(body)); }
  void set_static_body(std::string_view body) override {
    hs_http_reply_static_body(reply_, text(body));
  }
  void reset() override { hs_http_reply_reset(reply_); }

 private:
  hs_http_reply* reply_;
};

HttpRequest request_of(const hs_http_request& request) {
  return {.method = view(request.method),
          .target = view(request.target),
          .host = view(request.host),
          .authorization = view(request.authorization),
          .if_none_match = view(request.if_none_match),
          .peer = view(request.peer),
          .accepts_gzip = request.accepts_gzip != 0};
}

// Whatever `body` throws, the client gets an answer and the other side of the bridge no exception.
template <typename Body>
void guarded(HttpHandler& handler, HttpReply& reply, const Body& body) noexcept {
  try {
    body();
  } catch (...) {
    reply.reset();
    reply.set_status(500);
    try {
      handler.refuse(500, reply);
    } catch (...) {  // without a body
      reply.set_status(500);
    }
  }
}

HttpHandler& handler_of(void* context) {
  return *static_cast<HttpHandler*>(context);
}

int32_t code_of(Routed routed) {
  switch (routed) {
    case Routed::kWork:
      return HS_HTTP_WORK;
    case Routed::kReserved:
      return HS_HTTP_RESERVED;
    case Routed::kStream:
      return HS_HTTP_STREAM;
    case Routed::kDelayed:
      return HS_HTTP_DELAYED;
    case Routed::kAnswered:
      break;
  }
  return HS_HTTP_ANSWERED;
}

int32_t route(void* context, const hs_http_request* request, hs_http_reply* out) noexcept {
  BridgeReply reply(out);
  Routed routed = Routed::kAnswered;
  guarded(handler_of(context), reply,
          [&] { routed = handler_of(context).route(request_of(*request), reply); });
  return code_of(routed);
}

void work(void* context, const hs_http_request* request, hs_http_reply* out) noexcept {
  BridgeReply reply(out);
  guarded(handler_of(context), reply,
          [&] { handler_of(context).work(request_of(*request), reply); });
}

void refuse(void* context, uint32_t status, hs_http_reply* out) noexcept {
  BridgeReply reply(out);
  guarded(handler_of(context), reply,
          [&] { handler_of(context).refuse(static_cast<int>(status), reply); });
}

void stream_ended(void* context) noexcept {
  handler_of(context).stream_ended();
}

hs_http_config config_of(const ListenAddress& address, size_t workers) {
  return {.host = address.host.c_str(),
          .port = address.port,
          .connections = 256,
          .connections_peer = 128,
          .head_fields = 64,
          .head_bytes = 16 * 1024,
          .head_ms = 10 * kSecond,
          .idle_ms = 30 * kSecond,
          .write_ms = 10 * kSecond,
          .stream_ms = 3600 * kSecond,
          .workers = static_cast<uint32_t>(workers),
          .queue = 128,
          .queue_ms = 3 * kSecond,
          .answer_bytes = uint64_t{64} << 20U,
          .delay_ms = kSecond / 2,
          .grace_ms = kSecond};
}

class BridgeError {
 public:
  BridgeError() = default;
  BridgeError(const BridgeError&) = delete;
  BridgeError& operator=(const BridgeError&) = delete;
  ~BridgeError() { hs_http_error_clear(&error_); }
  hs_http_error* out() { return &error_; }
  bool is_taken() const { return error_.os_error == EADDRINUSE; }
  std::string text() const {
    return error_.os_error != 0        ? std::strerror(error_.os_error)
           : error_.message == nullptr ? ""
                                       : error_.message;
  }

 private:
  hs_http_error error_ = {};
};

}  // namespace

struct HttpServer::Impl {
  ListenAddress address;
  hs_http_server* server = nullptr;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  hs_http_server_free(impl_->server);
}

void HttpServer::stop() {
  hs_http_server_stop(impl_->server);
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const ListenAddress& address,
                                                       size_t workers) {
  const hs_http_config config = config_of(address, workers);
  auto impl = std::make_unique<Impl>(Impl{.address = address});
  BridgeError error;
  if (hs_http_server_listen(&config, &impl->server, error.out()) != HS_HTTP_OK) {
    // A port may be free again soon: a service is started once more.
    return fail(error.is_taken() ? ErrorKind::kTransient : ErrorKind::kConfig, "listen",
                address.text(), error.text(), "choose another address with --http HOST:PORT");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Result<void> HttpServer::serve(HttpHandler& handler) {
  const hs_http_handlers handlers = {.context = &handler,
                                     .route = route,
                                     .work = work,
                                     .refuse = refuse,
                                     .stream_ended = stream_ended};
  BridgeError error;
  if (hs_http_server_serve(impl_->server, &handlers, error.out()) != HS_HTTP_OK) {
    return fail(ErrorKind::kConfig, "serve", impl_->address.text(), error.text());
  }
  return {};
}

uint16_t HttpServer::port() const {
  return hs_http_server_port(impl_->server);
}

void HttpServer::publish(std::string_view event) {
  hs_http_server_publish(impl_->server, text(event));
}

HttpCounters HttpServer::counters() const {
  hs_http_counters counters = {};
  hs_http_server_counters(impl_->server, &counters);
  HttpCounters out = {.accepted = counters.accepted,
                      .evicted = counters.evicted,
                      .timed_out = counters.timed_out,
                      .connections = counters.connections,
                      .streams = counters.streams};
  std::copy(std::begin(counters.answers), std::end(counters.answers), out.answers.begin());
  return out;
}

Result<int> ask_http(const ListenAddress& address, const char* path,
                     std::chrono::milliseconds patience) {
  uint32_t status = 0;
  BridgeError error;
  if (hs_http_ask(address.host.c_str(), address.port, path, static_cast<uint32_t>(patience.count()),
                  &status, error.out()) != HS_HTTP_OK) {
    return fail(ErrorKind::kTransient, "ask", address.text() + path,
                "no answer (" + error.text() + ")");
  }
  return static_cast<int>(status);
}

}  // namespace hirestream
