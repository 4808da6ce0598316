// A raw row as it lies in a table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/raw_event.h"

namespace hirestream {

struct StoredEvent {
  RawEvent event;
  int64_t written_us = 0;        // microseconds since 1970, of the newest value
  std::optional<int32_t> ttl_s;  // what is left; nothing: it does not expire
  // Of each value that is there; of key columns the row's.
  std::array<int64_t, kRawColumnNames.size()> values_written_us{};
};

}  // namespace hirestream
