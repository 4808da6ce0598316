// Reporting time zones whose clock changes are written out by hand, so that what the engine counts
// is compared with something that the time zone database has no part in. Good for the times of the
// simulation: March 2026 to April 2027.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hirestream::simulation {

struct ZoneOffset {
  int64_t from_us = 0;  // UTC
  int64_t offset_us = 0;
};

struct Zone {
  std::string name;
  // By time; the first one holds from ever.
  std::vector<ZoneOffset> offsets;

  // Civil hours since 1970, of a time after that.
  int32_t local_hour(int64_t utc_us) const;
  // When its clocks change: none where there is no summer time.
  std::vector<int64_t> changes() const;
};

const std::vector<Zone>& zones();

}  // namespace hirestream::simulation
