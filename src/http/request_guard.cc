#include "http/request_guard.h"

#include <fmt/format.h>

#include <utility>

#include "http/api.h"

namespace hirestream {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kWarningPause{10};
constexpr const char* kPlainText = "text/plain; charset=utf-8";

void add_metric(std::string& text, std::string_view name, std::string_view type,
                std::string_view help, uint64_t value) {
  text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

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

Result<void> check_access(const ListenAddress& address, const std::string& token) {
  if (!address.is_loopback() && token.empty()) {
    return fail(ErrorKind::kConfig, "listen", address.text(),
                "other machines could read everything: a token is needed to listen there",
                "set HIRESTREAM_HTTP_TOKEN or HIRESTREAM_HTTP_TOKEN_FILE, or listen at 127.0.0.1");
  }
  return {};
}

std::optional<Target> RequestGuard::admit(const HttpRequest& request, HttpReply& reply) const {
  set_security_fields(reply);
  if (refuses(request, reply)) {
    return std::nullopt;
  }
  auto target = parse_target(request.target);
  if (!target) {
    set_problem(reply, {400, "this is no path with a query", {}, {}});
  }
  return target;
}

bool RequestGuard::refuses(const HttpRequest& request, HttpReply& reply) const {
  if (address_.is_loopback() && !is_loopback_host_header(request.host)) {
    set_problem(reply, {403,
                        "this server answers only under a name of the loopback address",
                        {},
                        "localhost, 127.0.0.1, [::1]"});
    return true;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    reply.set_field("Allow", "GET, HEAD");
    reply.set_field("Connection", "close");  // a body may follow
    set_problem(reply, {405, "this server is only read", {}, "GET, HEAD"});
    return true;
  }
  return false;
}

bool RequestGuard::may_see(const HttpRequest& request) const {
  return token_.empty() || carries_token(request.authorization, token_);
}

// Tells of the first at once, of those that follow together.
Routed RequestGuard::refuse_without_token(const HttpRequest& request, HttpReply& reply) {
  reply.set_field("WWW-Authenticate", "Bearer realm=\"hirestream\"");
  set_problem(reply, {401, "a token is needed: Authorization: Bearer …", {}, {}});
  ++refusals_;
  if (const auto now = Steady::now(); now >= refusals_due_) {
    warn_(fmt::format("{} requests without the right token were refused, the last from {}",
                      std::exchange(refusals_, 0), request.peer));
    refusals_due_ = now + kWarningPause;
  }
  return Routed::kDelayed;
}

std::string RequestGuard::url(uint16_t port) const {
  ListenAddress shown = address_;
  shown.port = port;
  if (shown.host == "0.0.0.0" || shown.host == "::") {
    shown.host = "localhost";
  }
  return "http://" + shown.text() + "/";
}

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

void set_problem(HttpReply& reply, const Problem& problem, std::string_view retry_after) {
  const ApiResponse answer = problem_response(problem);
  reply.set_status(answer.status);
  set_content(reply, answer.body, answer.content_type);
  reply.set_field("Cache-Control", "no-store");
  if (answer.status == 503) {
    reply.set_field("Retry-After", retry_after);
  }
}

void set_refusal(int status, HttpReply& reply) {
  set_security_fields(reply);
  std::string detail = status == 500   ? "the program is wrong"
                       : status == 503 ? "too many questions at once"
                                       : std::string(status_title(status));
  set_problem(reply, {status, std::move(detail), {}, {}});
}

void set_alive(HttpReply& reply) {
  set_content(reply, "alive\n", kPlainText);
  reply.set_field("Cache-Control", "no-store");
}

void set_readiness(const std::string& waits_for, bool may_see, HttpReply& reply) {
  reply.set_status(waits_for.empty() ? 200 : 503);
  const bool told = may_see && !waits_for.empty();
  set_content(reply, waits_for.empty() ? "ready\n" : told ? waits_for : "not ready\n", kPlainText);
  reply.set_field("Cache-Control", "no-store");
}

void set_metrics(const std::string& text, const HttpCounters& counters, HttpReply& reply) {
  set_content(reply, text + http_metrics(counters), "text/plain; version=0.0.4; charset=utf-8");
  reply.set_field("Cache-Control", "no-store");
}

}  // namespace hirestream
