// The routes of docs/api/openapi.yaml that answer from a Report: from path and query to status, headers and body. Knows no socket.
//
// Threading: handle() may be called from several threads, each with its own Report. Blocking: as the Report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/query.h"
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
  std::string etag;  // empty: none
};

ApiResponse problem_response(const Problem& problem);
// kTransient: 503; kConfig and everything else: 500, with the error's hint.
Problem problem_of(const Error& error);
std::string_view status_title(int status);
// RFC 9110: whether one of the tags of If-None-Match is this one, compared weakly.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

class Api {
 public:
  // `product_version` is told by /meta. The clock outlives the api.
  Api(std::string product_version, Clock& clock)
      : product_version_(std::move(product_version)), clock_(clock) {}

  // Nothing: no route has this path.
  std::optional<ApiResponse> handle(const ApiRequest& request, Report& report) const;

 private:
  struct Context;
  using Handler = Answer<std::string> (Api::*)(Context&) const;
  static Handler find_handler(Context& context, std::string_view path);

  Answer<std::string> meta(Context& context) const;
  Answer<std::string> kpis(Context& context) const;
  Answer<std::string> series(Context& context) const;
  Answer<std::string> top(Context& context) const;
  Answer<std::string> names(Context& context) const;
  Answer<std::string> cells(Context& context) const;
  Answer<std::string> quality(Context& context) const;
  Answer<std::string> pipeline(Context& context) const;
  ApiResponse health(Report& report) const;

  std::string product_version_;
  Clock& clock_;
};

}  // namespace hirestream
