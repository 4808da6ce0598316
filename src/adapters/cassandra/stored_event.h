// A raw row as it lies in a table.
#pragma once

#include <cstdint>
#include <optional>

#include "model/raw_event.h"

namespace hirestream {

struct StoredEvent {
  RawEvent event;
  int64_t written_us = 0;        // microseconds since 1970, of the newest value
  std::optional<int32_t> ttl_s;  // what is left; nothing: it does not expire
};

}  // namespace hirestream
