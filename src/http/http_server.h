// An HTTP/1.1 server for answers without request bodies, around the bridge to `hyper` (bridge/).
// What it refuses by itself, and its limits: bridge/bridge.h.
//
// Threading: one thread serves all connections and asks HttpHandler::route, a few others ask
// HttpHandler::work; the rest may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/listen_address.h"
#include "model/result.h"

namespace hirestream {

// Valid during a handler's call.
struct HttpRequest {
  std::string_view method;
  std::string_view target;  // path and query as they came
  std::string_view host;
  std::string_view authorization;
  std::string_view if_none_match;
  std::string_view peer;  // IP address
  bool accepts_gzip = false;
};

// Begins as 200 without fields and body. Used during a handler's call.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  virtual void set_status(int status) = 0;
  virtual void set_field(std::string_view name, std::string_view value) = 0;
  virtual void set_body(std::string_view body) = 0;
  // Not copied: outlives the server.
  virtual void set_static_body(std::string_view body) = 0;
  // As it began.
  virtual void reset() = 0;
};

enum class Routed {
  kAnswered,
  kWork,      // work() is asked; this reply is forgotten
  kReserved,  // the same, on a thread that does nothing else
  kStream,    // the body is the first event, what is published follows
  kDelayed,   // answered half a second later
};

// An exception becomes the refusal 500.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Never blocks.
  virtual Routed route(const HttpRequest& request, HttpReply& reply) = 0;
  virtual void work(const HttpRequest& request, HttpReply& reply) = 0;
  // What the server itself refuses, or what threw. Never blocks.
  virtual void refuse(int status, HttpReply& reply) = 0;
  virtual void stream_ended() = 0;
};

struct HttpCounters {
  std::array<uint64_t, 6> answers = {};  // by status / 100
  uint64_t accepted = 0;                 // connections
  uint64_t evicted = 0;                  // connections that made room for others
  uint64_t timed_out = 0;                // connections of slow clients
  uint64_t connections = 0;              // open now
  uint64_t streams = 0;                  // open now
};

class HttpServer {
 public:
  // Clients can connect; they are answered once it serves. kConfig: the address cannot be had.
  static Result<std::unique_ptr<HttpServer>> listen(const ListenAddress& address, size_t workers);
  // Once. The handler is asked from now on, and outlives the server. kConfig: no thread.
  Result<void> serve(HttpHandler& handler);
  // Ends streams, gives answers under way a second, waits for work(), which may use the server
  // meanwhile. The handler is asked nothing from then on.
  void stop();
  // Stops it, if it was not. A handler that uses the server calls stop() before.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  // To every stream. One whose client does not take its events ends.
  void publish(std::string_view event);
  HttpCounters counters() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The status of GET `path` there, within `patience`. kTransient: nobody answers.
Result<int> ask_http(const ListenAddress& address, const char* path,
                     std::chrono::milliseconds patience);

}  // namespace hirestream
