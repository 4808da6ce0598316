// The routes of docs/api/openapi.yaml that answer from a Report: from path and query to status,
// headers and body. Knows no socket.
//
// The same question, asked again or by several at the same time, is computed once for each version
// of the data.
//
// Threading: thread-safe. Blocking: as the Report; waits for a Report that is free, or for whoever
// computes the same.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/answer_cache.h"
#include "http/query.h"
#include "http/reading_watch.h"
#include "http/report_pool.h"
#include "model/time_zone.h"
#include "ports/clock.h"
#include "ports/report.h"

namespace hirestream {

struct ApiRequest {
  std::string path;
  std::string target;  // path and query as they came
  QueryParameters query;
  std::string if_none_match;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string etag;        // empty: none
  std::string cause = {};  // of an error, for the log
};

ApiResponse problem_response(const Problem& problem);
// The type of the Problem that the warehouse has no tables yet.
inline constexpr const char* kNoTablesProblem = "urn:hirestream:problem:no-tables";
// kTransient, and tables that are not there yet: 503; everything else: 500. What the error says may
// name accounts and hosts, so it is the cause alone.
Problem problem_of(const Error& error);
std::string_view status_title(int status);
// RFC 9110: whether one of the tags of If-None-Match is this one, compared weakly.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

class Api {
 public:
  // `product_version` is told by /meta. `samples`: values of rejected rows, which may be personal
  // data, are told. Clock and pool outlive the api.
  Api(std::string product_version, bool samples, Clock& clock, ReportPool& pool);

  // Whoever waits for what another computes is told that it cannot be had.
  void stop() { cache_.stop(); }
  // Nothing: no route has this path.
  std::optional<ApiResponse> handle(const ApiRequest& request);

 private:
  struct Context;
  using Handler = Answer<std::string> (Api::*)(Context&) const;
  struct Route {
    Handler handler = nullptr;
    Dimension dimension = Dimension::kJob;  // of /top/… and /names/…
  };
  static std::optional<Route> find_route(std::string_view path);

  // What every answer needs of one version of the data.
  struct State {
    std::string version;
    std::vector<SourceQuality> sources;
    TimeZone zone;
  };
  Result<std::shared_ptr<const State>> current_state();

  Answer<std::string> meta(Context& context) const;
  Answer<std::string> kpis(Context& context) const;
  Answer<std::string> series(Context& context) const;
  Answer<std::string> top(Context& context) const;
  Answer<std::string> names(Context& context) const;
  Answer<std::string> cells(Context& context) const;
  Answer<std::string> quality(Context& context) const;
  Answer<std::string> pipeline(Context& context) const;
  ApiResponse health();

  std::string product_version_;
  bool samples_;
  Clock& clock_;
  ReportPool& pool_;
  AnswerCache cache_;
  std::mutex mutex_;
  std::shared_ptr<const State> state_;
  std::mutex reading_mutex_;
  ReadingWatch reading_;
};

}  // namespace hirestream
