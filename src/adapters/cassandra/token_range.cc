#include "adapters/cassandra/token_range.h"

#include "model/result.h"
#include "ports/event_source.h"

namespace hirestream {
namespace {

// The last token before a place. No key has the least token of all.
int64_t last_token_before(uint64_t place) {
  if (place == 0) {
    return INT64_MIN;
  }
  return static_cast<int64_t>(((place << 32) ^ (uint64_t{1} << 63)) - 1);
}

}  // namespace

TokenRange token_range(uint64_t begin, uint64_t end) {
  HIRESTREAM_CHECK(begin < end && end <= kRingPlaces);
  return {last_token_before(begin), last_token_before(end)};
}

}  // namespace hirestream
