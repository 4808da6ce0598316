// Whether the engines still read: of each source when it was read last, and how fresh its rows were
// counted, from the figures that engines keep by minute. An engine reads, and reports that, whether
// there are rows or not. Files do not move by themselves and are left out.
//
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "ports/report.h"

namespace hirestream {

// What the source that waits longest has come to.
struct EngineReading {
  std::string source;         // empty: no engine has reported anything
  int64_t last_read_us = 0;   // begin of the minute; of its first report, when it was never read
  int64_t freshness_us = -1;  // of the newest minute with fresh rows; < 0: none lately
  friend bool operator==(const EngineReading&, const EngineReading&) = default;
};

inline constexpr int64_t kUnreadUsMax = 300'000'000;  // then something is wrong

class ReadingWatch {
 public:
  // Asks for the newest minutes only, but once for all of them when a source has none.
  Result<EngineReading> look(Report& report, std::span<const SourceQuality> sources,
                             int64_t now_us);

 private:
  struct Seen {
    int64_t first_us = 0;
    int64_t last_read_us = 0;  // 0: never
  };
  void take(std::span<const PipelineMinute> minutes);

  std::map<std::string, Seen> seen_;
  bool all_asked_ = false;
};

}  // namespace hirestream
