// Who may ask which server of ours, and the answers that are the same in all of them: refusals,
// life, readiness, what the server counts of itself.
//
// On a loopback address everybody on the machine may ask, under a name of the loopback address
// only; elsewhere there is no server without a token. Only GET and HEAD.
// Threading: may_see() from any thread, the rest of RequestGuard from one at a time; the functions
// are pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/http_server.h"
#include "http/listen_address.h"
#include "http/query.h"
#include "http/target.h"
#include "model/result.h"

namespace hirestream {

inline constexpr const char* kMetricsPath = "/metrics";
inline constexpr const char* kReadinessPath = "/readyz";

// kConfig: other machines could read everything.
Result<void> check_access(const ListenAddress& address, const std::string& token);

class RequestGuard {
 public:
  // `warn`: what a person should read of refusals. Both outlive the guard.
  RequestGuard(const ListenAddress& address, const std::string& token,
               const std::function<void(const std::string&)>& warn)
      : address_(address), token_(token), warn_(warn) {}

  // What is asked for, with what stands on every answer. Nothing: whoever asks under another name,
  // wants more than to read, or asks for no path is answered.
  std::optional<Target> admit(const HttpRequest& request, HttpReply& reply) const;
  bool may_see(const HttpRequest& request) const;
  // The answer to whoever may not.
  Routed refuse_without_token(const HttpRequest& request, HttpReply& reply);
  // Where the server is: "http://127.0.0.1:8080/".
  std::string url(uint16_t port) const;

 private:
  bool refuses(const HttpRequest& request, HttpReply& reply) const;

  const ListenAddress& address_;
  const std::string& token_;
  const std::function<void(const std::string&)>& warn_;
  int64_t refusals_ = 0;  // not told yet
  std::chrono::steady_clock::time_point refusals_due_;
};

// On every answer, also those that the server gives by itself.
void set_security_fields(HttpReply& reply);
void set_content(HttpReply& reply, std::string_view body, std::string_view content_type);
inline constexpr const char* kRetryAfterSeconds = "5";
void set_problem(HttpReply& reply, const Problem& problem,
                 std::string_view retry_after = kRetryAfterSeconds);
// What HttpHandler::refuse answers.
void set_refusal(int status, HttpReply& reply);
void set_alive(HttpReply& reply);
// `waits_for`: empty: ready. The reason is told only to who may see it.
void set_readiness(const std::string& waits_for, bool may_see, HttpReply& reply);
// In Prometheus' text format, with what the server counts of itself.
void set_metrics(const std::string& text, const HttpCounters& counters, HttpReply& reply);

}  // namespace hirestream
