// Questions as they come in the query of a URL, read strictly: an unknown parameter, one given
// twice or a value that is not allowed is a Problem which names it. The range of time is read here
// too. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "ports/report.h"

namespace hirestream {

// RFC 9457. The title is the status's meaning.
struct Problem {
  int status = 400;
  std::string detail;
  std::string parameter;  // empty: none in particular
  std::string allowed;
  std::string type = "about:blank";
  std::string cause = {};  // for the log; never told to clients
};

template <typename T>
using Answer = tl::expected<T, Problem>;

using QueryParameters = std::multimap<std::string, std::string>;

struct HourRange {
  int32_t from = 0;
  int32_t to = 0;  // exclusive
  // Of the same length, ending where this one begins.
  HourRange previous() const { return {from - (to - from), from}; }
  friend bool operator==(const HourRange&, const HourRange&) = default;
};

// What a change is told of: the completed hours of a range, and the same hours one length of the
// range earlier. So the running hour is on neither side. A range without a completed hour is first
// moved back by whole lengths of itself, until it is over.
struct Comparison {
  HourRange current;
  HourRange previous;
};
Comparison compare_completed(HourRange range, int32_t now_hour);

// "2026-03-01T09:00" of civil hours since 1970, and back; from 1970 to 2199.
std::string format_hour(int32_t local_hour);
std::optional<int32_t> parse_hour(std::string_view text);
// "2026-03-01T09:00:00.123456Z"
std::string format_instant(int64_t us);
// For `after` of cells: the key of the last row of a page, and back.
std::string format_cell_key(const CellKey& key);
std::optional<CellKey> parse_cell_key(std::string_view text);

class Query {
 public:
  // `known`: the parameters of this route.
  static Answer<Query> read(const QueryParameters& given, std::vector<std::string_view> known);

  // Range of `from` and `to`, or `last` back from the end of the current hour or day.
  Answer<HourRange> range(int32_t now_hour) const;
  // Range and ids.
  Answer<ReportFilter> filter(int32_t now_hour) const;
  Answer<std::vector<int64_t>> ids(const std::string& name) const;
  Answer<int64_t> integer(const std::string& name, int64_t fallback, int64_t min,
                          int64_t max) const;
  // The first word is the default.
  Answer<std::string> word(const std::string& name,
                           const std::vector<std::string_view>& allowed) const;
  // At most `max` bytes of UTF-8.
  Answer<std::string> text(const std::string& name, size_t max) const;
  bool has(const std::string& name) const { return values_.contains(name); }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace hirestream
