// What defines the numbers besides the rows: kinds, attribution, time zone, bounds of the event
// time. All of it goes into the source's fingerprint: changing it would mix two meanings in one
// table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/time_zone.h"

namespace hirestream {

// Which measure an event adds to.
enum class EventKind : uint8_t {
  kImpression,
  kClick,
  kConversion,
  kQualified,
  kUnqualified,
  kOther
};
inline constexpr size_t kEventKindCount = 6;

// custom_track value → kind; the case of letters does not matter. A null custom_track is a page
// view when ev is page_view_ev, as text or as a number (1.0 is 1), and then an impression (if it
// has a job).
struct KindMapping {
  std::map<std::string, EventKind> kinds = {{"click", EventKind::kClick},
                                            {"conversion", EventKind::kConversion},
                                            {"qualified", EventKind::kQualified},
                                            {"unqualified", EventKind::kUnqualified}};
  std::string page_view_ev = "1";
  // "click=click,conversion=conversion,…": for the fingerprint.
  std::string text() const;
};

enum class Attribution : uint8_t {
  // job_id and publisher_id are what the columns say.
  kColumns,
  // Where the column is null: jobId / publisherId of the JSON in `ed`, keys compared without case.
  kPayload,
};
std::string attribution_name(Attribution attribution);  // "columns", "payload"

struct CountingOptions {
  KindMapping kinds;
  Attribution attribution = Attribution::kColumns;
  TimeZone reporting_zone;
  // An event may not be older than this …
  int64_t ts_min_us = 946'684'800'000'000;  // 2000-01-01
  // … nor lie further in the future than its own arrival time plus this (visitors' clocks run
  // ahead).
  int64_t future_max_us = 86'400'000'000;
  // Rows that arrived earlier, by the time in their id, are taken as not there. Ids without a time
  // are counted.
  std::optional<int64_t> start_at_us;
};

}  // namespace hirestream
